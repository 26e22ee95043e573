import type { PolicyResource } from '../../policies/resource';
import { UNKNOWN } from '../../policies/resource';
import { type PolicyInput, type PolicySettings, policiesSchema, policySettings } from '../../policies/settings';

/** The namespace that all objects lie in. */
export const NAMESPACE = 'triton';

const DIGEST = `sha256:${'0'.repeat(64)}`;
export const IMAGE = `nvcr.io/nvidia/tritonserver:25.10-py3@${DIGEST}`;

// biome-ignore lint/suspicious/noExplicitAny: an object as it is written, to be changed at will
export type Manifest = any;

/** Settings that say something on every rule. */
export function settings(own: Record<string, unknown> = {}, input: Partial<PolicyInput> = {}): PolicySettings {
  return policySettings({
    policies: policiesSchema.parse({ monthlyCeilingUsd: 10_000, publicEndpoints: ['Service triton/said-*'], ...own }),
    platform: { kind: 'gke', region: 'us-central1' },
    pools: { l4: { machineType: 'g2-standard-24' } },
    serving: { models: [{ model: 'llama-3.1-8b' }] },
    ...input,
  });
}

/** A Kubernetes object as the program registers it. */
export function object(manifest: Manifest): PolicyResource {
  const { apiVersion, kind, metadata } = manifest;
  const version = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
  const type = `kubernetes:${version}:${kind}`;
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  return { urn: `urn:pulumi:test::triton-stack::${type}::${name}`, type, name, props: manifest };
}

/** A resource of the cloud. */
export function cloud(type: string, name: string, props: Record<string, unknown>, protect = false): PolicyResource {
  return { urn: `urn:pulumi:test::triton-stack::${type}::${name}`, type, name, props, ...(protect && { protect }) };
}

const LABELS = {
  'app.kubernetes.io/name': 'triton',
  'app.kubernetes.io/instance': 'llama-3-1-8b',
  'app.kubernetes.io/component': 'inference-server',
};

/** A pod that keeps every rule. */
export function podSpec(): Manifest {
  const http = (path: string) => ({ httpGet: { path, port: 8000 } });
  return {
    containers: [
      {
        name: 'triton',
        image: IMAGE,
        command: ['tritonserver', '--exit-timeout-secs=60'],
        env: [
          { name: 'HOME', value: '/tmp' },
          { name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } } },
        ],
        lifecycle: { preStop: { exec: { command: ['sleep', '15'] } } },
        startupProbe: { ...http('/v2/health/ready'), periodSeconds: 10, failureThreshold: 60 },
        readinessProbe: http('/v2/health/ready'),
        livenessProbe: http('/v2/health/live'),
        resources: { limits: { cpu: '1', memory: '1Gi', 'nvidia.com/gpu': 1 } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
    nodeSelector: { 'cloud.google.com/gke-accelerator': 'nvidia-l4' },
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    terminationGracePeriodSeconds: 85,
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  };
}

/** A pod of nobody's, with GPUs. */
export function pod(change: (spec: Manifest, manifest: Manifest) => void = () => undefined): Manifest {
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one', namespace: NAMESPACE, labels: { ...LABELS } },
    spec: podSpec(),
  };
  change(manifest.spec, manifest);
  return manifest;
}

/** A server. */
export function server(
  change: (spec: Manifest, manifest: Manifest) => void = () => undefined,
  kind = 'Deployment',
): Manifest {
  const manifest = {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'triton-llama-3-1-8b', namespace: NAMESPACE, labels: { ...LABELS } },
    spec: {
      ...(kind === 'StatefulSet' && { serviceName: 'triton' }),
      selector: { matchLabels: { 'app.kubernetes.io/instance': 'llama-3-1-8b' } },
      template: { metadata: { labels: { ...LABELS } }, spec: podSpec() },
    },
  };
  change(manifest.spec.template.spec, manifest);
  return manifest;
}

/** A pod that has nothing to do with GPUs. */
export function plainPod(change: (spec: Manifest, manifest: Manifest) => void = () => undefined): Manifest {
  return pod((spec, manifest) => {
    manifest.metadata.labels = {};
    delete spec.nodeSelector;
    delete spec.tolerations;
    delete spec.containers[0].resources.limits['nvidia.com/gpu'];
    change(spec, manifest);
  });
}

export function service(spec: Manifest, metadata: Manifest = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'triton', namespace: NAMESPACE, ...metadata },
    spec: { ports: [{ port: 8000 }], ...spec },
  };
}

