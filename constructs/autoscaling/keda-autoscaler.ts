import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Scale } from '../../models/model';
import { joined, type PodMetric, perPod, type ScaleMetric } from '../../models/queue-metric';
import type { WakeSource } from '../../models/spec/wake-source';
import type { InferenceServer } from '../inference-server';
import { podPattern } from '../pod-names';
import { SCALING_BEHAVIOR } from './horizontal-autoscaler';
import { cloudMonitoringAccess, endpointAccess, type TriggerAccess } from './keda-access';
import type { PrometheusEndpoint, WarmWindow } from './metric-source';

export interface KedaAutoscaler {
  readonly server: InferenceServer;
  readonly metric: ScaleMetric;
  readonly scale: Scale;
  readonly endpoint: PrometheusEndpoint;
  readonly warm: readonly WarmWindow[];
  /** Of the server's pods; undefined only where no query needs it. */
  readonly namespace: string | undefined;
}

interface Trigger {
  readonly type: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly authenticationRef?: { readonly name: string };
}

/** As often as a HorizontalPodAutoscaler looks, seconds: KEDA itself looks only for what wakes, and for failures. */
const POLLING_SECONDS = 15;

/** Quiet before the last replica goes, seconds: KEDA's default. */
const COOLDOWN_SECONDS = 300;

/** Failed questions in a row after which the number of replicas is held. */
const FAILURES = 3;

/** Has KEDA scale a server (KEDA documentation, "ScaledObject specification"). */
export function kedaAutoscaler(scope: Construct, autoscaler: KedaAutoscaler): void {
  const { server, scale, warm } = autoscaler;
  const access = endpointAccess(scope, server, autoscaler.endpoint, autoscaler.namespace);
  new ApiObject(scope, 'scaled-object', {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: server.name, labels: { ...server.labels } },
    spec: {
      scaleTargetRef: { ...server.scaleTarget },
      minReplicaCount: scale.min,
      maxReplicaCount: scale.max,
      pollingInterval: POLLING_SECONDS,
      // KEDA counts from the last sign of work, whether anything is ready or not: what wakes a server outlasts its start,
      // and nothing that was let in is cut off.
      ...(scale.min === 0 && {
        cooldownPeriod: Math.ceil(server.startSeconds + server.deadlineSeconds) + COOLDOWN_SECONDS,
      }),
      // Without figures what runs keeps running, and what sleeps is woken (from KEDA 2.19): fewer would be a guess.
      fallback: {
        failureThreshold: FAILURES,
        replicas: Math.max(1, scale.min),
        behavior: 'currentReplicasIfHigher',
      },
      advanced: {
        // A server that sleeps would stay asleep without KEDA; one that runs keeps the replicas that it needs.
        restoreToOriginalReplicaCount: scale.min === 0,
        horizontalPodAutoscalerConfig: { behavior: SCALING_BEHAVIOR },
      },
      triggers: [
        ...metricTriggers(autoscaler, access),
        ...warm.map(warmTrigger),
        ...(scale.wake === undefined ? [] : [wakeTrigger(scope, server, scale.wake, access)]),
      ],
    },
  });
}

function metricTriggers({ server, metric, scale, namespace }: KedaAutoscaler, access: TriggerAccess): Trigger[] {
  // Where no pod may be left, no answer is no work; else it is a scrape that fails.
  const ignoreNullValues = String(scale.min === 0);
  const trigger = (name: string, query: string, target: number, more: Record<string, string> = {}) =>
    prometheusTrigger(name, access, { query, threshold: String(target), ignoreNullValues, ...more });
  if (metric.kind === 'query') return [trigger('queue', metric.query, metric.target)];
  const pods = joined(`namespace="${namespace}"`, `pod=~"${podPattern(server)}"`);
  // The sum over the pods, which is divided by their number, is what an autoscaler of pods averages.
  const sumOf = (each: PodMetric) => `sum(${perPod(each, pods, 'pod')})`;
  const { guard } = metric;
  return [
    trigger('queue', sumOf(metric), metric.target),
    // It keeps nobody awake below its target: a cache that is partly full is no work.
    ...(guard === undefined
      ? []
      : [trigger('guard', sumOf(guard), guard.target, { activationThreshold: String(guard.target) })]),
  ];
}

function warmTrigger({ timezone, start, end, replicas }: WarmWindow, index: number): Trigger {
  return { type: 'cron', name: `warm-${index}`, metadata: { timezone, start, end, desiredReplicas: String(replicas) } };
}

function wakeTrigger(scope: Construct, server: InferenceServer, wake: WakeSource, access: TriggerAccess): Trigger {
  const { above = 0 } = wake;
  // 1 or 0 at a threshold of 1: it asks for one replica, and leaves it to the queue to ask for more.
  const trigger = (query: string, by: TriggerAccess) =>
    prometheusTrigger('wake', by, { query: `(${query}) > bool ${above}`, threshold: '1' });
  if (wake.kind === 'prometheus') return trigger(wake.query, access);
  // KEDA's own Pub/Sub trigger is deprecated in favour of this query (KEDA blog, "Google Cloud deprecations", 2025).
  const messages = `sum(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource="pubsub_subscription",subscription_id="${wake.subscription}"})`;
  return trigger(messages, cloudMonitoringAccess(scope, server, wake.project));
}

function prometheusTrigger(
  name: string,
  { metadata, authenticationRef }: TriggerAccess,
  more: Readonly<Record<string, string>>,
): Trigger {
  return {
    type: 'prometheus',
    name,
    metadata: { ...metadata, ...more },
    ...(authenticationRef !== undefined && { authenticationRef }),
  };
}
