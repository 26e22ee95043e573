import { App, Chart } from 'cdk8s';
import {
  BatchPriority,
  DisruptionBudget,
  GrpcRoute,
  HttpRoute,
  MetricsMonitor,
  ModelRepository,
  ModelSource,
  MultiNodeServer,
  NgcSecret,
  NimServer,
  NodeModelCache,
  OpenShiftRoute,
  type Platform,
  QueueAutoscaler,
  type QueueAutoscalerProps,
  SccUse,
  ServerAlerts,
  type ServerClient,
  ServerIngress,
  ServerNetworkPolicy,
  TeamNamespace,
  TritonServer,
  type TritonServerProps,
} from '../../constructs';
import { RESTRICTED_NAMESPACE } from '../../constructs/security';
import {
  catalog,
  gkeNodePool,
  type Model,
  mistralVllm,
  nimLlama31,
  placeNimOn,
  placeOn,
  type Scale,
} from '../../models';
import { type QueueMetric, waitingMetric } from '../../models/queue-metric';
import type { KubernetesObject } from '../../preview/plan';
import { exposedServer } from './exposed-server';
import { engineModel } from './models';

export const PLATFORMS: readonly Platform[] = ['kubernetes', 'gke', 'openshift'];

const resnet = catalog.get('resnet50') as Model;
const l4 = gkeNodePool({ name: 'l4', machineType: 'g2-standard-16', maxNodes: 8, diskGb: 300 });
const web = { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' } as const;
const s3 = ModelSource.s3({ uri: 's3://acme-models/all', region: 'us-east-1', credentials: web });
const gcs = ModelSource.gcs({ uri: 'gs://acme-models/all' });
const host = 'model.example.com';
const tls = { kind: 'secret', secretName: 'model-tls' } as const;
const prometheus = { url: 'http://prometheus-operated.monitoring.svc:9090' };

type Variant = (chart: Chart) => void;

/** Variants whose pods the restricted standard would refuse: containers that run as root. */
const BASELINE: readonly string[] = ['cache', 'cache-alone'];

/** Every construct, in every form that the platform has. */
export function variants(platform: Platform): Record<string, Variant> {
  return {
    ...servers(platform),
    ...sources(platform),
    ...autoscalers(platform),
    ...exposures(platform),
    ...guards(platform),
  };
}

/** The objects of the variants, each in a namespace of its own, with those namespaces. */
export function renderVariants(platform: Platform): KubernetesObject[] {
  return Object.entries(variants(platform)).flatMap(([name, make]) => {
    const namespace = namespaceOf(platform, name);
    const chart = new Chart(new App(), name, { namespace });
    make(chart);
    const level = BASELINE.includes(name) ? 'baseline' : 'restricted';
    const labels = Object.fromEntries(Object.keys(RESTRICTED_NAMESPACE).map((key) => [key, level]));
    return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }, ...chart.toJson()];
  });
}

export function namespaceOf(platform: Platform, variant: string): string {
  return `${platform}-${variant}`;
}

function server(chart: Chart, platform: Platform, props: Partial<TritonServerProps> = {}): TritonServer {
  const { model = resnet } = props;
  const placement = placeOn(model, l4);
  return new TritonServer(chart, 'server', { model, placement, source: gcs, platform, ...props });
}

function servers(platform: Platform): Record<string, Variant> {
  const two = gkeNodePool({ name: 'two', machineType: 'g2-standard-24', maxNodes: 4, diskGb: 300 });
  const architecture = { layers: 6, hidden: 1024, ffn: 4096, heads: 8, kvHeads: 8, headDim: 128, vocab: 32_000 };
  const big = engineModel({ name: 'big' }, { architecture, tensorParallel: 2, pipelineParallel: 2 });
  return {
    plain: (c) => void server(c, platform),
    full: (c) =>
      void server(c, platform, {
        source: s3,
        workload: {
          kind: 'statefulset',
          storageClass: 'premium-rwo',
          volumeGib: 32,
          podManagement: 'ordered',
          retention: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        },
        replicas: 1,
        control: { kind: 'explicit', watch: { everySeconds: 30 } },
        readiness: 'server',
        metrics: { intervalMillis: 1000, summaries: true },
        tracing: { url: 'http://collector.tracing.svc:4318/v1/traces' },
        log: { verbose: 1 },
        grpcTls:
          platform === 'openshift' ? { kind: 'openshift-service-ca' } : { kind: 'secret', secretName: 'grpc-tls' },
        resources: { cpus: 4, memoryGib: 16 },
        sharedMemoryGib: 2,
        zoneSpread: 'required',
        environment: { OMP_NUM_THREADS: '4', TOKEN: { secretName: 'token', key: 'token' } },
        podLabels: { team: 'vision' },
        podAnnotations: { 'example.com/note': 'kept' },
        serviceAnnotations: { 'example.com/note': 'kept' },
        imagePullSecrets: ['registry'],
        flags: ['--model-load-thread-count=2'],
      }),
    keyed: (c) =>
      void server(c, platform, { control: { kind: 'explicit', key: { kind: 'secret', secretName: 'load-key' } } }),
    nodes: (c) =>
      void new MultiNodeServer(c, 'server', { model: big, platform, source: gcs, placement: placeOn(big, two) }),
    nim: (c) => {
      new NimServer(c, 'server', {
        nim: nimLlama31,
        placement: placeNimOn(nimLlama31, l4),
        platform,
        ngc: { kind: 'external-secret', store: 'vault', remoteKey: 'ngc' },
        storageClass: 'premium-rwo',
        replicas: 1,
      });
      new NgcSecret(c, 'ngc', { name: 'ngc', key: { kind: 'value', apiKey: '__token_1__' } });
    },
  };
}

