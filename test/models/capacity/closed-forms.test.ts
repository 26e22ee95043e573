import { describe, expect, it } from 'vitest';
import { batchQueue } from '../../../models/capacity/batch-queue';
import { slotQueue } from '../../../models/capacity/slot-queue';

/** Erlang's C by his recursion for B (Erlang, 1917): another way to the same figure. */
function erlangC(servers: number, load: number): number {
  let blocked = 1;
  for (let n = 1; n <= servers; n += 1) blocked = (load * blocked) / (n + load * blocked);
  return blocked / (1 - (load / servers) * (1 - blocked));
}

const CASES = [1, 2, 5, 24, 64, 500, 4096].flatMap((slots) => [0.2, 0.7, 0.95].map((load) => [slots, load] as const));

describe('slotQueue', () => {
  it.each(CASES)('is M/M/c with %i slots of constant speed at a load of %f', (slots, load) => {
    const seconds = 3;
    const ratePerSecond = (load * slots) / seconds;
    const figures = slotQueue({ ratePerSecond }, { slots, secondsAt: () => seconds, cv: 1 });
    const waitShare = erlangC(slots, load * slots);
    expect(figures.utilization).toBeCloseTo(load, 12);
    expect(figures.waitShare).toBeCloseTo(waitShare, 9);
    expect(figures.meanWaitSeconds).toBeCloseTo((waitShare * seconds) / (slots * (1 - load)), 9);
    expect(figures.meanInFlight / (ratePerSecond * (figures.meanWaitSeconds + seconds))).toBeCloseTo(1, 9);
  });

  it('is M/G/1 with one slot (Pollaczek and Khinchine)', () => {
    for (const cv of [0, 0.5, 1, 3]) {
      const { meanWaitSeconds } = slotQueue({ ratePerSecond: 0.8 }, { slots: 1, secondsAt: () => 1, cv });
      expect(meanWaitSeconds).toBeCloseTo((0.8 * (1 + cv ** 2)) / (2 * 0.2), 9);
    }
  });

  it('has the percentile of M/M/1', () => {
    const { p95WaitSeconds } = slotQueue({ ratePerSecond: 0.8 }, { slots: 1, secondsAt: () => 1, cv: 1 });
    expect(0.8 * Math.exp(-0.2 * p95WaitSeconds)).toBeCloseTo(0.05, 12);
  });

  it('is slower where all slots are taken than where one is', () => {
    const at = (secondsAt: (n: number) => number) => slotQueue({ ratePerSecond: 6 }, { slots: 8, secondsAt, cv: 1 });
    const slowing = at((n) => 0.3 + 0.1 * n);
    expect(slowing.utilization).toBeCloseTo((6 * 1.1) / 8, 12);
    expect(slowing.meanWaitSeconds).toBeLessThan(at(() => 1.1).meanWaitSeconds);
    expect(slowing.meanWaitSeconds).toBeGreaterThan(at(() => 0.4).meanWaitSeconds);
  });

  it('says that a queue only grows where more comes than is done', () => {
    expect(slotQueue({ ratePerSecond: 8 }, { slots: 8, secondsAt: () => 1, cv: 1 })).toMatchObject({
      utilization: 1,
      p95WaitSeconds: Number.POSITIVE_INFINITY,
    });
  });
});

describe('batchQueue', () => {
  it('is M/D/1 where batching gains nothing and one request is taken at a time', () => {
    const { meanWaitSeconds } = batchQueue({ ratePerSecond: 0.7 }, { maxBatch: 1, instances: 1, secondsAt: () => 1 });
    expect(meanWaitSeconds).toBeCloseTo(0.7 / (2 * 0.3), 9);
  });

  it('has the wait that follows from its batches alone while a batch of any size takes equally long', () => {
    // With a constant pass and no largest batch that matters, what comes waits for the pass in progress and no longer.
    const figures = batchQueue({ ratePerSecond: 3 }, { maxBatch: 64, instances: 1, secondsAt: () => 1 });
    const busy = 1 / (1 + Math.exp(-3) / 3);
    expect(figures.waitShare).toBeCloseTo(busy, 9);
    expect(figures.meanWaitSeconds).toBeCloseTo(busy / 2, 4);
    expect(figures.p95WaitSeconds).toBeGreaterThan(0.9);
    expect(figures.p95WaitSeconds).toBeLessThan(1);
    expect(figures.meanInFlight).toBeCloseTo(3 * (figures.meanWaitSeconds + 1), 9);
  });

  it('has a limit in the fluid of a full load: half a pass of waiting', () => {
    // Passes of a + b n, so many requests that chance plays no part: a pass of T holds rate × T.
    const [a, b, ratePerSecond] = [1, 0.0005, 1000];
    const figures = batchQueue({ ratePerSecond }, { maxBatch: 4000, instances: 1, secondsAt: (n) => a + b * n });
    const pass = a / (1 - ratePerSecond * b);
    expect(figures.meanWaitSeconds / (pass / 2)).toBeGreaterThan(0.99);
    expect(figures.meanWaitSeconds / (pass / 2)).toBeLessThan(1.01);
  });

  it('waits longer for arrivals that vary more, and no less for those that vary less', () => {
    const at = (cv: number) =>
      batchQueue({ ratePerSecond: 5, cv }, { maxBatch: 8, instances: 1, secondsAt: () => 1 }).meanWaitSeconds;
    expect(at(1.5) / at(1)).toBeCloseTo(2.25, 9);
    expect(at(0.5)).toBe(at(1));
  });
});
