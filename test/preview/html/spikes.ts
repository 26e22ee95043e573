import type { Plan, PlannedSpike } from '../../../preview/plan';

/** A spike that new replicas carry, one that they do not, and one that nobody notices. */
export const SPIKES: Readonly<Record<'goes' | 'stays' | 'none', PlannedSpike>> = {
  goes: {
    times: 3,
    ratePerSecond: [7, 21],
    rounds: [
      { seconds: 0, replicas: 3 },
      { seconds: 700, replicas: 4 },
      { seconds: 1400, replicas: 6 },
      { seconds: 2100, replicas: 8 },
      { seconds: 2800, replicas: 11 },
      { seconds: 3500, replicas: 12 },
    ],
    needed: 9,
    floor: 8,
    curve: [
      { seconds: 0, waiting: 0 },
      { seconds: 700, waiting: 9_100 },
      { seconds: 1400, waiting: 16_310 },
      { seconds: 2100, waiting: 19_740 },
      { seconds: 2800, waiting: 19_390 },
      { seconds: 3500, waiting: 13_370 },
      { seconds: 4800, waiting: 0 },
    ],
    gone: { goneSeconds: 4800, longestWaitSeconds: 940, late: 98_020, came: 100_800 },
  },
  stays: {
    times: 10,
    ratePerSecond: [8.4, 84],
    rounds: [
      { seconds: 0, replicas: 4 },
      { seconds: 636, replicas: 5 },
    ],
    needed: 40,
    floor: 31,
    curve: [
      { seconds: 0, waiting: 0 },
      { seconds: 636, waiting: 46_640 },
      { seconds: 954, waiting: 69_112 },
    ],
  },
  none: {
    times: 10,
    ratePerSecond: [0.1, 1],
    rounds: [{ seconds: 0, replicas: 1 }],
    needed: 1,
    floor: 1,
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
