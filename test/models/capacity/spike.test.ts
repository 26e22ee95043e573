import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readyForSpike, type Spike, spikeOutcome } from '../../../models/capacity/spike';

const SPIKE: Spike = { ratePerSecond: 50, readyPerSecond: 10, laterPerSecond: 100, readySeconds: 60, waitSeconds: 30 };

/** The same fluid, request by request. */
function stepped({ ratePerSecond, readyPerSecond, laterPerSecond, readySeconds, waitSeconds }: Spike) {
  let free = 0;
  let late = 0;
  let longest = 0;
  let request = 0;
  for (; ; request += 1) {
    const came = request / ratePerSecond;
    if (free <= came && request > 0) break;
    const wait = Math.max(0, free - came);
    longest = Math.max(longest, wait);
    if (wait > waitSeconds) late += 1;
    free = Math.max(free, came) + 1 / (free < readySeconds ? readyPerSecond : laterPerSecond);
  }
  return { late, longest, gone: request / ratePerSecond };
}

describe('spikeOutcome', () => {
  it('counts what a queue that is stepped through counts', () => {
    fc.assert(
      fc.property(
        fc.record({
          ratePerSecond: fc.double({ min: 20, max: 200, noNaN: true }),
          readyPerSecond: fc.double({ min: 2, max: 19, noNaN: true }),
          laterPerSecond: fc.double({ min: 210, max: 500, noNaN: true }),
          readySeconds: fc.double({ min: 20, max: 300, noNaN: true }),
          waitSeconds: fc.double({ min: 0, max: 200, noNaN: true }),
        }),
        (spike) => {
          const seen = stepped(spike);
          const said = spikeOutcome(spike);
          // A request that is computed when the others get ready goes on at the old speed, and all behind it is later by
          // as much: the backlog by what is done in that time, its end by what that takes beside those who come.
          const held = 1 / spike.readyPerSecond;
          const heldLonger = (held * spike.laterPerSecond) / (spike.laterPerSecond - spike.ratePerSecond);
          const near = (said: number, seen: number, allowed: number) =>
            expect(Math.abs(said - seen)).toBeLessThan(allowed + 0.01 * seen);
          near(said.late, seen.late, 10 + heldLonger * spike.laterPerSecond);
          near(said.longestWaitSeconds, seen.longest, 0.1 + held);
          near(said.goneSeconds, seen.gone, 0.1 + heldLonger);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('ends at once where what is ready does what comes', () => {
    expect(spikeOutcome({ ...SPIKE, readyPerSecond: 50 })).toMatchObject({ backlog: 0, goneSeconds: 0, late: 0 });
  });

  it('never ends where even the new replicas do less than comes', () => {
    expect(spikeOutcome({ ...SPIKE, laterPerSecond: 50 })).toMatchObject({
      backlog: 2400,
      goneSeconds: Number.POSITIVE_INFINITY,
      late: Number.POSITIVE_INFINITY,
    });
  });
});

describe('readyForSpike', () => {
  it('is the least with which nobody waits longer than may be', () => {
    const { ratePerSecond, readySeconds, waitSeconds } = SPIKE;
    const readyPerSecond = readyForSpike(ratePerSecond, readySeconds, waitSeconds);
    expect(spikeOutcome({ ...SPIKE, readyPerSecond })).toMatchObject({ late: 0, longestWaitSeconds: waitSeconds });
    expect(spikeOutcome({ ...SPIKE, readyPerSecond: readyPerSecond * 0.99 }).late).toBeGreaterThan(0);
  });

  it('is all of it for requests that may not wait, and nothing where replicas come before deadlines end', () => {
    expect(readyForSpike(50, 60, -1)).toBe(50);
    expect(readyForSpike(50, 60, 61)).toBe(0);
  });
});
