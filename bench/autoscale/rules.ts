import { SCALING_BEHAVIOR } from '../../constructs/autoscaling/horizontal-autoscaler';
import { capacity } from '../../models/capacity/capacity';
import type { Model } from '../../models/model';
import {
  GUARD_METRICS,
  type PodMetric,
  podMetrics,
  QUEUE_METRICS,
  type QueueMetric,
  queueMetric,
  RATE_SECONDS,
  waitingMetric,
} from '../../models/queue-metric';
import type { Decide, PodView } from './fleet';
import { averageReplicas, DEFAULT_BEHAVIOR, Hpa, type Proposal, type ScalingBehavior, totalReplicas } from './hpa';
import { growth, latest, type Sample, SCRAPE_SECONDS } from './sample';

/** One metric of an autoscaler. */
export interface RuleMetric {
  /** `pods`: an average of what pods say; `cpu`: likewise, without those that start; `total`: of all together. */
  readonly kind: 'pods' | 'cpu' | 'total';
  readonly target: number;
  /** Undefined where a query has no answer. */
  readonly value: (sample: Sample) => number | undefined;
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
      pods.reduce((sum, { sample }) => sum + ((sample && value(sample)) ?? 0), 0),
    );
  }
  const seen = pods.map(({ phase, sample }) => {
    const said = sample === undefined && phase === 'starting' ? whileStarting : sample && value(sample);
    return said === undefined ? { phase } : { phase, value: said };
  });
  return averageReplicas(current, target, seen, kind === 'cpu' ? 'set aside' : 'counted');
}

/** What the rules need to know of the server. */
export interface RuleServer {
  /** The model as it is defined before a load test, and after. */
  readonly unmeasured: Model;
  readonly measured: Model;
  /** Requests that it computes together. */
  readonly together: number;
  /** Share of the key-value cache that one request in it takes. */
  readonly cachePerRequest: number;
  /** CPU cores that a pod requests. */
  readonly cpus: number;
}

const waiting = (sample: Sample) => latest(sample).waiting;
const computed = (sample: Sample) => latest(sample).inFlight - latest(sample).waiting;
const busy = (sample: Sample) => {
  const { busy: seconds, seconds: of } = growth(sample, SCRAPE_SECONDS);
  return of === 0 ? undefined : seconds / of;
};
/** Requests that are computed, by the counters of those that were answered. */
const counted = (sample: Sample) => {
  const { computed: seconds, seconds: of } = growth(sample, RATE_SECONDS);
  return of === 0 ? undefined : seconds / of;
};
const ratio = (sample: Sample) => {
  const { waited, computed: passed } = growth(sample, 60);
  return waited / Math.max(passed, 1e-6);
};

/** A metric of the constructs, as the simulated server tells it. */
function simulated(metric: PodMetric, { cachePerRequest }: RuleServer): RuleMetric {
  const { target } = metric;
  const of = (value: RuleMetric['value']): RuleMetric => ({ kind: 'pods', target, value });
  switch (metric.name) {
    case QUEUE_METRICS.engine.name:
      return of(computed);
    case QUEUE_METRICS.computed.name:
      return of((sample) => {
        const requests = counted(sample);
        return requests === undefined ? undefined : Math.sqrt(requests);
      });
    case QUEUE_METRICS.pending.name:
      return of(waiting);
    case GUARD_METRICS.engine.name:
      return of((sample) => computed(sample) * cachePerRequest);
    default:
      throw new Error(`no such figure in the simulation: ${metric.name}`);
  }
}

/** The rule that `QueueAutoscaler` deploys for a metric. */
export function deployed(name: string, metric: QueueMetric, server: RuleServer): Rule {
  return { name, metrics: podMetrics(metric).map((each) => simulated(each, server)), behavior: SCALING_BEHAVIOR };
}

/** What was deployed with the waiting requests: up at once, down after five minutes. */
const BEFORE: ScalingBehavior = {
  scaleUp: { ...SCALING_BEHAVIOR.scaleUp, stabilizationWindowSeconds: 0 },
  scaleDown: { ...SCALING_BEHAVIOR.scaleDown, stabilizationWindowSeconds: 300 },
};

/** Target of the rule that scales on GPU utilization, of 1. A GPU counts as used while anything is computed on it. */
const GPU_TARGET = 0.85;
/** Cores that the engine's own loop takes while anything is computed, and that each request takes: assumed, nobody published it. */
const LOOP_CPUS = 1;
const REQUEST_CPUS = 0.05;

/** What is deployed for a server, what was before, and rules in use. */
export function rules(server: RuleServer): Rule[] {
  const metric = queueMetric(server.measured) as QueueMetric;
  const derived = deployed('deployed, load test declared', metric, server);
  const share = deployed('deployed, no load test', queueMetric(server.unmeasured) as QueueMetric, server);
  const special = server.measured.backend.kind === 'tensorrtllm' ? engineRules : batchRules;
  return [derived, share, ...special(server, derived, share), ...common(server)];
}

function engineRules(server: RuleServer, derived: Rule): Rule[] {
  const { together, cpus } = server;
  const measured = server.measured.capacity as NonNullable<Model['capacity']>;
  const { target } = capacity(server.measured, { ratePerSecond: 1, measured });
  const guard = simulated(GUARD_METRICS.engine, server);
  const round: RuleMetric = { kind: 'pods', target: together, value: waiting };
  return [
    { ...derived, name: 'the same, up at once, down after 5 min', behavior: BEFORE },
    {
      name: 'in flight, if engines told it, windows as deployed',
      metrics: [{ kind: 'pods', target: target.inFlight, value: (sample) => latest(sample).inFlight }],
      behavior: SCALING_BEHAVIOR,
    },
    { name: 'before: waiting, one round, cache guard', metrics: [round, guard], behavior: BEFORE },
    { name: 'waiting, one round, windows as deployed', metrics: [round], behavior: SCALING_BEHAVIOR },
    {
      name: 'CPU 70 %, loop and tokens',
      metrics: [
        {
          kind: 'cpu',
          target: 0.7,
          value: (sample) => ((busy(sample) ?? 0) * LOOP_CPUS + computed(sample) * REQUEST_CPUS) / cpus,
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
      name: 'queue/compute ratio 1, as engines tell it',
      metrics: [{ kind: 'pods', target: 1, value: () => 0 }],
      behavior: DEFAULT_BEHAVIOR,
    },
  ];
}

function batchRules(server: RuleServer, _: Rule, share: Rule): Rule[] {
  const pending = deployed(
    'waiting, one round, windows as deployed',
    waitingMetric(server.unmeasured) as QueueMetric,
    server,
  );
  const [root] = share.metrics as [RuleMetric];
  return [
    {
      ...share,
      name: 'no load test, without the root',
      metrics: [{ ...root, target: root.target ** 2, value: counted }],
    },
    { ...share, name: 'no load test, waiting as a guard', metrics: [root, ...pending.metrics] },
    {
      name: 'before: waiting, one round, ratio guard',
      metrics: [...pending.metrics, { kind: 'pods', target: 1, value: ratio }],
      behavior: BEFORE,
    },
    pending,
  ];
}

function common({ measured }: RuleServer): Rule[] {
  const engine = measured.backend.kind === 'tensorrtllm';
  return [
    {
      name: 'GPU utilization 85 %',
      metrics: [{ kind: 'pods', target: GPU_TARGET, value: busy, whileStarting: 0 }],
      behavior: DEFAULT_BEHAVIOR,
    },
    {
      name: engine ? 'queue/compute ratio 1, if they told it' : 'queue/compute ratio 1',
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
