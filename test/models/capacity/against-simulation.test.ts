import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchReplica, SlotReplica } from '../../../bench/autoscale/replica';
import { runSingle, steadyTraffic, waitFigures } from '../../../bench/autoscale/single';
import { batchQueue } from '../../../models/capacity/batch-queue';
import { slotQueue } from '../../../models/capacity/slot-queue';

// The bounds stand in docs/autoscaling.md. What a simulation of so many requests is off by itself is within them.
const REQUESTS = 100_000;
// Nothing is made smaller on failure: each run takes a tenth of a second, and smaller loads say nothing.
const FIXED = { seed: 20_261_121, endOnFailure: true };

/** Hundredths from one figure to another. */
const hundredths = (min: number, max: number) =>
  fc.integer({ min: Math.round(min * 100), max: Math.round(max * 100) }).map((each) => each / 100);

const table = (most: number, secondsAt: (n: number) => number) =>
  Array.from({ length: most + 1 }, (_, n) => secondsAt(Math.max(1, n)));

function simulatedSlots(
  seed: number,
  slots: number,
  secondsAt: (n: number) => number,
  rate: number,
  arrivalCv: number,
  workCv: number,
) {
  const requests = steadyTraffic(seed, REQUESTS, rate, { arrivalCv, workCv });
  runSingle(requests, new SlotReplica(requests, slots, table(slots, secondsAt)));
  return waitFigures(requests);
}

function simulatedBatches(
  seed: number,
  maxBatch: number,
  instances: number,
  secondsAt: (n: number) => number,
  rate: number,
  arrivalCv = 1,
) {
  const requests = steadyTraffic(seed, REQUESTS, rate, { arrivalCv, workCv: 0 });
  runSingle(requests, new BatchReplica(requests, maxBatch, instances, table(maxBatch, secondsAt)));
  return waitFigures(requests);
}

describe('slotQueue against a simulation of the same slots', () => {
  it('is within a fifth of a mean conditional wait and a tenth, for Poisson arrivals and any work', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 4, 8, 24, 64),
        hundredths(0.2, 0.88),
        hundredths(0, 2),
        hundredths(1, 4),
        fc.nat(),
        (slots, load, cv, slowdown, seed) => {
          const secondsAt = (n: number) => 1 + (slots === 1 ? 0 : ((slowdown - 1) * (n - 1)) / (slots - 1));
          const rate = (load * slots) / secondsAt(slots);
          const seen = simulatedSlots(seed, slots, secondsAt, rate, 1, cv);
          const said = slotQueue({ ratePerSecond: rate }, { slots, secondsAt, cv });
          const unit = (secondsAt(slots) / slots / (1 - load)) * Math.max(1, (1 + cv ** 2) / 2);
          expect(Math.abs(said.p95WaitSeconds - seen.p95WaitSeconds)).toBeLessThan(
            0.2 * unit + 0.1 * seen.p95WaitSeconds,
          );
          expect(Math.abs(said.meanWaitSeconds - seen.meanWaitSeconds)).toBeLessThan(
            0.05 * unit + 0.1 * seen.meanWaitSeconds,
          );
          expect(said.meanInFlight / seen.meanInFlight).toBeGreaterThan(0.9);
          expect(said.meanInFlight / seen.meanInFlight).toBeLessThan(1.1);
        },
      ),
      { numRuns: 25, ...FIXED },
    );
  });

  it('says at least half of the wait that arrivals of a variation up to 1.5 cause', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4, 24, 64),
        hundredths(0.7, 0.88),
        hundredths(1.1, 1.5),
        fc.nat(),
        (slots, load, arrivalCv, seed) => {
          const seen = simulatedSlots(seed, slots, () => 1, load * slots, arrivalCv, 1);
          const said = slotQueue({ ratePerSecond: load * slots, cv: arrivalCv }, { slots, secondsAt: () => 1, cv: 1 });
          const unit = 1 / slots / (1 - load);
          expect(said.meanWaitSeconds).toBeGreaterThan(0.5 * seen.meanWaitSeconds - 0.05 * unit);
          expect(said.meanWaitSeconds).toBeLessThan(1.1 * seen.meanWaitSeconds);
        },
      ),
      { numRuns: 8, ...FIXED },
    );
  });
});

const passes = fc.tuple(fc.constantFrom(2, 4, 8, 32), hundredths(0.1, 0.85), hundredths(0, 1), fc.nat());

describe('batchQueue against a simulation of the same batches', () => {
  it('is exact for one instance and Poisson arrivals', () => {
    fc.assert(
      fc.property(passes, ([maxBatch, load, fixed, seed]) => {
        const secondsAt = (n: number) => fixed + ((1 - fixed) * n) / maxBatch;
        const rate = (load * maxBatch) / secondsAt(maxBatch);
        const seen = simulatedBatches(seed, maxBatch, 1, secondsAt, rate);
        const said = batchQueue({ ratePerSecond: rate }, { maxBatch, instances: 1, secondsAt });
        for (const key of ['meanWaitSeconds', 'p95WaitSeconds', 'meanInFlight'] as const) {
          expect(said[key] / seen[key], key).toBeGreaterThan(0.9);
          expect(said[key] / seen[key], key).toBeLessThan(1.1);
        }
      }),
      { numRuns: 20, ...FIXED },
    );
  });

  it('is on the safe side for several instances: from nine tenths to two and a half times', () => {
    fc.assert(
      fc.property(passes, fc.integer({ min: 2, max: 6 }), ([maxBatch, load, fixed, seed], instances) => {
        const secondsAt = (n: number) => fixed + ((1 - fixed) * n) / maxBatch;
        const rate = (load * instances * maxBatch) / secondsAt(maxBatch);
        const seen = simulatedBatches(seed, maxBatch, instances, secondsAt, rate);
        const said = batchQueue({ ratePerSecond: rate }, { maxBatch, instances, secondsAt });
        expect(said.p95WaitSeconds).toBeGreaterThan(0.9 * seen.p95WaitSeconds - 0.01);
        // While load is low one of them is nearly always free, and none waits: up to a third of a full pass is said then.
        const none = 0.35;
        expect(said.p95WaitSeconds).toBeLessThan(2.5 * seen.p95WaitSeconds + none);
      }),
      { numRuns: 20, ...FIXED },
    );
  });

  it('is between three quarters and two and a half times for arrivals of a variation up to 1.5', () => {
    fc.assert(
      fc.property(passes, hundredths(1.1, 1.5), ([maxBatch, load, fixed, seed], cv) => {
        const secondsAt = (n: number) => fixed + ((1 - fixed) * n) / maxBatch;
        const rate = (load * maxBatch) / secondsAt(maxBatch);
        const seen = simulatedBatches(seed, maxBatch, 1, secondsAt, rate, cv);
        const said = batchQueue({ ratePerSecond: rate, cv }, { maxBatch, instances: 1, secondsAt });
        expect(said.meanWaitSeconds).toBeGreaterThan(0.75 * seen.meanWaitSeconds);
        expect(said.meanWaitSeconds).toBeLessThan(2.5 * seen.meanWaitSeconds);
      }),
      { numRuns: 8, ...FIXED },
    );
  });
});
