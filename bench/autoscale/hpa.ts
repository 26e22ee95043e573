/** A pod as the autoscaler sees it. */
export interface SeenPod {
  /** `pending`: no node yet; `starting`: its container runs and is not ready. */
  readonly phase: 'pending' | 'starting' | 'ready';
  /** What the metrics API says of it. @default nothing: it has not been scraped */
  readonly value?: number;
}

/** What a HorizontalPodAutoscaler asks for by one metric; undefined where it has none to go by, and holds. */
export type Proposal = number | undefined;

/** `--horizontal-pod-autoscaler-tolerance` of kube-controller-manager. */
const TOLERANCE = 0.1;
const within = (ratio: number) => 1 - TOLERANCE <= ratio && ratio <= 1 + TOLERANCE;

/**
 * An average over pods (`calcPlainMetricReplicas`, kubernetes v1.34.4, pkg/controller/podautoscaler/replica_calculator.go).
 *
 * @param whileStarting - whether pods that start have no say though they are measured, as with CPU
 */
export function averageReplicas(
  current: number,
  target: number,
  pods: readonly SeenPod[],
  whileStarting: 'counted' | 'set aside' = 'counted',
): Proposal {
  const unready = pods.filter(
    ({ phase }) => phase === 'pending' || (phase === 'starting' && whileStarting === 'set aside'),
  ).length;
  const counted = pods.filter(
    ({ phase }) => phase === 'ready' || (phase === 'starting' && whileStarting === 'counted'),
  );
  const values = counted.flatMap(({ value }) => (value === undefined ? [] : [milli(value)]));
  const missing = counted.length - values.length;
  if (values.length === 0) return undefined;
  const ratio = usageRatio(values, target);
  const scaleUpWithUnready = unready > 0 && ratio > 1;
  if (!scaleUpWithUnready && missing === 0) return within(ratio) ? current : Math.ceil(ratio * values.length);
  // Who is missing uses what keeps things as they are: all of the target on the way down, nothing on the way up.
  if (ratio < 1) values.push(...Array.from({ length: missing }, () => milli(target)));
  if (ratio > 1) values.push(...Array.from({ length: missing }, () => 0));
  if (scaleUpWithUnready) values.push(...Array.from({ length: unready }, () => 0));
  const again = usageRatio(values, target);
  if (within(again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) return current;
  const proposed = Math.ceil(again * values.length);
  return (again < 1 && proposed > current) || (again > 1 && proposed < current) ? current : proposed;
}

/** A value of all pods together, per replica (`GetExternalPerPodMetricReplicas`). */
export function totalReplicas(current: number, target: number, value: number): Proposal {
  return within(value / (target * current)) ? current : Math.ceil(value / target);
}

/** Quantities are whole thousandths, and their average is cut off. */
const milli = (value: number) => Math.round(value * 1000);

function usageRatio(values: readonly number[], target: number): number {
  const sum = values.reduce((total, each) => total + each, 0);
  return Math.trunc(sum / values.length) / milli(target);
}

/** How fast replicas change in one direction. */
export interface ScalingRules {
  readonly stabilizationWindowSeconds: number;
  /** The policy that allows most counts. */
  readonly policies: readonly {
    readonly type: 'Percent' | 'Pods';
    readonly value: number;
    readonly periodSeconds: number;
  }[];
}

export interface ScalingBehavior {
  readonly scaleUp: ScalingRules;
  readonly scaleDown: ScalingRules;
}

/** What holds where nothing is said (kubernetes v1.34.4, pkg/apis/autoscaling/v2/defaults.go). */
export const DEFAULT_BEHAVIOR: ScalingBehavior = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: 300,
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
};

interface Event {
  readonly at: number;
  readonly change: number;
}

/** What a HorizontalPodAutoscaler remembers, and makes of proposals (`horizontal.go`, normalizeDesiredReplicasWithBehaviors). */
export class Hpa {
  private recommendations: { readonly at: number; readonly replicas: number }[] = [];
  private ups: Event[] = [];
  private downs: Event[] = [];

  constructor(
    private readonly bounds: { readonly min: number; readonly max: number },
    private readonly behavior: ScalingBehavior,
  ) {}

  /**
   * One sync.
   *
   * @param proposals - of each metric: the largest counts, but nothing goes down while one is unknown
   * @returns the replicas from now on
   */
  sync(now: number, current: number, proposals: readonly Proposal[]): number {
    const known = proposals.filter((each) => each !== undefined);
    const asked = Math.max(...known);
    if (known.length === 0 || (known.length < proposals.length && asked < current)) return current;
    const next = this.limited(now, current, this.stabilized(now, current, asked));
    if (next > current) this.ups.push({ at: now, change: next - current });
    if (next < current) this.downs.push({ at: now, change: current - next });
    return next;
  }

  private stabilized(now: number, current: number, asked: number): number {
    const { scaleUp, scaleDown } = this.behavior;
    const since = (seconds: number) =>
      this.recommendations.filter(({ at }) => at > now - seconds).map(({ replicas }) => replicas);
    const least = Math.min(asked, ...since(scaleUp.stabilizationWindowSeconds));
    const most = Math.max(asked, ...since(scaleDown.stabilizationWindowSeconds));
    const longest = Math.max(scaleUp.stabilizationWindowSeconds, scaleDown.stabilizationWindowSeconds);
    this.recommendations = this.recommendations.filter(({ at }) => at > now - longest);
    this.recommendations.push({ at: now, replicas: asked });
    return Math.min(Math.max(current, least), most);
  }

  private limited(now: number, current: number, asked: number): number {
    const { min, max } = this.bounds;
    if (asked > current) {
      const limits = this.behavior.scaleUp.policies.map(({ type, value, periodSeconds }) => {
        const start = this.atStartOf(now, current, periodSeconds);
        return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
      });
      return Math.min(asked, max, Math.max(current, ...limits));
    }
    if (asked === current) return current;
    const limits = this.behavior.scaleDown.policies.map(({ type, value, periodSeconds }) => {
      const start = this.atStartOf(now, current, periodSeconds);
      return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
    });
    return Math.max(asked, min, Math.min(current, ...limits));
  }

  private atStartOf(now: number, current: number, seconds: number): number {
    const changed = (events: readonly Event[]) =>
      events.filter(({ at }) => at > now - seconds).reduce((sum, { change }) => sum + change, 0);
    return current - changed(this.ups) + changed(this.downs);
  }
}
