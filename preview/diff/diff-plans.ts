import type { Finding, PolicyReport } from '../../policies/finding';
import type { Plan } from '../plan';
import { modelChanges, modelPairs, renamedModels } from './model-changes';
import { objectChanges, objectPairs } from './object-changes';
import type { FindingChanges, PlanDiff, Revision } from './plan-diff';
import { resourceChanges } from './resource-changes';
import { rollouts } from './rollouts';
import { versionChanges } from './version-changes';

/** The two sides of a comparison. A side is left out where it has no such environment. */
export interface Sides {
  readonly environment: string;
  readonly base: Revision;
  readonly before?: Plan | undefined;
  readonly after?: Plan | undefined;
  /** What today's rules say of the base. */
  readonly findingsBefore?: PolicyReport | undefined;
}

/** What becomes of an environment from one plan to another. */
export function diffPlans({ environment, base, before, after, findingsBefore }: Sides): PlanDiff {
  const models = modelPairs(before?.summary.models ?? [], after?.summary.models ?? []);
  const objects = objectPairs(before, after, renamedModels(models));
  const costBefore = before?.summary.cost;
  const costAfter = after?.summary.cost;
  return {
    environment,
    base,
    resources: resourceChanges(before, after),
    objects: objectChanges(objects),
    rollouts: rollouts(objects, after),
    models: modelChanges(models),
    cost: {
      ...(costBefore !== undefined && { before: costBefore }),
      ...(costAfter !== undefined && { after: costAfter }),
    },
    versions: versionChanges(before, after),
    policies: findingChanges(findingsBefore?.findings ?? [], after?.summary.policies.findings ?? []),
  };
}

/**
 * Findings are the same where rule, subject and field are: a value that is wrong otherwise is no new one. One that weighs
 * more than before, since settings or waivers are others, is new.
 */
function findingChanges(before: readonly Finding[], after: readonly Finding[]): FindingChanges {
  const key = ({ rule, subject, path = '' }: Finding) => `${rule} ${subject} ${path}`;
  const weighed = (finding: Finding) => `${key(finding)} ${finding.severity} ${finding.waiver === undefined}`;
  const old = new Set(before.map(weighed));
  const now = new Set(after.map(key));
  return {
    added: after.filter((finding) => !old.has(weighed(finding))),
    standing: after.filter((finding) => old.has(weighed(finding))),
    resolved: before.filter((finding) => !now.has(key(finding))),
  };
}

/** Whether nothing differs. */
export function isEmpty({ resources, objects, rollouts: restarted, models, versions, policies }: PlanDiff): boolean {
  return [resources, objects, restarted, models, versions, policies.added, policies.resolved].every(
    (changes) => changes.length === 0,
  );
}
