import { App, Chart, JsonPatch } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { adapterRule, externalAdapterRule } from '../../constructs/autoscaling/adapter-rule';
import type { MetricSource } from '../../constructs/autoscaling/metric-source';
import type { InferenceServer } from '../../constructs/inference-server';
import { QueueAutoscaler, type QueueAutoscalerProps } from '../../constructs/queue-autoscaler';
import type { Scale } from '../../models/model';
import type { Placement } from '../../models/placement';
import { InputError, type Problem } from '../../models/problem';
import { type ExternalMetric, GUARD_METRICS, QUEUE_METRICS, type QueueMetric } from '../../models/queue-metric';
import { exposedServer } from '../support/exposed-server';
import { gpuPool } from '../support/models';

const ENGINE: QueueMetric = { ...QUEUE_METRICS.engine, target: 48, guard: GUARD_METRICS.engine };
const COMPUTED: QueueMetric = { ...QUEUE_METRICS.computed, target: 3.578 };
const PENDING: QueueMetric = { ...QUEUE_METRICS.pending, target: 32, single: true, guard: COMPUTED };
const GATEWAY: ExternalMetric = {
  kind: 'query',
  name: 'requests-in-flight',
  query: 'sum(envoy_cluster_upstream_rq_active)',
  target: 8,
};
const PROMETHEUS = { url: 'http://prometheus-operated.monitoring.svc:9090' };
const KEDA: MetricSource = { kind: 'keda', prometheus: PROMETHEUS };
const WAKE = { kind: 'prometheus', query: 'sum(rate(envoy_http_downstream_rq_total[1m]))' } as const;

/** On a pool of 4 nodes with an L4 each. */
const placement: Placement = {
  pool: gpuPool({ maxNodes: 4 }),
  gpusPerPod: 1,
  podsPerReplica: 1,
  cpus: 4,
  memoryGib: 16,
};

function serverWith(changes: Partial<InferenceServer> = {}): InferenceServer {
  return exposedServer({
    name: 'triton-demo',
    labels: { 'app.kubernetes.io/part-of': 'triton-stack' },
    selector: { 'app.kubernetes.io/name': 'triton', 'app.kubernetes.io/instance': 'demo' },
    platform: 'gke',
    placement,
    scaleTarget: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'triton-demo' },
    scale: { min: 1, max: 4 },
    queueMetric: ENGINE,
    deadlineSeconds: 60,
    api: { kind: 'kserve-v2', model: 'demo' },
    egress: [],
    ...changes,
  });
}

type Options = Omit<QueueAutoscalerProps, 'server'> & {
  readonly scale?: Scale;
  readonly server?: Partial<InferenceServer>;
  readonly namespace?: string | null;
  readonly deployed?: boolean;
};

/** What an autoscaler makes in a chart, beside a workload where there is one. */
function rendered({ server = {}, scale, namespace = 'triton', deployed = false, ...props }: Options = {}): Manifest[] {
  const chart = new Chart(new App(), 'chart', namespace === null ? {} : { namespace });
  const scaled = serverWith({ ...server, ...(scale && { scale }) });
  if (deployed) {
    const labels = { ...scaled.selector };
    new k8s.KubeDeployment(chart, 'workload', {
      metadata: { name: scaled.name },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'triton' }] } },
      },
    });
  }
  new QueueAutoscaler(chart, 'autoscaler', { server: scaled, ...props });
  return chart.toJson();
}

