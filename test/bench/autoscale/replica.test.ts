import { describe, expect, it } from 'vitest';
import { BatchReplica, SlotReplica } from '../../../bench/autoscale/replica';
import { requestsOf } from '../../../bench/autoscale/requests';
import { runSingle, steadyTraffic, waitFigures } from '../../../bench/autoscale/single';

const same = (most: number, seconds: number) => Array.from({ length: most + 1 }, () => seconds);

describe('SlotReplica', () => {
  it('answers in as long as the work takes at the speed of each moment', () => {
    // Alone a request takes 2 s, two of them 4 s each.
    const requests = requestsOf([0, 1], () => 1);
    runSingle(requests, new SlotReplica(requests, 2, [0, 2, 4]));
    // Half of the first is done after 1 s; then both at half the speed: the first ends at 3, the second has 1/2 left.
    expect([...requests.done]).toEqual([3, 4]);
  });

  it('starts what waits first in, first out, when a slot is free', () => {
    const requests = requestsOf([0, 0.1, 0.2], () => 1);
    runSingle(requests, new SlotReplica(requests, 1, same(1, 1)));
    expect([...requests.started]).toEqual([0, 1, 2]);
    expect([...requests.done]).toEqual([1, 2, 3]);
  });

  it('is M/M/1: Little, the mean and the percentile of waits', () => {
    const requests = steadyTraffic(11, 400_000, 0.7, { workCv: 1 });
    const replica = new SlotReplica(requests, 1, same(1, 1));
    runSingle(requests, replica);
    const seen = waitFigures(requests);
    expect(seen.meanWaitSeconds / (0.7 / 0.3)).toBeCloseTo(1, 1);
    expect(seen.p95WaitSeconds / (Math.log(0.7 / 0.05) / 0.3)).toBeCloseTo(1, 1);
    expect(seen.waitShare).toBeCloseTo(0.7, 2);
    // Little's law: in flight = rate × (wait + service).
    expect(seen.meanInFlight / (0.7 * (seen.meanWaitSeconds + 1))).toBeCloseTo(1, 2);
    expect(replica.counters.busy / (requests.at.at(-1) as number)).toBeCloseTo(0.7, 2);
  });

  it('is M/M/c: the share that waits and the mean', () => {
    const requests = steadyTraffic(12, 400_000, 6, { workCv: 1 });
    runSingle(requests, new SlotReplica(requests, 8, same(8, 1)));
    const seen = waitFigures(requests);
    // Erlang C of 8 servers and a load of 6, from its table.
    expect(seen.waitShare).toBeCloseTo(0.357, 1);
    expect(seen.meanWaitSeconds).toBeCloseTo(0.357 / 2, 1);
  });
});

describe('BatchReplica', () => {
  it('takes what waits when an instance is free, up to the largest batch', () => {
    const requests = requestsOf([0, 0.1, 0.2, 0.3, 0.4], () => 1);
    runSingle(requests, new BatchReplica(requests, 3, 1, [0, 1, 1.5, 2]));
    expect([...requests.done]).toEqual([1, 3, 3, 3, 4]);
    expect([...requests.started]).toEqual([0, 1, 1, 1, 3]);
  });

  it('runs instances side by side', () => {
    const requests = requestsOf([0, 0.5, 0.6], () => 1);
    runSingle(requests, new BatchReplica(requests, 4, 2, [0, 1, 1, 1, 1]));
    expect([...requests.done]).toEqual([1, 1.5, 2]);
  });
});

describe.each([
  ['slots', (requests: ReturnType<typeof steadyTraffic>) => new SlotReplica(requests, 16, same(16, 2))],
  ['batches', (requests: ReturnType<typeof steadyTraffic>) => new BatchReplica(requests, 16, 2, same(16, 2))],
])('any replica of %s', (_, replicaOf) => {
  it('answers each request once, after it came, and counts what it did', () => {
    const requests = steadyTraffic(13, 50_000, 6, { arrivalCv: 1.5, workCv: 0.5 });
    const replica = replicaOf(requests);
    runSingle(requests, replica);
    expect(replica.counters.answered).toBe(requests.count);
    expect({ waiting: replica.waiting, inFlight: replica.inFlight }).toEqual({ waiting: 0, inFlight: 0 });
    let waited = 0;
    let computed = 0;
    for (let index = 0; index < requests.count; index += 1) {
      const [at, started, done] = [requests.at, requests.started, requests.done].map((each) => each[index] as number);
      if (!((at as number) <= (started as number) && (started as number) < (done as number))) {
        throw new Error(`request ${index} came at ${at}, started at ${started}, was answered at ${done}`);
      }
      waited += (started as number) - (at as number);
      computed += (done as number) - (started as number);
    }
    expect(replica.counters.waited).toBeCloseTo(waited, 3);
    expect(replica.counters.computed).toBeCloseTo(computed, 3);
  });

  it('is the same for the same seed, and another for another', () => {
    const doneOf = (seed: number) => {
      const requests = steadyTraffic(seed, 1000, 6, { workCv: 1 });
      runSingle(requests, replicaOf(requests));
      return [...requests.done];
    };
    expect(doneOf(1)).toEqual(doneOf(1));
    expect(doneOf(1)).not.toEqual(doneOf(2));
  });
});
