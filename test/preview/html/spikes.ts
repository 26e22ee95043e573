import type { Plan, PlannedSpike } from '../../../preview/plan';

/** A spike that new replicas carry, one that they do not, and one that nobody notices. */
export const SPIKES: Readonly<Record<'goes' | 'stays' | 'none', PlannedSpike>> = {
  goes: {
    times: 10,
    ratePerSecond: [2.1, 21],
    replicas: { ready: 1, later: 12, needed: 11, floor: 9 },
    readySeconds: 636,
    curve: [
      { seconds: 0, waiting: 0 },
      { seconds: 636, waiting: 11_900 },
      { seconds: 2280, waiting: 0 },
    ],
    gone: { goneSeconds: 2280, longestWaitSeconds: 561, late: 40_120, came: 47_880 },
  },
  stays: {
    times: 10,
    ratePerSecond: [8.4, 84],
    replicas: { ready: 4, later: 5, needed: 40, floor: 31 },
    readySeconds: 636,
    curve: [
      { seconds: 0, waiting: 0 },
      { seconds: 636, waiting: 46_640 },
      { seconds: 954, waiting: 69_112 },
    ],
  },
  none: {
    times: 10,
    ratePerSecond: [0.1, 1],
    replicas: { ready: 1, later: 2, needed: 1, floor: 0 },
    readySeconds: 636,
    curve: [{ seconds: 0, waiting: 0 }],
    gone: { goneSeconds: 0, longestWaitSeconds: 0, late: 0, came: 0 },
  },
};

/** A plan whose first models have these spikes. */
export function withSpikes(plan: Plan, ...spikes: readonly PlannedSpike[]): Plan {
  const models = plan.summary.models.map((model, index) => {
    const spike = spikes[index];
    return spike === undefined ? model : { ...model, spike };
  });
  return { ...plan, summary: { ...plan.summary, models } };
}