function one(kind: string, options: Options = {}): Manifest {
  const found = rendered(options).filter((object) => object.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}

function problemsOf(options: Options): readonly Problem[] {
  try {
    rendered(options);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  return [];
}

const triggersOf = (options: Options): Manifest[] => one('ScaledObject', options).spec.triggers;

describe('by prometheus-adapter', () => {
  it('takes the larger of what the slots in use and their guard ask for', () => {
    const { spec } = one('HorizontalPodAutoscaler');
    expect(spec).toMatchObject({
      minReplicas: 1,
      maxReplicas: 4,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'triton-demo' },
    });
    expect(spec.metrics).toEqual([
      {
        type: 'Pods',
        pods: {
          metric: { name: 'triton_trtllm_active_requests' },
          target: { type: 'AverageValue', averageValue: '48' },
        },
      },
      {
        type: 'Pods',
        pods: {
          metric: { name: 'triton_trtllm_kv_cache_fraction' },
          target: { type: 'AverageValue', averageValue: '800m' },
        },
      },
    ]);
  });

  it.each([
    [1, '1'],
    [1.5, '1500m'],
    [1000, '1k'],
    [1500, '1500'],
    [12_000, '12k'],
  ])('writes %d as the API gives it back', (target, averageValue) => {
    const [metric] = one('HorizontalPodAutoscaler', { metric: { ...PENDING, target } }).spec.metrics;
    expect(metric.pods.target.averageValue).toBe(averageValue);
  });

  it('doubles after a minute, and takes one pod a minute away after ten quiet ones', () => {
    expect(one('HorizontalPodAutoscaler').spec.behavior).toEqual({
      scaleUp: {
        stabilizationWindowSeconds: 60,
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      },
      scaleDown: {
        stabilizationWindowSeconds: 600,
        selectPolicy: 'Max',
        policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
      },
    });
  });

  it('takes a query about the gateway where pods tell nothing', () => {
    const { metrics } = one('HorizontalPodAutoscaler', { server: { queueMetric: undefined }, metric: GATEWAY }).spec;
    expect(metrics).toEqual([
      {
        type: 'External',
        external: { metric: { name: 'requests-in-flight' }, target: { type: 'AverageValue', averageValue: '8' } },
      },
    ]);
  });

  it('is served by the rules of its metrics', () => {
    expect(adapterRule(COMPUTED)).toEqual({
      seriesQuery: 'nv_inference_compute_infer_duration_us{namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_computed_requests_root' },
      metricsQuery:
        'sqrt((sum(rate(<<.Series>>{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>) + sum(rate(nv_inference_compute_input_duration_us{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>) + sum(rate(nv_inference_compute_output_duration_us{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>)) / 1e6)',
    });
    expect(externalAdapterRule(GATEWAY)).toEqual({
      seriesQuery: 'up',
      resources: { namespaced: false },
      name: { as: 'requests-in-flight' },
      metricsQuery: 'sum(envoy_cluster_upstream_rq_active)',
    });
  });
});

