import { SCALING_BEHAVIOR } from '../../constructs/autoscaling/horizontal-autoscaler';
import type { CapacityTarget } from '../../models/capacity/capacity';
import type { Decide, PodView } from './fleet';
import { averageReplicas, DEFAULT_BEHAVIOR, Hpa, type Proposal, type ScalingBehavior, totalReplicas } from './hpa';
import { growth, latest, meanComputed, type Sample, SCRAPE_SECONDS } from './sample';

/** One metric of an autoscaler. */
export interface RuleMetric {
  /** `pods`: an average of what pods say; `cpu`: likewise, without those that start; `total`: of all together. */
  readonly kind: 'pods' | 'cpu' | 'total';
  readonly target: number;
  readonly value: (sample: Sample) => number;
  /** What is measured of a pod that starts. @default nothing: the server tells nothing until it is ready */
  readonly whileStarting?: number;
}

/** A rule by which replicas are scaled. */
export interface Rule {
  readonly name: string;
  readonly metrics: readonly RuleMetric[];
  readonly behavior: ScalingBehavior;
}

/** What a rule decides, sync by sync. */
export function deciding(rule: Rule, bounds: { readonly min: number; readonly max: number }): Decide {
  const hpa = new Hpa(bounds, rule.behavior);
  return (now, current, pods) =>
    hpa.sync(
      now,
      current,
      rule.metrics.map((metric) => proposal(metric, current, pods)),
    );
}

function proposal(
  { kind, target, value, whileStarting }: RuleMetric,
  current: number,
  pods: readonly PodView[],
): Proposal {
  if (kind === 'total') {
    return totalReplicas(
      current,
      target,
      pods.reduce((sum, { sample }) => sum + (sample === undefined ? 0 : value(sample)), 0),
    );
  }
  const seen = pods.map(({ phase, sample }) => {
    if (sample !== undefined) return { phase, value: value(sample) };
    return phase === 'starting' && whileStarting !== undefined ? { phase, value: whileStarting } : { phase };
  });
  return averageReplicas(current, target, seen, kind === 'cpu' ? 'set aside' : 'counted');
}

/** What the rules need to know of the server. */
export interface RuleServer {
  /** Requests that it computes together. */
  readonly together: number;
  /** Share of the key-value cache that one request in it takes. */
  readonly cachePerRequest: number;
  /** CPU cores that a pod requests. */
  readonly cpus: number;
  /** Targets of `capacity()`. */
  readonly derived: CapacityTarget;
}

const waiting = (sample: Sample) => latest(sample).waiting;
const computed = (sample: Sample) => meanComputed(sample, SCRAPE_SECONDS);

/** Target of the rule that scales on GPU utilization, of 1. A GPU counts as used while anything is computed on it. */
const GPU_TARGET = 0.85;
/** Cores that the engine's own loop takes while anything is computed, and that each request takes: assumed, nobody published it. */
const LOOP_CPUS = 1;
const REQUEST_CPUS = 0.05;

/**
 * A replica takes ten minutes: what is not wanted for a whole minute is not worth a node, and what was wanted within the
 * last ten minutes is kept.
 */
const PATIENT: ScalingBehavior = {
  scaleUp: { ...DEFAULT_BEHAVIOR.scaleUp, stabilizationWindowSeconds: 60 },
  scaleDown: { stabilizationWindowSeconds: 600, policies: SCALING_BEHAVIOR.scaleDown.policies },
};

/** Rules in use, and ours. */
export function rules({ together, cachePerRequest, cpus, derived }: RuleServer): Rule[] {
  const ours: ScalingBehavior = SCALING_BEHAVIOR;
  const guard: RuleMetric = { kind: 'pods', target: 0.8, value: (sample) => computed(sample) * cachePerRequest };
  const busy = (sample: Sample) => {
    const { busy: seconds, seconds: of } = growth(sample, SCRAPE_SECONDS);
    return of === 0 ? 0 : seconds / of;
  };
  const ratio = (sample: Sample) => {
    const { waited, computed: passed } = growth(sample, 60);
    return waited / Math.max(passed, 1e-6);
  };
  return [
    {
      name: 'slots in use, derived target',
      metrics: [{ kind: 'pods', target: derived.computed, value: computed }],
      behavior: PATIENT,
    },
    {
      name: 'slots in use, derived target, as fast as ours so far',
      metrics: [{ kind: 'pods', target: derived.computed, value: computed }],
      behavior: ours,
    },
    {
      name: 'in flight, derived target',
      metrics: [{ kind: 'pods', target: derived.inFlight, value: (sample) => latest(sample).inFlight }],
      behavior: ours,
    },
    {
      name: 'ours so far: waiting, one round, cache guard',
      metrics: [{ kind: 'pods', target: together, value: waiting }, guard],
      behavior: ours,
    },
    {
      name: 'waiting, derived target',
      metrics: [{ kind: 'pods', target: derived.waiting, value: waiting }],
      behavior: ours,
    },
    {
      name: 'CPU 70 %, loop and tokens',
      metrics: [
        {
          kind: 'cpu',
          target: 0.7,
          value: (sample) => (busy(sample) * LOOP_CPUS + computed(sample) * REQUEST_CPUS) / cpus,
        },
      ],
      behavior: DEFAULT_BEHAVIOR,
    },
    {
      name: 'CPU 70 %, if it followed the load',
      metrics: [{ kind: 'cpu', target: 0.7, value: (sample) => computed(sample) / together }],
      behavior: DEFAULT_BEHAVIOR,
    },
    {
      name: 'GPU utilization 85 %',
      metrics: [{ kind: 'pods', target: GPU_TARGET, value: busy, whileStarting: 0 }],
      behavior: DEFAULT_BEHAVIOR,
    },
    {
      name: 'queue/compute ratio 1, as engines tell it',
      metrics: [{ kind: 'pods', target: 1, value: () => 0 }],
      behavior: DEFAULT_BEHAVIOR,
    },
    {
      name: 'queue/compute ratio 1, if they told it',
      metrics: [{ kind: 'pods', target: 1, value: ratio }],
      behavior: DEFAULT_BEHAVIOR,
    },
    {
      name: 'KEDA: 5 waiting a replica, defaults',
      metrics: [{ kind: 'total', target: 5, value: waiting }],
      behavior: DEFAULT_BEHAVIOR,
    },
  ];
}
