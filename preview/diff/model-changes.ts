import { isDeepStrictEqual } from 'node:util';
import type { PlannedModel } from '../plan';
import { sortedBy } from '../sorted-by';
import { tellsEngines } from './engine-rebuild';
import { pairs } from './pairs';
import type { ModelChange } from './plan-diff';

/** Served models of both sides: by name, and those that are under another name what they were. */
export function modelPairs(before: readonly PlannedModel[], after: readonly PlannedModel[]) {
  const same = { before: ({ name }: PlannedModel) => [name], after: ({ name }: PlannedModel) => [name] };
  const alike = { before: essence, after: essence };
  return pairs(before, after, [same, alike]);
}

/** What a model is, whatever it is called. */
function essence({ backend, accelerator, gpusPerPod, memory, loadSeconds }: PlannedModel): string[] {
  return [JSON.stringify([backend, accelerator, gpusPerPod, memory, loadSeconds])];
}

/** Models that are served under another name: the name before, and the name after. */
export function renamedModels(matched: ReturnType<typeof modelPairs>): ReadonlyMap<string, string> {
  return new Map(
    matched.flatMap(({ before, after }) =>
      before !== undefined && after !== undefined && before.name !== after.name
        ? [[before.name, after.name] as const]
        : [],
    ),
  );
}

/** A model without what the other side's version of the project did not tell of it. */
function asTold(before: PlannedModel | undefined, after: PlannedModel | undefined): PlannedModel | undefined {
  if (before === undefined || after === undefined || tellsEngines(before, after)) return after;
  const { engine: _, ...rest } = after;
  return rest;
}

/** Models that are new, gone, or described otherwise, sorted by name. */
export function modelChanges(matched: ReturnType<typeof modelPairs>): ModelChange[] {
  const changes = matched
    .filter(({ before, after }) => !isDeepStrictEqual(before, asTold(before, after)))
    .map(({ before, after }) => ({
      name: (after ?? before)?.name ?? '',
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    }));
  return sortedBy(changes, ({ name }) => name);
}