describe('by KEDA', () => {
  it('asks what an autoscaler of pods would average, as a sum over the pods of this server', () => {
    const [queue, guard] = triggersOf({ source: KEDA });
    expect(queue).toEqual({
      type: 'prometheus',
      name: 'queue',
      metadata: {
        serverAddress: PROMETHEUS.url,
        query:
          'sum(sum(nv_trt_llm_request_metrics{namespace="triton",pod=~"triton-demo-[bcdfghjklmnpqrstvwxz2456789]{1,10}-?[bcdfghjklmnpqrstvwxz2456789]{5}",request_type="active"} >= 0) by (pod))',
        threshold: '48',
        ignoreNullValues: 'false',
      },
    });
    expect(guard?.metadata).toMatchObject({ threshold: '0.8', activationThreshold: '0.8' });
  });

  it.each([
    ['Deployment', 'triton-demo-7d9f8b6c5-x2k4z', true],
    ['Deployment', 'triton-demo-v2-7d9f8b6c5-x2k4z', false],
    ['Deployment', 'triton-demo-7d9f8b6c54x2k4z', true],
    ['Deployment', 'triton-demo-0', false],
    ['Deployment', 'triton-demo-2-4', false],
    ['StatefulSet', 'triton-demo-12', true],
    ['StatefulSet', 'triton-demo-2-0', false],
    ['LeaderWorkerSet', 'triton-demo-0', true],
    ['LeaderWorkerSet', 'triton-demo-0-1', false],
  ])('of a %s: is %s among the pods? %s', (kind, pod, among) => {
    const scaleTarget = { apiVersion: 'apps/v1', kind, name: 'triton-demo' };
    const [{ metadata }] = triggersOf({ source: KEDA, server: { scaleTarget } }) as [Manifest];
    const [, pattern = ''] = /pod=~"([^"]+)"/.exec(metadata.query) ?? [];
    expect(new RegExp(`^(${pattern})$`).test(pod)).toBe(among);
  });

  it('behaves as the HorizontalPodAutoscaler does', () => {
    const { spec } = one('ScaledObject', { source: KEDA });
    expect(spec.advanced.horizontalPodAutoscalerConfig.behavior).toEqual(one('HorizontalPodAutoscaler').spec.behavior);
    expect(spec).toMatchObject({
      minReplicaCount: 1,
      maxReplicaCount: 4,
      scaleTargetRef: { kind: 'Deployment', name: 'triton-demo' },
    });
    expect(spec).not.toHaveProperty('cooldownPeriod');
    expect(rendered({ source: KEDA }).map(({ kind }) => kind)).not.toContain('HorizontalPodAutoscaler');
  });

  it('keeps what runs where Prometheus does not answer, and when it is deleted itself', () => {
    const { fallback, advanced } = one('ScaledObject', { source: KEDA, scale: { min: 2, max: 4 } }).spec;
    expect(fallback).toEqual({ failureThreshold: 3, replicas: 2, behavior: 'currentReplicasIfHigher' });
    expect(advanced.restoreToOriginalReplicaCount).toBe(false);
  });

  it('keeps replicas warm at given times', () => {
    const warm = [{ timezone: 'Europe/Berlin', start: '0 8 * * 1-5', end: '0 20 * * 1-5', replicas: 2 }];
    expect(triggersOf({ source: { ...KEDA, warm } as MetricSource }).at(-1)).toEqual({
      type: 'cron',
      name: 'warm-0',
      metadata: {
        timezone: 'Europe/Berlin',
        start: '0 8 * * 1-5',
        end: '0 20 * * 1-5',
        desiredReplicas: '2',
      },
    });
  });

  it('takes a query about the gateway', () => {
    const triggers = triggersOf({ source: KEDA, metric: GATEWAY, namespace: null });
    expect(triggers).toEqual([
      {
        type: 'prometheus',
        name: 'queue',
        metadata: { serverAddress: PROMETHEUS.url, query: GATEWAY.query, threshold: '8', ignoreNullValues: 'false' },
      },
    ]);
  });
});

describe('down to no replica', () => {
  const scale = { min: 0, max: 4, wake: WAKE };

  it('is woken from outside, and asks for one replica then', () => {
    const { spec } = one('ScaledObject', { source: KEDA, scale });
    expect(spec).toMatchObject({
      minReplicaCount: 0,
      fallback: { replicas: 1 },
      advanced: { restoreToOriginalReplicaCount: true },
    });
    expect(spec.triggers.at(-1)).toEqual({
      type: 'prometheus',
      name: 'wake',
      metadata: { serverAddress: PROMETHEUS.url, query: `(${WAKE.query}) > bool 0`, threshold: '1' },
    });
  });

  it('takes no answer about pods for no work', () => {
    const [queue] = triggersOf({ source: KEDA, scale });
    expect(queue?.metadata.ignoreNullValues).toBe('true');
  });

  it.each([
    [60, 1560],
    [1800.5, 3301],
  ])(
    'with a deadline of %d s waits %d s before the last replica goes: its start, and an answer',
    (deadlineSeconds, seconds) => {
      const { spec } = one('ScaledObject', { source: KEDA, scale, server: { deadlineSeconds } });
      expect(spec.cooldownPeriod).toBe(seconds);
    },
  );

  it('is woken by messages that nobody has taken', () => {
    const wake = { kind: 'pubsub', project: 'acme', subscription: 'prompts', above: 3 } as const;
    const options: Options = { source: KEDA, scale: { min: 0, max: 4, wake } };
    const trigger = triggersOf(options).at(-1);
    expect(trigger).toMatchObject({
      type: 'prometheus',
      authenticationRef: { name: 'triton-demo-google' },
      metadata: {
        serverAddress: 'https://monitoring.googleapis.com/v1/projects/acme/location/global/prometheus',
        query:
          '(sum(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource="pubsub_subscription",subscription_id="prompts"})) > bool 3',
      },
    });
    expect(one('TriggerAuthentication', options)).toMatchObject({
      metadata: { name: 'triton-demo-google' },
      spec: { podIdentity: { provider: 'gcp' } },
    });
  });
});

