import { serverName } from '../../constructs/naming';
import { sum } from '../../models/sum';
import type { KubernetesObject, Plan, PlannedModel } from '../plan';
import { sortedBy } from '../sorted-by';
import { fieldChanges } from './field-changes';
import type { ChartObject } from './object-changes';
import type { Pair } from './pairs';
import type { Rollout } from './plan-diff';

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** Workloads whose pods are started anew: their template differs, and the object stays. */
export function rollouts(matched: readonly Pair<ChartObject>[], after: Plan | undefined): Rollout[] {
  const autoscalers = matched.flatMap((pair) =>
    pair.after?.object.kind === 'HorizontalPodAutoscaler' ? [pair.after] : [],
  );
  const models = new Map(after?.summary.models.map((model) => [serverName(model.name), model]));
  const found = matched.flatMap((pair): Rollout[] => {
    if (pair.before === undefined || pair.after === undefined) return [];
    const { object, chart } = pair.after;
    if (!WORKLOADS.includes(object.kind) || object.metadata.name !== pair.before.object.metadata.name) return [];
    const because = fieldChanges(templateOf(pair.before.object), templateOf(object)).map(({ path }) => path);
    return because.length === 0 ? [] : [rollout(object, chart, autoscalers, models.get(chart), because)];
  });
  return sortedBy(found, ({ name }) => name);
}

function templateOf(object: Fields): unknown {
  return object.spec.template;
}

function rollout(
  object: KubernetesObject,
  chart: string,
  autoscalers: readonly ChartObject[],
  model: PlannedModel | undefined,
  because: readonly string[],
): Rollout {
  const { spec } = object as Fields;
  const pods = leastPods(object, autoscalers);
  const gpusPerPod = gpusOf(spec.template.spec);
  const { surge, unavailable } = steps(object, pods);
  const rounds = Math.ceil(pods / Math.max(1, surge + unavailable));
  const longest = startupBudget(spec.template.spec);
  return {
    chart,
    kind: object.kind,
    ...(object.metadata.namespace !== undefined && { namespace: object.metadata.namespace }),
    name: object.metadata.name,
    pods,
    gpusPerPod,
    surgeGpus: surge * gpusPerPod,
    unavailable,
    seconds: rounds * Math.min(model?.loadSeconds ?? longest, longest),
    longestSeconds: rounds * longest,
    because,
  };
}

function leastPods({ kind, metadata, spec }: Fields, autoscalers: readonly ChartObject[]): number {
  const autoscaler = autoscalers.find(({ object }) => {
    const { scaleTargetRef } = (object as Fields).spec;
    return (
      object.metadata.namespace === metadata.namespace &&
      scaleTargetRef.kind === kind &&
      scaleTargetRef.name === metadata.name
    );
  });
  return (autoscaler?.object as Fields)?.spec.minReplicas ?? spec.replicas ?? 1;
}

function gpusOf({ containers }: Fields): number {
  return sum(containers.map(({ resources }: Fields) => Number(resources?.limits?.['nvidia.com/gpu'] ?? 0)));
}

/** Pods that come before others leave, and pods that may be away, of a rolling update. */
function steps({ kind, spec }: Fields, pods: number): { readonly surge: number; readonly unavailable: number } {
  if (kind !== 'Deployment') {
    const { maxUnavailable = 1 } = spec.updateStrategy?.rollingUpdate ?? {};
    return { surge: 0, unavailable: share(maxUnavailable, pods, Math.floor) || 1 };
  }
  if (spec.strategy?.type === 'Recreate') return { surge: 0, unavailable: pods };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  // As the controller rounds: surges up, absences down, and never both to nothing (k8s.io/kubernetes,
  // pkg/controller/deployment/util, ResolveFenceposts).
  const surge = share(maxSurge, pods, Math.ceil);
  const unavailable = share(maxUnavailable, pods, Math.floor);
  return surge + unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

function share(value: number | string, of: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number.parseFloat(value) / 100) * of);
}

/** Seconds that a pod's slowest start-up probe grants. */
function startupBudget({ containers, initContainers = [] }: Fields): number {
  const budgets = [...initContainers, ...containers].map(({ startupProbe, readinessProbe }: Fields) => {
    const probe = startupProbe ?? readinessProbe;
    if (probe === undefined) return 0;
    const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3 } = probe;
    return initialDelaySeconds + periodSeconds * failureThreshold;
  });
  return Math.max(0, ...budgets);
}