function sources(platform: Platform): Record<string, Variant> {
  const filled = (chart: Chart) =>
    new ModelRepository(chart, 'repository', {
      models: [resnet],
      source: platform === 'openshift' ? s3 : gcs,
      platform,
      storage: { kind: 'shared', storageClass: 'standard-rwx', refresh: { schedule: '0 3 * * *' } },
    }).source;
  /** A cache for servers of the namespace of `cached`, which comes before it. */
  const cached = (chart: Chart) =>
    new NodeModelCache(chart, 'cache', {
      models: [resnet],
      source: gcs,
      platform,
      pools: [l4],
      servers: { namespace: namespaceOf(platform, 'cached') },
      monitoringNamespace: 'monitoring',
    }).source;
  const elsewhere = (variant: string) => new Chart(new App(), variant, { namespace: namespaceOf(platform, variant) });
  return {
    s3: (c) => void server(c, platform, { source: s3 }),
    'aws-cli': (c) =>
      void server(c, platform, { source: { ...s3, tool: 'aws-cli', release: '1.4.0' }, syncMetrics: false }),
    hmac: (c) =>
      void server(c, platform, { source: { ...gcs, credentials: { kind: 'hmac-secret', secretName: 'hmac' } } }),
    claim: (c) =>
      void server(c, platform, { source: ModelSource.claim({ claimName: 'models', subPath: 'all' }), replicas: 0 }),
    repository: (c) => void server(c, platform, { source: filled(c), control: { kind: 'poll' }, replicas: 0 }),
    image: (c) =>
      void server(c, platform, { source: ModelSource.image({ reference: 'registry.example.com/models:1.0' }) }),
    hub: (c) =>
      void server(c, platform, {
        model: mistralVllm,
        source: ModelSource.huggingFace({
          model: 'mistralai/Mistral-7B-Instruct-v0.3',
          revision: 'e0bc86c23ce5aae1db576c8cca6f06f1f73af2db',
          tokenSecret: { name: 'hub', key: 'token' },
        }),
        workload: { kind: 'statefulset', storageClass: 'premium-rwo' },
        replicas: 1,
      }),
    ...(platform !== 'openshift' && {
      cached: (c: Chart) =>
        void server(c, platform, { source: cached(elsewhere('cache')), control: { kind: 'poll' }, replicas: 1 }),
      cache: (c: Chart) => void cached(c),
      'cache-alone': (c: Chart) => {
        const { source } = new NodeModelCache(c, 'cache', {
          name: 'all',
          models: [resnet, mistralVllm],
          source: s3,
          platform,
          nodeSelector: { ...l4.nodeSelector },
          tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
          refreshSeconds: 60,
          limitGib: 64,
          hostPath: '/mnt/disks/ssd0/models',
        });
        server(c, platform, { source, control: { kind: 'explicit' }, replicas: 0 });
      },
    }),
    ...(platform === 'gke' && {
      fuse: (c: Chart) =>
        void server(c, platform, { source: ModelSource.gcsFuse({ uri: 'gs://acme-models/all', prefetch: 'disk' }) }),
      hyperdisk: (c: Chart) => {
        const storage = { kind: 'hyperdisk-ml', zones: ['us-central1-a'] } as const;
        const { source } = new ModelRepository(c, 'disk', { models: [resnet], source: gcs, platform, storage });
        server(c, platform, { source, replicas: 0 });
      },
    }),
  };
}

type Scaled = Omit<QueueAutoscalerProps, 'server'> & { readonly scale?: Scale };

