import { describe, expect, it } from 'vitest';
import { averageReplicas, DEFAULT_BEHAVIOR, Hpa, type SeenPod, totalReplicas } from '../../../bench/autoscale/hpa';

const ready = (...values: number[]): SeenPod[] => values.map((value) => ({ phase: 'ready', value }));
const PENDING: SeenPod = { phase: 'pending' };
const STARTING: SeenPod = { phase: 'starting' };

// What kubernetes v1.34.4's replica_calculator.go answers, worked out by its text.
describe('averageReplicas', () => {
  it.each<[string, number, number, SeenPod[], number | undefined]>([
    ['scales by the ratio', 2, 10, ready(20, 20), 4],
    ['rounds up', 3, 10, ready(12, 12, 12), 4],
    ['leaves a tenth alone', 3, 10, ready(11, 11, 11), 3],
    ['goes down by the ratio', 4, 10, ready(2, 2, 2, 2), 1],
    ['counts a pending pod as unused on the way up', 3, 10, [...ready(25, 25), PENDING], 5],
    ['never turns around because of pending pods', 4, 10, [...ready(15), PENDING, PENDING, PENDING], 4],
    ['counts a missing pod as unused on the way up', 3, 10, [...ready(25, 25), STARTING], 5],
    ['asks for none where missing pods bring it within a tenth', 3, 10, [...ready(15.75, 15.75), STARTING], 3],
    ['counts a missing pod as at its target on the way down', 3, 10, [...ready(4, 4), STARTING], 2],
    ['does not see pending pods on the way down', 4, 10, [...ready(5, 5), PENDING, PENDING], 1],
    ['has nothing to go by where none is measured', 2, 10, [STARTING, PENDING], undefined],
    ['takes nothing for work where nothing is to be done', 3, 10, ready(0, 0, 0), 0],
  ])('%s', (_, current, target, pods, expected) => {
    expect(averageReplicas(current, target, pods)).toBe(expected);
  });

  it('sets pods that start aside with CPU, and counts them with other metrics', () => {
    const pods: SeenPod[] = [...ready(2, 2), { phase: 'starting', value: 0 }];
    expect(averageReplicas(3, 1, pods, 'counted')).toBe(4);
    expect(averageReplicas(3, 1, [...ready(0.5, 0.5), { phase: 'starting', value: 0 }], 'set aside')).toBe(1);
  });
});

describe('totalReplicas', () => {
  it('divides the total by the target, whoever is ready', () => {
    expect(totalReplicas(2, 5, 23)).toBe(5);
    expect(totalReplicas(4, 5, 21)).toBe(4);
  });
});

const BOUNDS = { min: 1, max: 100 };

describe('Hpa', () => {
  it('doubles or adds four each 15 seconds by default, whichever is more', () => {
    const hpa = new Hpa(BOUNDS, DEFAULT_BEHAVIOR);
    let replicas = 1;
    const seen = [0, 15, 30, 45].map((now) => {
      replicas = hpa.sync(now, replicas, [90]);
      return replicas;
    });
    expect(seen).toEqual([5, 10, 20, 40]);
  });

  it('keeps the most of the last five minutes before it goes down', () => {
    const hpa = new Hpa(BOUNDS, DEFAULT_BEHAVIOR);
    expect(hpa.sync(0, 4, [4])).toBe(4);
    expect(hpa.sync(15, 4, [1])).toBe(4);
    expect(hpa.sync(285, 4, [1])).toBe(4);
    expect(hpa.sync(300, 4, [1])).toBe(1);
  });

  it('takes one a minute where the policy says so', () => {
    const hpa = new Hpa(BOUNDS, {
      ...DEFAULT_BEHAVIOR,
      scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
    });
    let replicas = 5;
    const seen = [0, 15, 30, 45, 60, 75, 120].map((now) => {
      replicas = hpa.sync(now, replicas, [1]);
      return replicas;
    });
    expect(seen).toEqual([4, 4, 4, 4, 3, 3, 2]);
  });

  it('waits with more until it was wanted for the whole window', () => {
    const hpa = new Hpa(BOUNDS, {
      ...DEFAULT_BEHAVIOR,
      scaleUp: { ...DEFAULT_BEHAVIOR.scaleUp, stabilizationWindowSeconds: 60 },
    });
    expect([0, 15, 30, 45].map((now) => hpa.sync(now, 2, [now === 0 ? 2 : 6]))).toEqual([2, 2, 2, 2]);
    expect(hpa.sync(60, 2, [6])).toBe(6);
  });

  it('takes the largest proposal, keeps to its bounds, and holds where it would go down on half of what it needs', () => {
    const fresh = () => new Hpa({ min: 2, max: 6 }, DEFAULT_BEHAVIOR);
    expect(fresh().sync(0, 3, [4, 5])).toBe(5);
    expect(fresh().sync(0, 3, [50])).toBe(6);
    expect(fresh().sync(0, 3, [undefined, 5])).toBe(5);
    expect(fresh().sync(0, 3, [undefined, 2])).toBe(3);
    expect(fresh().sync(0, 3, [undefined])).toBe(3);
    expect(fresh().sync(0, 3, [0])).toBe(2);
  });
});
