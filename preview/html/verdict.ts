import { brokenRules, failing } from '../../policies/finding';
import type { Action, Compared, PlanDiff } from '../diff/plan-diff';
import { restartedGpus } from '../diff/words';
import { counted, listed, whole } from '../format';

/** What a reviewer has to know first. */
export interface Verdict {
  /** `open`: nothing was judged. */
  readonly level: 'stop' | 'look' | 'calm' | 'open';
  /** One or two sentences. */
  readonly text: string;
}

/** How many resources and objects an action befalls. */
export function actionCounts({ resources, objects }: PlanDiff): Readonly<Record<Action, number>> {
  const counts = { create: 0, update: 0, replace: 0, rename: 0, delete: 0 };
  for (const { action } of [...resources, ...objects]) counts[action] += 1;
  return counts;
}

/** Changes with which something is lost, away or not to be carried out. */
export function grave({ resources, objects }: PlanDiff): number {
  return [...resources, ...objects].filter(({ consequences }) => consequences.some(({ kind }) => kind !== 'restart'))
    .length;
}

/** Sums up what fails, what is replaced or deleted, and what starts anew. */
export function verdictOf({ plan, diff }: Compared): Verdict {
  const { rules, findings } = plan.summary.policies;
  const failures = failing(findings);
  const fails = brokenRules(failures).length;
  const policies =
    fails > 0
      ? `${counted(fails, 'policy fails', 'policies fail')}, ${counted(failures.length, 'finding')}.`
      : rules.length > 0
        ? 'No policy fails.'
        : 'No policies were looked at.';
  const calm = rules.length > 0 ? 'calm' : 'open';
  if (diff === undefined) return { level: fails > 0 ? 'stop' : calm, text: policies };
  const counts = actionCounts(diff);
  const gone = listed([
    ...(counts.replace > 0 ? [`${whole(counts.replace)} replaced`] : []),
    ...(counts.delete > 0 ? [`${whole(counts.delete)} deleted`] : []),
  ]);
  const gpus = restartedGpus(diff);
  const unchanged = Object.values(counts).every((count) => count === 0);
  return {
    level: fails > 0 ? 'stop' : gone !== '' || grave(diff) > 0 ? 'look' : calm,
    text: [
      policies,
      unchanged ? 'Nothing changes.' : gone === '' ? 'Nothing is replaced or deleted.' : `${gone}.`,
      ...(gpus > 0 ? [`${counted(gpus, 'GPU')} of running pods ${gpus === 1 ? 'restarts' : 'restart'}.`] : []),
    ].join(' '),
  };
}