function autoscalers(platform: Platform): Record<string, Variant> {
  const scaled =
    ({ scale = resnet.scale, ...props }: Scaled, model?: Model) =>
    (chart: Chart) =>
      void new QueueAutoscaler(chart, 'autoscaler', {
        server: exposedServer({
          platform,
          placement: placeOn(resnet, l4),
          scale,
          queueMetric: server(new Chart(new App(), 'other'), platform, model && { model }).queueMetric,
        }),
        ...props,
      });
  const metric = {
    kind: 'query',
    name: 'in-flight',
    query: 'sum(envoy_cluster_upstream_rq_active)',
    target: 8,
  } as const;
  const wake = { kind: 'prometheus', query: 'sum(rate(envoy_http_downstream_rq_total[1m]))' } as const;
  const warm = [{ timezone: 'Europe/Berlin', start: '0 8 * * 1-5', end: '0 20 * * 1-5', replicas: 2 }];
  const keda = { kind: 'keda', prometheus } as const;
  return {
    adapter: scaled({}, engineModel()),
    external: scaled({ metric }),
    keda: scaled({ source: { ...keda, warm } }),
    zero: scaled({ source: keda, scale: { min: 0, max: 4, wake } }),
    token: scaled({
      source: {
        kind: 'keda',
        prometheus: { ...prometheus, auth: { kind: 'bearer', secretName: 's', caKey: 'ca.crt' } },
      },
    }),
    ...(platform === 'openshift' && { thanos: scaled({ source: { kind: 'keda' } }) }),
    ...(platform === 'gke' && {
      native: (c: Chart) =>
        void new QueueAutoscaler(c, 'autoscaler', {
          server: server(c, platform),
          source: { kind: 'gke-native' },
          metric: waitingMetric(resnet) as QueueMetric,
        }),
    }),
  };
}

function exposures(platform: Platform): Record<string, Variant> {
  const any = exposedServer({ platform });
  const nim = exposedServer({
    platform,
    api: { kind: 'openai' },
    ports: { http: 8000 },
    metrics: { port: 'http', path: '/v1/metrics' },
  });
  const listener = { gateways: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }], hostnames: [host] };
  const gateway = { ...listener, controller: 'other' } as const;
  const tlsServer = exposedServer({ platform, tls: ['grpc'] });
  const grpcRoute = { server: tlsServer, host, port: 'grpc' } as const;
  return {
    nginx: (c) => void new ServerIngress(c, 'x', { server: any, host, controller: { kind: 'ingress-nginx', tls } }),
    'nginx-grpc': (c) =>
      void new ServerIngress(c, 'x', {
        server: any,
        host,
        port: 'grpc',
        controller: { kind: 'ingress-nginx', tls: { kind: 'cert-manager', issuer: 'letsencrypt' } },
      }),
    'plain-http': (c) =>
      void new ServerIngress(c, 'x', {
        server: any,
        host,
        controller: { kind: 'other', className: 'traefik', tls: { kind: 'plain-http' } },
      }),
    'http-route': (c) => void new HttpRoute(c, 'x', { server: any, ...gateway, grpc: true }),
    'http-openai': (c) => void new HttpRoute(c, 'x', { server: nim, ...gateway }),
    'grpc-route': (c) => void new GrpcRoute(c, 'x', { server: any, ...gateway }),
    ...(platform === 'gke' && {
      'gke-ingress': (c: Chart) =>
        void new ServerIngress(c, 'x', {
          server: any,
          host,
          controller: { kind: 'gke', tls: { kind: 'managed' }, staticIp: 'model' },
        }),
      'gke-route': (c: Chart) => void new HttpRoute(c, 'x', { server: any, ...listener, grpc: true }),
    }),
    ...(platform === 'openshift' && {
      edge: (c: Chart) => void new OpenShiftRoute(c, 'x', { server: any }),
      'grpc-edge': (c: Chart) =>
        void new OpenShiftRoute(c, 'x', {
          server: any,
          host,
          port: 'grpc',
          tls: { kind: 'edge', certificateSecret: 'grpc' },
        }),
      reencrypt: (c: Chart) =>
        void new OpenShiftRoute(c, 'x', {
          ...grpcRoute,
          tls: { kind: 'reencrypt', certificateSecret: 'grpc', destinationCa: 'PEM' },
        }),
      passthrough: (c: Chart) => void new OpenShiftRoute(c, 'x', { ...grpcRoute, tls: { kind: 'passthrough' } }),
      routes: (c: Chart) => void new OpenShiftRoute(c, 'x', { server: nim, host }),
      scc: (c: Chart) => void new SccUse(c, 'x', { server: any, scc: 'nonroot-v2' }),
    }),
  };
}

function guards(platform: Platform): Record<string, Variant> {
  const any = exposedServer({ platform });
  const policy = (clients?: readonly ServerClient[]) => (chart: Chart) =>
    void new ServerNetworkPolicy(chart, 'x', {
      server: any,
      monitoringNamespace: 'monitoring',
      ...(clients && { clients }),
    });
  return {
    budget: (c) => void new DisruptionBudget(c, 'x', { server: any }),
    monitor: (c) => void new MetricsMonitor(c, 'x', { server: any }),
    alerts: (c) => void new ServerAlerts(c, 'x', { server: any }),
    policy: policy(),
    nobody: policy([]),
    team: (c) => {
      new TeamNamespace(c, 'x', { name: `${platform}-vision`, gpus: 2, platform });
      new BatchPriority(c, 'batch', { patch: {} });
    },
    ...(platform === 'gke' && {
      managed: (c: Chart) => void new MetricsMonitor(c, 'x', { server: any, collector: 'gke-managed' }),
      'managed-alerts': (c: Chart) => void new ServerAlerts(c, 'x', { server: any, collector: 'gke-managed' }),
      'load-balancers': policy([{ kind: 'gke-load-balancers', proxySubnet: '10.129.0.0/23' }]),
    }),
  };
}