describe('who KEDA is to Prometheus', () => {
  const asked = (prometheus: object, platform: InferenceServer['platform'] = 'gke'): Options => ({
    source: { kind: 'keda', prometheus: { ...PROMETHEUS, ...prometheus } },
    server: { platform },
  });

  it('is nobody where nothing is said', () => {
    expect(rendered({ source: KEDA }).map(({ kind }) => kind)).toEqual(['ScaledObject']);
  });

  it('has a token from a Secret', () => {
    const options = asked({ auth: { kind: 'bearer', secretName: 'prometheus', caKey: 'ca.crt' } });
    expect(one('TriggerAuthentication', options).spec).toEqual({
      secretTargetRef: [
        { parameter: 'bearerToken', name: 'prometheus', key: 'token' },
        { parameter: 'ca', name: 'prometheus', key: 'ca.crt' },
      ],
    });
    expect(triggersOf(options)[0]).toMatchObject({
      metadata: { authModes: 'bearer' },
      authenticationRef: { name: 'triton-demo-metrics' },
    });
  });

  it('has a workload identity, once for all triggers', () => {
    const wake = { kind: 'pubsub', project: 'acme', subscription: 'prompts' } as const;
    const options = { ...asked({ auth: { kind: 'workload-identity' } }), scale: { min: 0, max: 4, wake } };
    expect(one('TriggerAuthentication', options).spec).toEqual({ podIdentity: { provider: 'gcp' } });
    for (const { authenticationRef } of triggersOf(options)) {
      expect(authenticationRef).toEqual({ name: 'triton-demo-google' });
    }
  });

  it('is on OpenShift a ServiceAccount that reads the metrics of its namespace', () => {
    const options: Options = { source: { kind: 'keda' }, server: { platform: 'openshift' } };
    expect(triggersOf(options)[0]).toMatchObject({
      metadata: {
        serverAddress: 'https://thanos-querier.openshift-monitoring.svc.cluster.local:9092',
        namespace: 'triton',
        authModes: 'bearer',
      },
      authenticationRef: { name: 'triton-demo-metrics' },
    });
    expect(one('TriggerAuthentication', options).spec).toEqual({
      boundServiceAccountToken: [{ parameter: 'bearerToken', serviceAccountName: 'triton-demo-metrics' }],
      configMapTargetRef: [{ parameter: 'ca', name: 'openshift-service-ca.crt', key: 'service-ca.crt' }],
    });
    const bindings = rendered(options).filter(({ kind }) => kind === 'RoleBinding');
    expect(bindings.map(({ roleRef, subjects }) => [roleRef.name, subjects[0].name, subjects[0].namespace])).toEqual([
      ['triton-demo-metrics', 'triton-demo-metrics', undefined],
      ['triton-demo-metrics-token', 'keda-operator', 'openshift-keda'],
    ]);
    const [, token] = rendered(options).filter(({ kind }) => kind === 'Role');
    expect(token?.rules).toEqual([
      {
        apiGroups: [''],
        resources: ['serviceaccounts/token'],
        resourceNames: ['triton-demo-metrics'],
        verbs: ['create'],
      },
    ]);
  });
});

