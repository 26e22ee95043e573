import { describe, expect, it } from 'vitest';
import { type BenchServer, batchServer, engineServer } from '../../../bench/autoscale/bench-server';
import { Fleet } from '../../../bench/autoscale/fleet';
import { fresh, type Requests } from '../../../bench/autoscale/requests';
import { deciding, deployed, type Rule, rules } from '../../../bench/autoscale/rules';
import { day } from '../../../bench/autoscale/traffic';
import { type QueueMetric, queueMetric } from '../../../models/queue-metric';

const HOURS = 6;

function run(server: BenchServer, requests: Requests, rule: Rule) {
  const decide = deciding(rule, { min: 1, max: 20 });
  const { nodeSeconds, changes } = new Fleet(fresh(requests), server.replicaOf, server.times, 5).run(decide, 3);
  return { hours: nodeSeconds / 3600, changes };
}

const named = (server: BenchServer, name: RegExp) => rules(server.facts).find((rule) => name.test(rule.name)) as Rule;

describe('what is deployed', () => {
  it.each([
    ['an engine', engineServer()],
    ['batches', batchServer('some')],
  ])('settles where waiting requests oscillate: %s', (_, server) => {
    const requests = day({ seed: 1, ...server, seconds: HOURS * 3600 });
    const before = run(server, requests, named(server, /^before/));
    for (const name of [/load test declared/, /^deployed, no load test/]) {
      const now = run(server, requests, named(server, name));
      expect(before.changes).toBeGreaterThan(3 * now.changes);
      expect(before.hours).toBeGreaterThan(1.5 * now.hours);
    }
  });

  it('does not oscillate by the guard of a cache that is full before the slots are', () => {
    const server = engineServer();
    const requests = day({ seed: 1, ...server, seconds: HOURS * 3600 });
    const metric = queueMetric(server.facts.measured) as QueueMetric;
    const { guard, ...alone } = metric;
    const cacheOf = (requests: number) => ({ ...server.facts, cachePerRequest: 1 / requests });
    const unguarded = run(server, requests, deployed('alone', alone, server.facts));
    // 18 requests fill the cache: the guard asks from 14.4 on, the slots from 16.
    const guarded = run(server, requests, deployed('guarded', metric, cacheOf(18)));
    expect(guarded.hours).toBeGreaterThan(unguarded.hours);
    expect(guarded.hours).toBeLessThan(1.25 * unguarded.hours);
    expect(guarded.changes).toBeLessThan(2 * unguarded.changes);
    // A cache that never fills changes nothing.
    expect(run(server, requests, deployed('guarded', metric, cacheOf(100)))).toEqual(unguarded);
  });
});
