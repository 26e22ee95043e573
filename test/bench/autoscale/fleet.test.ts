import { describe, expect, it } from 'vitest';
import { type Decide, Fleet, type PodView } from '../../../bench/autoscale/fleet';
import { foresight } from '../../../bench/autoscale/foresight';
import { SlotReplica } from '../../../bench/autoscale/replica';
import { fresh, type Requests } from '../../../bench/autoscale/requests';
import { deciding, type Rule } from '../../../bench/autoscale/rules';
import { latest } from '../../../bench/autoscale/sample';
import { steadyTraffic, waitFigures } from '../../../bench/autoscale/single';
import { day } from '../../../bench/autoscale/traffic';
import { slotQueue } from '../../../models/capacity/slot-queue';

const TIMES = { nodeSeconds: 120, startSeconds: 60, idleSeconds: 300 };
const replicaOf = (requests: Requests) => new SlotReplica(requests, 4, [1, 1, 1, 1, 1]);
const steady = (ratePerSecond: number, count: number) => steadyTraffic(21, count, ratePerSecond, { workCv: 1 });

/** Asks for what is said from a time on. */
const script = (...steps: [from: number, replicas: number][]): Decide => {
  return (now, current) => steps.findLast(([from]) => now >= from)?.[1] ?? current;
};

describe('Fleet', () => {
  it('answers every request once while replicas come and go', () => {
    const requests = steady(8, 40_000);
    const decide = script([600, 6], [1500, 2], [2000, 7], [2100, 3]);
    const { changes, mostReplicas } = new Fleet(requests, replicaOf, TIMES, 1).run(decide, 3);
    expect({ changes, mostReplicas }).toEqual({ changes: 4, mostReplicas: 7 });
    for (let index = 0; index < requests.count; index += 1) {
      expect((requests.done[index] as number) - (requests.at[index] as number)).toBeGreaterThan(0);
    }
  });

  it('is so many queues of a random share each while nothing changes', () => {
    const requests = steady(12, 200_000);
    new Fleet(requests, replicaOf, TIMES, 1).run((_, current) => current, 4);
    const one = slotQueue({ ratePerSecond: 3 }, { slots: 4, secondsAt: () => 1, cv: 1 });
    const seen = waitFigures(requests);
    expect(seen.meanWaitSeconds / one.meanWaitSeconds).toBeGreaterThan(0.9);
    expect(seen.meanWaitSeconds / one.meanWaitSeconds).toBeLessThan(1.1);
    expect(seen.waitShare).toBeCloseTo(one.waitShare, 1);
  });

  it('has a new pod pending until a node is there, starting until it is ready, and scraped from then on', () => {
    const requests = steady(1, 1000);
    const seen: [number, PodView][] = [];
    new Fleet(requests, replicaOf, TIMES, 1).run((now, _, pods) => {
      if (pods[1] !== undefined) seen.push([now, pods[1]]);
      return now >= 300 ? 2 : 1;
    }, 1);
    const phases = (from: number, to: number) =>
      new Set(seen.filter(([now]) => now > from && now < to).map(([, { phase }]) => phase));
    expect(phases(300, 420)).toEqual(new Set(['pending']));
    expect(phases(420, 480)).toEqual(new Set(['starting']));
    expect(phases(480, 900)).toEqual(new Set(['ready']));
    expect(seen.find(([, { sample }]) => sample !== undefined)?.[0]).toBeLessThanOrEqual(495);
    expect(seen.filter(([now]) => now < 480).every(([, { sample }]) => sample === undefined)).toBe(true);
  });

  it('pays for nodes from their order to their removal, and takes a free one at once', () => {
    const requests = steady(1, 3600);
    const end = requests.at.at(-1) as number;
    const hours = (decide: Decide) => new Fleet(fresh(requests), replicaOf, TIMES, 1).run(decide, 1).nodeSeconds - end;
    expect(hours(script([0, 1]))).toBeCloseTo(0, 6);
    // Ordered at 600, free at 900, removed at 1200.
    const added = hours(script([600, 2], [900, 1]));
    expect(added).toBeGreaterThanOrEqual(600);
    expect(added).toBeLessThan(615);
    // Wanted again before it is removed, the same node serves.
    const again = hours(script([600, 2], [900, 1], [1100, 2], [1400, 1]));
    expect(again).toBeGreaterThanOrEqual(1100);
    expect(again).toBeLessThan(1115);
  });

  it('does not change by being looked at, and is the same each time', () => {
    const rule: Rule = {
      name: 'slots',
      metrics: [{ kind: 'pods', target: 2, value: (sample) => latest(sample).inFlight }],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
        scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
      },
    };
    const requests = steady(8, 20_000);
    const run = () => new Fleet(fresh(requests), replicaOf, TIMES, 3).run(deciding(rule, { min: 1, max: 9 }), 1);
    const one = run();
    expect(run()).toEqual(one);
    // 8 in flight on average at 2 a replica.
    const settled = one.replicas.slice(60);
    expect(settled.reduce((sum, each) => sum + each, 0) / settled.length).toBeGreaterThan(3.5);
    expect(settled.reduce((sum, each) => sum + each, 0) / settled.length).toBeLessThan(7);
  });
});

describe('foresight', () => {
  it('has what comes within the time to ready already, and no more than the most', () => {
    const requests = day({ seed: 1, meanPerSecond: 2, workCv: 1, seconds: 7200 });
    const most = foresight(requests, 0.1, 600, { min: 1, max: 5 });
    expect(most(3600, 1, [])).toBe(5);
    const near = foresight(requests, 1, 0, { min: 1, max: 50 });
    const far = foresight(requests, 1, 3000, { min: 1, max: 50 });
    const at = Array.from({ length: 100 }, (_, index) => index * 60);
    expect(at.every((now) => far(now, 1, []) >= near(now, 1, []))).toBe(true);
    expect(at.some((now) => far(now, 1, []) > near(now, 1, []))).toBe(true);
  });
});

describe('day', () => {
  it('is the same for the same seed, has its mean, and is busier in the middle than at its ends', () => {
    const options = { seed: 7, meanPerSecond: 1, workCv: 0.77 };
    const requests = day(options);
    expect(day(options).at).toEqual(requests.at);
    expect(requests.count / 86_400).toBeGreaterThan(0.95);
    expect(requests.count / 86_400).toBeLessThan(1.2);
    const between = (from: number, to: number) => requests.at.filter((at) => at >= from && at < to).length;
    expect(between(36_000, 50_400)).toBeGreaterThan(3 * between(0, 14_400));
    expect(requests.work.reduce((sum, each) => sum + each, 0) / requests.count).toBeCloseTo(1, 1);
  });
});
