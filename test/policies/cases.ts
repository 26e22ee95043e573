import { type PolicyResource, SECRET } from '../../policies/resource';
import {
  autoscaler,
  bucket,
  budget,
  cloud,
  cluster,
  DRIVER_INSTALLER,
  gateway,
  gpuOperator,
  IMAGE,
  ingress,
  type Manifest,
  namespace,
  object,
  plainPod,
  pod,
  podSpec,
  pool,
  route,
  server,
  service,
} from './objects';

/** Resources, and whether they break a rule. */
export interface Case {
  readonly name: string;
  readonly breaks: boolean;
  readonly resources: readonly PolicyResource[];
}

const keeps = (name: string, ...resources: PolicyResource[]): Case => ({ name, breaks: false, resources });
const breaks = (name: string, ...resources: PolicyResource[]): Case => ({ name, breaks: true, resources });

/** A server, or a pod, whose first container is changed. */
const container = (change: (container: Manifest, spec: Manifest) => void): PolicyResource =>
  object(server((spec) => change(spec.containers[0], spec)));
const podContainer = (change: (container: Manifest, spec: Manifest) => void): PolicyResource =>
  object(pod((spec) => change(spec.containers[0], spec)));
/** A container that goes first: it has none of what belongs to what lasts. */
const initContainer = (own: Manifest, change: Manifest): Manifest => {
  const { lifecycle, startupProbe, readinessProbe, livenessProbe, ...rest } = own;
  return { ...rest, name: 'init', ...change };
};
const image = (name: string) => container((own) => Object.assign(own, { image: name }));
const env = (name: string, value: string) => container((own) => own.env.push({ name, value }));
const configMap = (data: Record<string, string>) =>
  object({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'scripts', namespace: 'triton' }, data });
const secret = (part: Manifest) =>
  object({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hub', namespace: 'triton' }, ...part });

const SPOT = { key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' };
const CPU = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } };
const WAITING = {
  type: 'Pods',
  pods: { metric: { name: 'triton_computed_requests_root' }, target: { type: 'AverageValue', averageValue: '3578m' } },
};
const INTERNAL = { annotations: { 'networking.gke.io/load-balancer-type': 'Internal' } };
const ENFORCE = 'pod-security.kubernetes.io/enforce';
const TIMEOUT = 'haproxy.router.openshift.io/timeout';
const EDGE = { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } };
const TLS = { tls: [{ secretName: 'web' }] };
const daemons = (spec: Manifest): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agents', namespace: 'triton' },
  spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec } },
});

