import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Spike, spikeOutcome } from '../../../models/capacity/spike';

/** Replicas that do 10 requests a second each, and tell 2 targets while they are full. */
const SPIKE: Spike = {
  ratePerSecond: 15,
  from: 1,
  most: 8,
  perReplica: 10,
  readySeconds: 60,
  waitSeconds: 1,
  told: (perSecond) => Math.min(perSecond, 10) / 5,
};

const NEVER = Number.POSITIVE_INFINITY;

describe('spikeOutcome', () => {
  it('has each replica keep its own backlog, while the autoscaler adds others in rounds', () => {
    const { late, ...outcome } = spikeOutcome(SPIKE);
    expect(outcome).toEqual({
      rounds: [
        { seconds: 0, replicas: 1 },
        { seconds: 60, replicas: 2 },
        // One of two is full and the other takes 7.5: 1.75 targets each.
        { seconds: 120, replicas: 4 },
      ],
      backlog: 300,
      goneSeconds: 144,
      longestWaitSeconds: 30,
      came: 2160,
      curve: [
        { seconds: 0, waiting: 0 },
        { seconds: 60, waiting: 300 },
        { seconds: 120, waiting: 150 },
        { seconds: 144, waiting: 0 },
      ],
    });
    // Those who find more than 10 ahead: of 900 all but a thirtieth, then 450 of one replica, then 90 but a fifteenth.
    expect(late).toBeCloseTo(870 + 450 + 84, 6);
  });

  it('ends at once where what is ready does what comes', () => {
    expect(spikeOutcome({ ...SPIKE, ratePerSecond: 10 })).toEqual({
      rounds: [{ seconds: 0, replicas: 1 }],
      backlog: 0,
      goneSeconds: 0,
      longestWaitSeconds: 0,
      late: 0,
      came: 0,
      curve: [{ seconds: 0, waiting: 0 }],
    });
  });

  it('never ends where all replicas do less than comes, and is shown for half as long again', () => {
    const never = { backlog: NEVER, goneSeconds: NEVER, longestWaitSeconds: NEVER, late: NEVER, came: NEVER };
    expect(spikeOutcome({ ...SPIKE, ratePerSecond: 50, most: 2 })).toEqual({
      ...never,
      rounds: [
        { seconds: 0, replicas: 1 },
        { seconds: 60, replicas: 2 },
      ],
      curve: [
        { seconds: 0, waiting: 0 },
        { seconds: 60, waiting: 2400 },
        { seconds: 90, waiting: 3300 },
      ],
    });
    const alone = spikeOutcome({ ...SPIKE, most: 1 });
    expect(alone).toMatchObject({ ...never, curve: [{ waiting: 0 }, { seconds: 60, waiting: 300 }] });
  });

  it('keeps requests no longer the more replicas it begins with, nor counts more late than came', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 1, max: 500, noNaN: true }),
        fc.double({ min: 1.12, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 300, noNaN: true }),
        (from, ratePerSecond, full, waitSeconds) => {
          const told = (perSecond: number) => (Math.min(perSecond, 10) / 10) * full;
          const spike = { ...SPIKE, from, ratePerSecond, waitSeconds, told, most: 60 };
          const one = spikeOutcome(spike);
          const more = spikeOutcome({ ...spike, from: from + 1 });
          expect(more.longestWaitSeconds).toBeLessThanOrEqual(one.longestWaitSeconds);
          expect(one.late).toBeLessThanOrEqual(one.came * (1 + 1e-9));
          expect(one.late > 0).toBe(one.longestWaitSeconds > waitSeconds);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