describe('by GKE itself', () => {
  const native: Options = { source: { kind: 'gke-native' }, server: { queueMetric: PENDING } };

  it('reads the gauge from the pods, and leaves counters out', () => {
    const objects = rendered({ ...native, deployed: true });
    const [metric] = objects.filter(({ kind }) => kind === 'AutoscalingMetric');
    expect(metric).toMatchObject({
      apiVersion: 'autoscaling.gke.io/v1beta1',
      metadata: { name: 'triton-demo' },
      spec: {
        metrics: [
          {
            pod: {
              selector: { matchLabels: { 'inference-server': 'triton-demo' } },
              containers: [
                {
                  endpoint: { port: 8002, path: '/metrics' },
                  metrics: [
                    {
                      gauge: {
                        name: 'triton-pending-requests',
                        prometheusMetricName: 'nv_inference_pending_request_count',
                      },
                    },
                  ],
                },
              ],
            },
          },
        ],
      },
    });
    const [autoscaler] = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    expect(autoscaler?.spec.metrics.map(({ pods }: Manifest) => pods.metric.name)).toEqual([
      'autoscaling.gke.io|triton-demo|triton-pending-requests',
    ]);
  });

  it('gives the pods a label that it can select by, beside those they have', () => {
    const [workload] = rendered({ ...native, deployed: true }).filter(({ kind }) => kind === 'Deployment');
    expect(workload?.spec.template.metadata.labels).toEqual({
      'app.kubernetes.io/name': 'triton',
      'app.kubernetes.io/instance': 'demo',
      'inference-server': 'triton-demo',
    });
    expect(workload?.spec.selector.matchLabels).not.toHaveProperty('inference-server');
  });

  it('selects by labels that the pods have', () => {
    const source: MetricSource = { kind: 'gke-native', podSelector: { serves: 'demo' } };
    const [rule] = one('AutoscalingMetric', { ...native, source }).spec.metrics;
    expect(rule.pod.selector).toEqual({ matchLabels: { serves: 'demo' } });
  });
});

it('by the use of the CPU, of a server that has no GPU', () => {
  const server = { placement: { ...placement, gpusPerPod: 0 } };
  expect(one('HorizontalPodAutoscaler', { source: { kind: 'cpu' }, server }).spec.metrics).toEqual([
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
  ]);
});

it('is changed by patches at last', () => {
  const patch = { HorizontalPodAutoscaler: [JsonPatch.replace('/spec/behavior/scaleDown/selectPolicy', 'Min')] };
  expect(one('HorizontalPodAutoscaler', { patch }).spec.behavior.scaleDown.selectPolicy).toBe('Min');
});