/** By rule, what keeps it and what breaks it. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  'image-registry': [
    keeps('a repository that is allowed', image(IMAGE)),
    keeps('by a short name of Docker Hub', image('rclone/rclone:1.75.1')),
    keeps('by a digest alone', image(`docker.io/rclone/rclone@sha256:${'0'.repeat(64)}`)),
    breaks('another repository', image('ghcr.io/acme/tritonserver:1')),
    breaks('a repository whose name goes on', image('nvcr.io/nvidia/tritonserver-copy:25.10')),
    breaks('the name behind another host', image('evil.test/nvcr.io/nvidia/tritonserver:25.10')),
    breaks('a pod', object(plainPod((spec) => Object.assign(spec.containers[0], { image: 'busybox:1.36' })))),
    breaks(
      'an init container',
      object(
        server((spec) =>
          Object.assign(spec, { initContainers: [initContainer(spec.containers[0], { image: 'debian:13' })] }),
        ),
      ),
    ),
  ],
  'image-latest': [
    keeps('a tag', image('docker.io/rclone/rclone:1.75.1')),
    keeps('latest, with a digest', image(`docker.io/rclone/rclone:latest@sha256:${'0'.repeat(64)}`)),
    breaks('latest', image('docker.io/rclone/rclone:latest')),
    breaks('no tag', image('docker.io/rclone/rclone')),
    breaks(
      "no tag, and a registry's port",
      podContainer((own) => Object.assign(own, { image: 'registry.test:5000/rclone' })),
    ),
  ],
  'image-digest': [
    keeps('a digest', image(IMAGE)),
    breaks('a tag', image('nvcr.io/nvidia/tritonserver:25.10-py3')),
    breaks(
      'a tag, of a pod',
      podContainer((own) => Object.assign(own, { image: 'nvcr.io/nvidia/tritonserver:25.10-py3' })),
    ),
    breaks(
      'a tag, of a CronJob',
      object({
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name: 'nightly', namespace: 'triton' },
        spec: {
          schedule: '0 3 * * *',
          jobTemplate: {
            spec: {
              template: {
                spec: {
                  ...plainPod().spec,
                  containers: [{ ...plainPod().spec.containers[0], image: 'nvcr.io/nvidia/tritonserver:25.10-py3' }],
                  restartPolicy: 'Never',
                },
              },
            },
          },
        },
      }),
    ),
  ],
  'pod-restricted': [
    keeps('a restricted server', object(server())),
    keeps('a restricted pod', object(pod())),
    breaks(
      'a privileged container',
      podContainer((own) =>
        Object.assign(own.securityContext, { privileged: true, allowPrivilegeEscalation: undefined }),
      ),
    ),
    breaks(
      'escalation',
      podContainer((own) => delete own.securityContext.allowPrivilegeEscalation),
    ),
    breaks(
      'all capabilities',
      podContainer((own) => delete own.securityContext.capabilities),
    ),
    breaks(
      'one capability',
      podContainer((own) => Object.assign(own.securityContext.capabilities, { add: ['SYS_ADMIN'] })),
    ),
    breaks(
      'root',
      podContainer((own) => Object.assign(own.securityContext, { runAsUser: 0 })),
    ),
    breaks(
      'perhaps root',
      podContainer((_own, spec) => delete spec.securityContext.runAsNonRoot),
    ),
    breaks(
      'no seccomp profile',
      podContainer((_own, spec) => delete spec.securityContext.seccompProfile),
    ),
    breaks(
      "the host's files",
      podContainer((_own, spec) => spec.volumes.push({ name: 'host', hostPath: { path: '/' } })),
    ),
    breaks(
      "the host's network",
      podContainer((_own, spec) => Object.assign(spec, { hostNetwork: true })),
    ),
    breaks(
      "a port of the host's",
      podContainer((own) => Object.assign(own, { ports: [{ containerPort: 1, hostPort: 1 }] })),
    ),
  ],
  'namespace-restricted': [
    keeps('restricted', object(namespace({ [ENFORCE]: 'restricted' }))),
    keeps('privileged, where that is said', object(namespace({ [ENFORCE]: 'privileged' }, 'gpu-operator'))),
    breaks('privileged', object(namespace({ [ENFORCE]: 'privileged' }))),
    breaks('no level', object(namespace({}))),
    breaks('no level, where a level has to be said', object(namespace({}, 'gpu-operator'))),
  ],
  'gpu-request': [
    keeps('a server', object(server())),
    keeps('a pod without GPUs', object(plainPod())),
    keeps(
      'a part of a GPU',
      container((own) => Object.assign(own.resources, { limits: { 'nvidia.com/mig-1g.10gb': 1 } })),
    ),
    keeps('an agent on every node', object(daemons({ ...plainPod().spec, tolerations: podSpec().tolerations }))),
    keeps(
      'by affinity',
      container((_own, spec) => {
        delete spec.nodeSelector;
        const matchExpressions = [{ key: 'nvidia.com/gpu.product', operator: 'In', values: ['NVIDIA-L4'] }];
        const required = { nodeSelectorTerms: [{ matchExpressions }] };
        spec.affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
      }),
    ),
    breaks(
      'a GPU node without a GPU',
      container((own) => delete own.resources.limits['nvidia.com/gpu']),
    ),
    breaks(
      'a toleration without a GPU',
      object(plainPod((spec) => Object.assign(spec, { tolerations: podSpec().tolerations }))),
    ),
    breaks(
      'any GPU at all',
      podContainer((_own, spec) => delete spec.nodeSelector),
    ),
  ],
  'gpu-fit': [
    keeps(
      'as many as a node has',
      container((own) => Object.assign(own.resources.limits, { 'nvidia.com/gpu': 2 })),
    ),
    keeps(
      'an init container that goes first',
      container((own, spec) =>
        Object.assign(spec, {
          initContainers: [initContainer(own, { resources: { limits: { 'nvidia.com/gpu': 2 } } })],
        }),
      ),
    ),
    breaks(
      'more than a node has',
      podContainer((own) => Object.assign(own.resources.limits, { 'nvidia.com/gpu': 3 })),
    ),
    breaks(
      'more than a node has, with a sidecar',
      container((own, spec) =>
        Object.assign(spec, {
          initContainers: [
            { ...own, name: 'side', restartPolicy: 'Always', resources: { limits: { 'nvidia.com/gpu': 2 } } },
          ],
        }),
      ),
    ),
  ],
  'spot-interactive': [
    keeps('a server', object(server())),
    keeps(
      'batch work on spot',
      container((_own, spec) =>
        Object.assign(spec, { tolerations: [...spec.tolerations, SPOT], priorityClassName: 'triton-batch' }),
      ),
    ),
    keeps('a pod on spot that serves nobody', object(plainPod((spec) => Object.assign(spec, { tolerations: [SPOT] })))),
    breaks(
      'a server on spot',
      container((_own, spec) => spec.tolerations.push(SPOT)),
    ),
    breaks(
      'a server on spot, by its nodes',
      container((_own, spec) => Object.assign(spec.nodeSelector, { 'cloud.google.com/gke-spot': 'true' })),
    ),
    breaks(
      "a server's pod on spot",
      podContainer((_own, spec) => spec.tolerations.push(SPOT)),
    ),
  ],
  probes: [
    keeps('all three', object(server())),
    keeps('a pod that serves nobody', object(plainPod((spec) => delete spec.containers[0].startupProbe))),
    breaks(
      'no startup probe',
      container((own) => delete own.startupProbe),
    ),
    breaks(
      'no liveness probe',
      podContainer((own) => delete own.livenessProbe),
    ),
    breaks(
      'no readiness probe',
      container((own) => delete own.readinessProbe),
    ),
    breaks(
      'liveness on ready',
      container((own) => Object.assign(own.livenessProbe.httpGet, { path: '/v2/health/ready' })),
    ),
    breaks(
      'too short a start',
      container((own) => Object.assign(own.startupProbe, { failureThreshold: 12 })),
    ),
    breaks(
      'a start of the default',
      container((own) => delete own.startupProbe.failureThreshold),
    ),
  ],
  'shutdown-grace': [
    keeps('long enough', object(server())),
    keeps(
      'nobody says how long answers take',
      container(
        (own, spec) => Object.assign(own, { command: ['tritonserver'] }) && delete spec.terminationGracePeriodSeconds,
      ),
    ),
    keeps(
      'a sleep of its own kind',
      container(
        (own, spec) =>
          Object.assign(own.lifecycle, { preStop: { sleep: { seconds: 15 } } }) &&
          Object.assign(spec, { terminationGracePeriodSeconds: 76 }),
      ),
    ),
    breaks(
      'as long as both together',
      container((_own, spec) => Object.assign(spec, { terminationGracePeriodSeconds: 75 })),
    ),
    breaks(
      'the default',
      podContainer((_own, spec) => delete spec.terminationGracePeriodSeconds),
    ),
  ],
  'disruption-budget': [
    keeps('one that selects it', object(server()), object(budget())),
    keeps(
      'a workload that serves nobody',
      object(
        server((spec, manifest) => {
          manifest.spec.template.metadata.labels = {};
          manifest.spec.template.spec = { ...plainPod().spec };
          delete spec.nodeSelector;
        }),
      ),
    ),
    breaks('none', object(server())),
    breaks('one of another server', object(server()), object(budget(undefined, 'resnet50'))),
    breaks(
      'one of another namespace',
      object(server()),
      object({ ...budget(), metadata: { name: 'triton', namespace: 'other' } }),
    ),
    breaks('one that lets nobody go', object(server()), object(budget({ maxUnavailable: 0 }))),
    breaks(
      'one that wants everybody',
      object(server(undefined, 'StatefulSet')),
      object(budget({ minAvailable: '100%' })),
    ),
  ],
  'autoscaler-metric': [
    keeps('waiting requests', object(server()), object(autoscaler({ metrics: [WAITING] }))),
    keeps(
      'CPU, of a server that has no GPU',
      container((own, spec) => {
        delete own.resources.limits['nvidia.com/gpu'];
        delete spec.nodeSelector;
      }),
      object(autoscaler({ metrics: [CPU] })),
    ),
    keeps('CPU, of another workload', object(server()), object(autoscaler({ metrics: [CPU] }, 'web'))),
    breaks('CPU', object(server()), object(autoscaler({ metrics: [WAITING, CPU] }))),
    breaks('what it takes by itself', object(server()), object(autoscaler({}))),
    breaks('an empty list, which is the same', object(server()), object(autoscaler({ metrics: [] }))),
    breaks(
      'CPU, by KEDA',
      object(server()),
      object({
        apiVersion: 'keda.sh/v1alpha1',
        kind: 'ScaledObject',
        metadata: { name: 'triton', namespace: 'triton' },
        spec: {
          scaleTargetRef: { name: 'triton-llama-3-1-8b' },
          triggers: [{ type: 'cpu', metadata: { value: '60' } }],
        },
      }),
    ),
  ],
  'public-endpoint': [
    keeps('inside the cluster', object(service({}))),
    keeps('inside the network', object(service({ type: 'LoadBalancer' }, INTERNAL))),
    keeps('said', object(service({ type: 'LoadBalancer' }, { name: 'said-aloud' }))),
    keeps('an internal Ingress', object(ingress({}, { 'kubernetes.io/ingress.class': 'gce-internal' }))),
    keeps('an internal Gateway', object(gateway('gke-l7-rilb'))),
    keeps(
      'an internal forwarding rule',
      cloud('gcp:compute/forwardingRule:ForwardingRule', 'front', { loadBalancingScheme: 'INTERNAL_MANAGED' }),
    ),
    keeps(
      'a firewall for some',
      cloud('gcp:compute/firewall:Firewall', 'health', {
        sourceRanges: ['35.191.0.0/16'],
        allows: [{ protocol: 'tcp' }],
      }),
    ),
    breaks('a load balancer', object(service({ type: 'LoadBalancer' }))),
    breaks('external addresses', object(service({ externalIPs: ['203.0.113.7'] }))),
    breaks('an Ingress', object(ingress({}))),
    breaks('a Route', object(route({}))),
    breaks('a Gateway', object(gateway('gke-l7-global-external-managed'))),
    breaks('a global forwarding rule', cloud('gcp:compute/globalForwardingRule:GlobalForwardingRule', 'front', {})),
    breaks(
      'a firewall for everyone',
      cloud('gcp:compute/firewall:Firewall', 'all', { sourceRanges: ['0.0.0.0/0'], allows: [{ protocol: 'tcp' }] }),
    ),
  ],
  'static-key': [
    keeps('a role', env('AWS_ROLE_ARN', 'arn:aws:iam::111122223333:role/models')),
    breaks(
      'a key from a Secret',
      container((own) =>
        own.env.push({ name: 'AWS_SECRET_ACCESS_KEY', valueFrom: { secretKeyRef: { name: 's3', key: 'key' } } }),
      ),
    ),
    breaks("a service account's key", cloud('gcp:serviceaccount/key:Key', 'robot', {})),
    breaks('an HMAC key', cloud('gcp:storage/hmacKey:HmacKey', 'interop', {})),
    breaks(
      "a remote's key",
      podContainer((own) =>
        own.env.push({
          name: 'RCLONE_CONFIG_STORE_ACCESS_KEY_ID',
          valueFrom: { secretKeyRef: { name: 's3', key: 'key' } },
        }),
      ),
    ),
  ],
  'secret-reference': [
    keeps('a reference', object(server())),
    keeps('a path', env('DB_PASSWORD', '/run/secrets/password')),
    keeps('a switch', env('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1')),
    keeps('a file of a token', env('AWS_WEB_IDENTITY_TOKEN_FILE', '/var/run/secrets/token')),
    keeps('another variable', env('API_KEY', '$(LOAD_KEY)')),
    keeps('a script', configMap({ 'sync.sh': 'set -eu\nkey="$(od -An /dev/urandom)"\n' })),
    keeps('a Pulumi secret', secret({ stringData: { token: SECRET } })),
    keeps('an empty Secret', secret({ type: 'kubernetes.io/service-account-token' })),
    breaks('a password', env('DB_PASSWORD', 'hunter2')),
    breaks(
      'a token, of a pod',
      podContainer((own) => own.env.push({ name: 'hf_token', value: 'abc' })),
    ),
    breaks('a key under another name', env('CONFIG', `key=nvapi-${'a'.repeat(64)}`)),
    breaks(
      'an argument',
      container((own) => own.command.push(`--token=hf_${'a'.repeat(34)}`)),
    ),
    breaks('a ConfigMap', configMap({ key: '-----BEGIN RSA PRIVATE KEY-----\nx' })),
    breaks('a Secret', secret({ stringData: { token: 'hunter2' } })),
  ],
  'exposure-tls': [
    keeps('an Ingress with a certificate', object(ingress(TLS))),
    keeps(
      "GKE's own certificate",
      object(
        ingress(
          {},
          {
            'kubernetes.io/ingress.class': 'gce',
            'kubernetes.io/ingress.allow-http': 'false',
            'networking.gke.io/managed-certificates': 'web',
          },
        ),
      ),
    ),
    keeps('a Route with TLS', object(route(EDGE))),
    keeps('a Gateway with TLS', object(gateway('istio'))),
    breaks('an Ingress without', object(ingress({}))),
    breaks('HTTP as well', object(ingress(TLS, { 'kubernetes.io/ingress.class': 'gce' }))),
    breaks('a Route without', object(route({}))),
    breaks('a Route of both', object(route({ tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } }))),
    breaks('a Gateway without', object(gateway('istio', 'HTTP'))),
  ],
  'exposure-timeout': [
    keeps('a Route that waits', object(route(EDGE, { [TIMEOUT]: '60s' }))),
    keeps('in minutes', object(route(EDGE, { [TIMEOUT]: '1m' }))),
    keeps('a tunnel', object(route({ tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'None' } }))),
    keeps(
      'nginx that waits',
      object(
        ingress({ ...TLS, ingressClassName: 'nginx' }, { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60' }),
      ),
    ),
    keeps('a Route of nobody known', object({ ...route(EDGE), metadata: { name: 'web', namespace: 'triton' } })),
    breaks('a Route of the default', object(route(EDGE))),
    breaks('a Route that waits too short', object(route(EDGE, { [TIMEOUT]: '59s' }))),
    breaks('milliseconds', object(route(EDGE, { [TIMEOUT]: '60' }))),
    breaks(
      'nginx that waits too short',
      object(
        ingress({ ...TLS, ingressClassName: 'nginx' }, { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '30' }),
      ),
    ),
    breaks(
      "GKE's backend",
      object({
        apiVersion: 'cloud.google.com/v1',
        kind: 'BackendConfig',
        metadata: { name: 'triton', namespace: 'triton', labels: { 'app.kubernetes.io/instance': 'llama-3-1-8b' } },
        spec: { timeoutSec: 30 },
      }),
    ),
    breaks(
      'a route of a Gateway',
      object({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'triton', namespace: 'triton', labels: { 'app.kubernetes.io/instance': 'llama-3-1-8b' } },
        spec: { rules: [{ timeouts: { request: '30s' } }] },
      }),
    ),
  ],
  'bucket-private': [
    keeps('private', bucket()),
    keeps(
      'a grant to somebody',
      cloud('gcp:storage/bucketIAMMember:BucketIAMMember', 'servers', { member: 'user:a@example.com' }),
    ),
    breaks('not prevented', bucket({ publicAccessPrevention: 'inherited' })),
    breaks('nothing said', bucket({ publicAccessPrevention: undefined })),
    breaks('a grant to everyone', cloud('gcp:storage/bucketIAMMember:BucketIAMMember', 'all', { member: 'allUsers' })),
    breaks(
      'a binding for everyone',
      cloud('gcp:storage/bucketIAMBinding:BucketIAMBinding', 'all', {
        members: ['user:a@example.com', 'allAuthenticatedUsers'],
      }),
    ),
    breaks('a list for everyone', cloud('gcp:storage/bucketACL:BucketACL', 'all', { predefinedAcl: 'publicRead' })),
  ],
  'bucket-uniform': [
    keeps('uniform', bucket()),
    breaks('lists of objects', bucket({ uniformBucketLevelAccess: false })),
    breaks('nothing said', bucket({ uniformBucketLevelAccess: undefined })),
  ],
  'bucket-retention': [
    keeps('30 days', bucket()),
    keeps(
      'soft delete in place of versions',
      bucket({
        versioning: undefined,
        lifecycleRules: [],
        softDeletePolicy: { retentionDurationSeconds: 30 * 86_400 },
      }),
    ),
    breaks('no versions', bucket({ versioning: { enabled: false } })),
    breaks(
      '10 days',
      bucket({ lifecycleRules: [{ action: { type: 'Delete' }, condition: { daysSinceNoncurrentTime: 10 } }] }),
    ),
    breaks(
      'for ever',
      bucket({ lifecycleRules: [{ action: { type: 'AbortIncompleteMultipartUpload' }, condition: { age: 7 } }] }),
    ),
  ],
  'private-nodes': [
    keeps('private', cluster(), pool()),
    breaks('a public cluster', cluster({ privateClusterConfig: undefined })),
    breaks('a public pool', pool({ networkConfig: { enablePrivateNodes: false } })),
  ],
  'control-plane-access': [
    keeps('a DNS endpoint alone', cluster()),
    keeps(
      'authorized networks',
      cluster({
        controlPlaneEndpointsConfig: undefined,
        masterAuthorizedNetworksConfig: { cidrBlocks: [{ cidrBlock: '203.0.113.0/24' }] },
      }),
    ),
    breaks('an address for everyone', cluster({ controlPlaneEndpointsConfig: undefined })),
    breaks(
      'networks of everyone',
      cluster({
        controlPlaneEndpointsConfig: undefined,
        masterAuthorizedNetworksConfig: { cidrBlocks: [{ cidrBlock: '0.0.0.0/0' }] },
      }),
    ),
  ],
  'shielded-nodes': [
    keeps('shielded', cluster(), pool()),
    keeps(
      'a driver that nobody signs',
      pool(
        {},
        {
          imageType: 'UBUNTU_CONTAINERD',
          shieldedInstanceConfig: { enableSecureBoot: false, enableIntegrityMonitoring: true },
        },
      ),
    ),
    breaks('an open cluster', cluster({ enableShieldedNodes: false })),
    breaks('no secure boot', pool({}, { shieldedInstanceConfig: { enableIntegrityMonitoring: true } })),
    breaks(
      'no monitoring',
      pool({}, { shieldedInstanceConfig: { enableSecureBoot: true, enableIntegrityMonitoring: false } }),
    ),
  ],
  'workload-identity': [
    keeps('identities', cluster(), pool()),
    breaks('no pool of identities', cluster({ workloadIdentityConfig: undefined })),
    breaks("the node's metadata", pool({}, { workloadMetadataConfig: { mode: 'GCE_METADATA' } })),
    breaks('nothing said', pool({}, { workloadMetadataConfig: undefined })),
  ],
  'node-account': [
    keeps('an account of its own', cluster(), pool({}, { serviceAccount: 'nodes@acme.iam.gserviceaccount.com' })),
    breaks('nothing said', pool({}, { serviceAccount: undefined })),
    breaks("Compute Engine's", pool({}, { serviceAccount: '111122223333-compute@developer.gserviceaccount.com' })),
    breaks('a cluster of the default', cluster({ nodeConfig: undefined })),
  ],
  'deletion-protection': [
    keeps('protected', cluster(), bucket()),
    breaks('a cluster', cluster({ deletionProtection: false })),
    breaks('a bucket', bucket({}, false)),
    breaks('a bucket that takes its objects along', bucket({ forceDestroy: true })),
  ],
  'pool-bounds': [
    keeps('a largest size', pool()),
    keeps('one for each zone', pool({ autoscaling: { maxNodeCount: 2 } })),
    keeps('a fixed size', pool({ autoscaling: undefined, nodeCount: 2 })),
    breaks('no largest size', pool({ autoscaling: { totalMinNodeCount: 0 } })),
    breaks('no size at all', pool({ autoscaling: undefined })),
    breaks('pools of their own accord', cluster({ clusterAutoscaling: { enabled: true } })),
  ],
  'cost-ceiling': [
    keeps('below it', cluster(), pool()),
    keeps('no pools', cluster()),
    breaks('above it', cluster(), pool({ autoscaling: { totalMaxNodeCount: 40 } })),
    breaks('a machine without a price', cluster(), pool({}, { machineType: 'z9-standard-1' })),
  ],
  'charge-back-labels': [
    keeps('labelled', cluster(), pool(), bucket(), object(server())),
    keeps('a pod without GPUs', object(plainPod())),
    breaks('a cluster', cluster({ resourceLabels: { environment: 'prod' } })),
    breaks('a pool', pool({}, { resourceLabels: undefined })),
    breaks('a bucket', bucket({ labels: {} })),
    breaks('a bill in one piece', cluster({ costManagementConfig: undefined })),
    breaks(
      'a pod',
      object(
        pod((_spec, manifest) =>
          Object.assign(manifest.metadata, { labels: { 'app.kubernetes.io/component': 'inference-server' } }),
        ),
      ),
    ),
  ],
  region: [
    keeps('the region of the cluster', cluster(), pool(), bucket()),
    keeps('nowhere in particular', cloud('gcp:compute/network:Network', 'vpc', {})),
    breaks('a multi-region', bucket({ location: 'US' })),
    breaks('another region', cluster({ location: 'europe-west4' })),
    breaks('a zone of another region', pool({ nodeLocations: ['us-central1-a', 'us-east1-b'] })),
  ],
  'gpu-stack': [
    keeps('the operator, and the installer for COS', pool(), gpuOperator(), DRIVER_INSTALLER),
    keeps(
      "GKE's own",
      pool({}, { labels: {}, guestAccelerators: [{ gpuDriverInstallationConfig: { gpuDriverVersion: 'LATEST' } }] }),
    ),
    keeps('Ubuntu', pool({}, { imageType: 'UBUNTU_CONTAINERD' }), gpuOperator({ driver: { enabled: true } })),
    keeps('a pool without GPUs', pool({}, { guestAccelerators: [], labels: {} })),
    breaks(
      'two drivers',
      pool({}, { guestAccelerators: [{ gpuDriverInstallationConfig: { gpuDriverVersion: 'LATEST' } }] }),
      gpuOperator(),
      DRIVER_INSTALLER,
    ),
    breaks('two device plugins', pool({}, { labels: {} }), gpuOperator(), DRIVER_INSTALLER),
    breaks('a driver of the operator on COS', pool(), gpuOperator({}), DRIVER_INSTALLER),
    breaks('nobody installs a driver on COS', pool(), gpuOperator()),
    breaks('nobody installs a driver on Ubuntu', pool({}, { imageType: 'UBUNTU_CONTAINERD' }), gpuOperator()),
    breaks(
      'nobody offers the GPUs',
      pool({}, { guestAccelerators: [{ gpuDriverInstallationConfig: { gpuDriverVersion: 'DEFAULT' } }] }),
    ),
    breaks('nobody installs a driver', pool({}, { labels: {} })),
  ],
};
