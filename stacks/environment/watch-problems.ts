import { isSynced } from '../../constructs/model-source';
import type { Model } from '../../models/model';
import type { Problem } from '../../models/problem';
import { isLanguageModel, workingBackends, worldSize } from '../../models/spec/backend';
import type { ServedModel } from './environment';

/** Servers that cannot load while they run, or have nothing to wait for. */
export function watchProblems(model: Model, source: ServedModel['source'], watch: boolean, key: string): Problem[] {
  if (!watch) return [];
  if (!isSynced(source)) {
    return [
      { key, value: true, reason: `there is nothing to fetch from a source of kind ${source.kind}`, fix: 'remove it' },
    ];
  }
  if (source.release !== undefined) {
    const reason = `all pods serve release ${source.release}, whatever else is published`;
    return [{ key, value: true, reason, fix: 'remove it, or the release' }];
  }
  if (workingBackends(model.backend).some((each) => isLanguageModel(each) && worldSize(each) > 1)) {
    const reason = `${model.name} runs in several processes, of which only the first would load something new`;
    return [{ key, value: true, reason, fix: 'remove it: publish, and name the release' }];
  }
  return [];
}