describe('refuses', () => {
  const several: QueueMetric = { ...PENDING, single: false };
  const group = (podsPerReplica: number) => ({ placement: { ...placement, podsPerReplica } });
  const withoutGpu = { placement: { ...placement, gpusPerPod: 0 } };
  const openshiftToken: MetricSource = { kind: 'keda', prometheus: { ...PROMETHEUS, auth: { kind: 'openshift' } } };
  const native: MetricSource = { kind: 'gke-native' };
  const pubsub = { kind: 'pubsub', project: 'a', subscription: 'b' } as const;

  it.each<[string, Options, string, string]>([
    ['a server that tells nobody who is in it', { server: { queueMetric: undefined } }, 'metric', 'is missing'],
    ['a fixed number of replicas beside it', { server: { replicas: 2 } }, 'server.replicas', 'a fixed number'],
    [
      'more replicas than the pool holds',
      { scale: { min: 1, max: 5 } },
      'scale.max',
      'pool l4 holds 4 when fully grown (nodes: 4, GPUs of each: 1, GPUs of a replica: 1)',
    ],
    [
      'more groups of pods than the pool holds',
      { server: group(3), scale: { min: 1, max: 2 } },
      'scale.max',
      'pool l4 holds 1 when fully grown (nodes: 4, GPUs of each: 1, GPUs of a replica: 3)',
    ],
    ['more at least than at most', { scale: { min: 3, max: 2 } }, 'scale.min', 'more replicas at least than at most'],
    ['half a replica', { scale: { min: 1, max: 1.5 } }, 'scale.max', ''],
    ['nothing to wake it', { source: KEDA, scale: { min: 0, max: 2 } }, 'scale.min', 'nothing starts the first'],
    [
      'waking what never sleeps',
      { source: KEDA, scale: { min: 1, max: 2, wake: WAKE } },
      'scale.wake',
      'wakes nothing',
    ],
    ['no replica without KEDA', { scale: { min: 0, max: 2, wake: WAKE } }, 'scale.min', 'HPAScaleToZero is alpha'],
    ['a target of 0', { metric: { ...PENDING, target: 0 } }, 'metric.target', 'is divided by'],
    ['a metric with capitals', { metric: { ...GATEWAY, name: 'InFlight' } }, 'metric.name', 'is no name'],
    ['KEDA without a Prometheus', { source: { kind: 'keda' } }, 'source.prometheus', 'is missing'],
    [
      'a Prometheus without a scheme',
      { source: { kind: 'keda', prometheus: { url: 'prometheus.monitoring.svc:9090' } } },
      'source.prometheus.url',
      'is no address',
    ],
    ['KEDA without a namespace', { source: KEDA, namespace: null }, 'namespace', 'the query has to name that'],
    ["OpenShift's token on GKE", { source: openshiftToken }, 'source.prometheus.auth', 'the platform is gke'],
    [
      'Pub/Sub elsewhere than on GKE',
      { source: KEDA, server: { platform: 'kubernetes' }, scale: { min: 0, max: 2, wake: pubsub } },
      'scale.wake',
      'the platform is kubernetes',
    ],
    [
      'GKE elsewhere',
      { source: native, server: { platform: 'openshift', queueMetric: PENDING } },
      'source',
      'is read by GKE itself, and the platform is openshift',
    ],
    ['what GKE would have to select', { source: native, deployed: true }, 'metric.series', 'without selecting'],
    ['what GKE would have to sum', { source: native, metric: several, deployed: true }, 'metric.series', 'or summing'],
    ['counters of GKE', { source: native, metric: COMPUTED, deployed: true }, 'metric.kind', 'growth of counters'],
    ['a query of GKE', { source: native, metric: GATEWAY, deployed: true }, 'metric.kind', 'asks no queries'],
    [
      'GKE with pods of another app',
      { source: native, metric: PENDING },
      'source.podSelector',
      'there is no Deployment or StatefulSet triton-demo in this app',
    ],
    [
      'a label that GKE does not select by',
      { source: { kind: 'gke-native', podSelector: { 'app.kubernetes.io/name': 'a' } }, metric: PENDING },
      'source.podSelector.app.kubernetes.io/name',
      'before 1.37',
    ],
    ['the CPU of a server with GPUs', { source: { kind: 'cpu' } }, 'source', 'its CPUs idle while they are full'],
    [
      'more than all of the CPU',
      { source: { kind: 'cpu', utilization: 120 }, server: withoutGpu },
      'source.utilization',
      'is no share',
    ],
    [
      'a metric beside the CPU',
      { source: { kind: 'cpu' }, metric: PENDING, server: withoutGpu },
      'metric',
      'is not looked at',
    ],
  ])('%s', (_name, options, key, reason) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ key, reason: expect.stringContaining(reason) })]);
  });

  it.each([
    ['replicas', { replicas: 1 }, 'changes nothing: 1 stand ready'],
    ['replicas', { replicas: 9 }, 'is more than scale.max, 4'],
    ['replicas', { replicas: 1.5 }, 'is no number of replicas'],
    ['start', { start: '8:00' }, 'is no time as cron says it'],
    ['timezone', { timezone: 'Berlin' }, 'is no time zone'],
    ['end', { end: '0 8 * * *' }, 'the window is empty'],
  ])('a warm window with a wrong %s: %o', (key, wrong, reason) => {
    const window = { timezone: 'Europe/Berlin', start: '0 8 * * *', end: '0 20 * * *', replicas: 2, ...wrong };
    expect(problemsOf({ source: { ...KEDA, warm: [window] } as MetricSource })).toEqual([
      expect.objectContaining({ key: `source.warm[0].${key}`, reason: expect.stringContaining(reason) }),
    ]);
  });

  it('all of it at once', () => {
    const options: Options = {
      source: { kind: 'cpu' },
      scale: { min: 0, max: 9, wake: WAKE },
      server: { replicas: 1 },
    };
    expect(problemsOf(options).map(({ key }) => key)).toEqual(['server.replicas', 'scale.max', 'scale.min', 'source']);
  });
});