export function ingress(spec: Manifest, annotations: Manifest = {}): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'triton', namespace: NAMESPACE, labels: { ...LABELS }, annotations },
    spec: { defaultBackend: { service: { name: 'triton', port: { number: 8000 } } }, ...spec },
  };
}

export function route(spec: Manifest, annotations: Manifest = {}): Manifest {
  return {
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    metadata: { name: 'triton', namespace: NAMESPACE, labels: { ...LABELS }, annotations },
    spec: { to: { kind: 'Service', name: 'triton', weight: 100 }, ...spec },
  };
}

export function gateway(gatewayClassName: string, protocol = 'HTTPS'): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'triton', namespace: NAMESPACE },
    spec: {
      gatewayClassName,
      listeners: [
        {
          name: 'web',
          port: 443,
          protocol,
          ...(protocol === 'HTTPS' && { tls: { certificateRefs: [{ name: 'web' }] } }),
        },
      ],
    },
  };
}

export function bucket(change: Record<string, unknown> = {}, protect = true): PolicyResource {
  return cloud(
    'gcp:storage/bucket:Bucket',
    'models',
    {
      location: 'US-CENTRAL1',
      publicAccessPrevention: 'enforced',
      uniformBucketLevelAccess: true,
      versioning: { enabled: true },
      softDeletePolicy: { retentionDurationSeconds: 0 },
      lifecycleRules: [{ action: { type: 'Delete' }, condition: { daysSinceNoncurrentTime: 30 } }],
      forceDestroy: false,
      labels: { environment: 'prod', 'managed-by': 'triton-stack' },
      ...change,
    },
    protect,
  );
}

export function cluster(change: Record<string, unknown> = {}): PolicyResource {
  return cloud('gcp:container/cluster:Cluster', 'gke', {
    location: 'us-central1',
    deletionProtection: true,
    nodeConfig: { serviceAccount: UNKNOWN },
    privateClusterConfig: { enablePrivateNodes: true },
    controlPlaneEndpointsConfig: { ipEndpointsConfig: { enabled: false } },
    enableShieldedNodes: true,
    workloadIdentityConfig: { workloadPool: 'acme.svc.id.goog' },
    costManagementConfig: { enabled: true },
    resourceLabels: { environment: 'prod', 'managed-by': 'triton-stack' },
    ...change,
  });
}

export function pool(change: Record<string, unknown> = {}, node: Record<string, unknown> = {}): PolicyResource {
  return cloud('gcp:container/nodePool:NodePool', 'l4', {
    location: 'us-central1',
    nodeLocations: ['us-central1-a', 'us-central1-b'],
    autoscaling: { totalMinNodeCount: 0, totalMaxNodeCount: 4 },
    networkConfig: { enablePrivateNodes: true },
    nodeConfig: {
      machineType: 'g2-standard-12',
      diskSizeGb: 200,
      diskType: 'pd-balanced',
      imageType: 'COS_CONTAINERD',
      serviceAccount: UNKNOWN,
      labels: { 'gke-no-default-nvidia-gpu-device-plugin': 'true' },
      guestAccelerators: [
        { type: 'nvidia-l4', count: 1, gpuDriverInstallationConfig: { gpuDriverVersion: 'INSTALLATION_DISABLED' } },
      ],
      shieldedInstanceConfig: { enableSecureBoot: true, enableIntegrityMonitoring: true },
      workloadMetadataConfig: { mode: 'GKE_METADATA' },
      resourceLabels: { environment: 'prod', 'managed-by': 'triton-stack' },
      ...node,
    },
    ...change,
  });
}

export function gpuOperator(values: Record<string, unknown> = { driver: { enabled: false } }): PolicyResource {
  return cloud('kubernetes:helm.sh/v3:Release', 'gpu-operator', { chart: 'gpu-operator', values });
}

export const DRIVER_INSTALLER = cloud('kubernetes:yaml/v2:ConfigFile', 'cos-driver-installer', {
  file: 'https://example.test/nvidia-driver-installer/cos/daemonset-preloaded.yaml',
});

export function budget(spec: Manifest = { maxUnavailable: 1 }, instance = 'llama-3-1-8b'): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'triton', namespace: NAMESPACE },
    spec: { selector: { matchLabels: { 'app.kubernetes.io/instance': instance } }, ...spec },
  };
}

export function autoscaler(spec: Manifest, name = 'triton-llama-3-1-8b'): Manifest {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'triton', namespace: NAMESPACE },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: 1,
      maxReplicas: 2,
      ...spec,
    },
  };
}

export function namespace(labels: Record<string, string>, name = 'team'): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}
