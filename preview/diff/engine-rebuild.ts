import type { PlannedModel } from '../plan';
import type { ModelChange } from './plan-diff';

/** Whether the engine of a model has to be built again, and for which of the things that it is built from. */
export function engineLines({ before, after }: ModelChange): string[] {
  if (after?.engine === undefined) return [];
  if (before === undefined) return ['its engine is to be built'];
  if (before.engine === undefined) {
    return tellsEngines(before, after) ? ['its engine is to be built: it had none before'] : [];
  }
  if (before.engine.digest === after.engine.digest) return ['its engine stays: nothing that it is built from changes'];
  const [old, now] = [before.engine.inputs, after.engine.inputs];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
  const changes = keys.flatMap((key) =>
    old[key] === now[key] ? [] : [`${key} ${old[key] ?? 'default'} → ${now[key] ?? 'default'}`],
  );
  return [`its engine has to be built again: ${changes.join(', ')}`];
}

/** Plans of older versions of the project tell nothing of engines. */
export function tellsEngines(before: PlannedModel, after: PlannedModel): boolean {
  return before.engine !== undefined || before.backend !== after.backend;
}
