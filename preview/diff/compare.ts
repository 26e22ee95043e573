import type { Progress } from '../../bin/progress';
import { buildPlan } from '../build-plan';
import { environmentNames } from '../config-file';
import type { Plan } from '../plan';
import { currentDay, planPolicies } from '../plan-policies';
import { type Base, basePlan } from './base-plan';
import { diffPlans } from './diff-plans';
import type { Compared } from './plan-diff';

export interface CompareOptions {
  /** The project's root. */
  readonly root: string;
  /** The folder of the `Pulumi.<env>.yaml` files. */
  readonly folder: string;
  readonly environment: string;
  /** What to compare with: `origin/main`. */
  readonly base: string;
}

/**
 * The plan of an environment, and what differs from the base.
 *
 * @throws InputError where the environment's file cannot work, or there is no such base
 */
export async function compare(
  options: CompareOptions,
  progress: Progress,
): Promise<Compared & Required<Pick<Compared, 'diff'>>> {
  const { root, folder, environment, base: ref } = options;
  const evaluation = basePlan({ root, folder, environment, ref }, progress);
  // Of two that fail the environment's own problems are told: those of the base are waited for all the same.
  const [base, plan] = await Promise.allSettled([evaluation, planAfter(folder, environment, evaluation)]);
  if (plan.status === 'rejected') throw plan.reason;
  if (base.status === 'rejected') throw base.reason;
  const { revision, plan: before, failed } = base.value;
  const after = plan.value;
  // Today's rules on both sides, each by its own settings: a finding is new where the change brings it.
  const settings = after.summary.policySettings && {
    ...after.summary.policySettings,
    ...before?.summary.policySettings,
  };
  const findingsBefore = before && settings && planPolicies(before.resources, settings, currentDay());
  const diff = diffPlans({ environment, base: revision, before, after, findingsBefore });
  return { plan: after, diff: { ...diff, ...(failed !== undefined && { baseFailed: failed }) } };
}

/** The plan of today; an empty one where only the base has such an environment. */
async function planAfter(folder: string, environment: string, base: Promise<Base>): Promise<Plan> {
  if (environmentNames(folder).includes(environment)) return buildPlan(folder, environment);
  const { plan } = await base;
  // Says that there is no such environment.
  if (plan === undefined) return buildPlan(folder, environment);
  const { platform, cluster } = plan.summary;
  return {
    environment,
    resources: [],
    charts: [],
    outputs: {},
    summary: {
      platform,
      cluster,
      resources: {},
      objects: {},
      models: [],
      policies: { rules: [], findings: [] },
      warnings: [
        `Pulumi.${environment}.yaml is gone: that destroys nothing by itself. Run pulumi destroy --stack ${environment} while the file is still there`,
      ],
    },
  };
}
