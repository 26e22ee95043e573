import { describe, expect, it } from 'vitest';
import { type BenchServer, batchServer, engineServer } from '../../../bench/autoscale/bench-server';
import { Fleet } from '../../../bench/autoscale/fleet';
import { Random } from '../../../bench/autoscale/random';
import { requestsOf } from '../../../bench/autoscale/requests';
import { deciding, deployed } from '../../../bench/autoscale/rules';
import { capacity } from '../../../models/capacity/capacity';
import type { MeasuredCapacity } from '../../../models/capacity/measured';
import { type QueueMetric, queueMetric } from '../../../models/queue-metric';

// The bounds stand in docs/autoscaling.md.
const MOST = 30;
const SPIKE_AT = 1800;
const SECONDS = 4 * 3600;

/** A spike as it is said, and as the rule that is deployed meets it in the simulation. */
function both(server: BenchServer, from: number, times: number) {
  const model = server.facts.measured;
  const measured = model.capacity as MeasuredCapacity;
  // Low enough for no replica to be added before the spike.
  const rate = 0.85 * from * capacity(model, { ratePerSecond: 1, measured }).keepsPerSecond;
  const scale = { min: from, max: MOST };
  const known = { nodeSeconds: server.times.nodeSeconds, fetchSeconds: 0, loadSeconds: server.times.startSeconds };
  const { spike } = capacity(model, { ratePerSecond: rate, measured, spike: times, scale, known });
  const random = new Random(31);
  const at: number[] = [];
  for (let now = 0; now < SPIKE_AT + SECONDS; ) {
    now += random.exponential(1 / (now < SPIKE_AT ? rate : rate * times));
    at.push(now);
  }
  const requests = requestsOf(at, () => random.gamma(1, server.workCv));
  const rule = deployed('deployed', queueMetric(model) as QueueMetric, server.facts);
  const { replicas } = new Fleet(requests, server.replicaOf, server.times, 3).run(deciding(rule, scale), from);
  const waiting = (seconds: number) => {
    let count = 0;
    for (let index = 0; index < requests.count; index += 1) {
      const now = SPIKE_AT + seconds;
      if ((requests.at[index] as number) <= now && (requests.started[index] as number) > now) count += 1;
    }
    return count;
  };
  let longest = 0;
  for (let index = 0; index < requests.count; index += 1) {
    longest = Math.max(longest, (requests.started[index] as number) - (requests.at[index] as number));
  }
  return { spike, seen: { replicas, waiting, longest } };
}

describe('a spike against the deployed rule in the simulation', () => {
  it.each([
    ['an engine', engineServer(), 4, 2],
    ['an engine', engineServer(), 4, 3],
    ['an engine', engineServer(), 8, 2],
    ['batches', batchServer('some'), 3, 3],
    ['batches', batchServer('much'), 4, 2],
  ])('%s of %#: replicas, backlog and the longest wait', (_, server, from, times) => {
    const { spike, seen } = both(server, from, times);
    const [, first] = spike.curve as [unknown, { readonly seconds: number; readonly waiting: number }];
    expect(Math.abs(first.waiting / seen.waiting(first.seconds) - 1)).toBeLessThan(1 / 8);
    const peak = Math.max(...spike.curve.map(({ seconds }) => seen.waiting(seconds)));
    expect(spike.backlog / peak).toBeGreaterThan(0.8);
    expect(spike.backlog / peak).toBeLessThan(1.125);
    expect(spike.longestWaitSeconds / seen.longest).toBeGreaterThan(0.7);
    expect(spike.longestWaitSeconds / seen.longest).toBeLessThan(1.05);
    const most = spike.rounds.at(-1)?.replicas as number;
    expect(Math.abs(most - Math.max(...seen.replicas))).toBeLessThanOrEqual(2);
    expect(seen.waiting(spike.goneSeconds)).toBeLessThan(peak / 2);
  });
});
