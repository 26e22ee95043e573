import { App, Chart, JsonPatch } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { BatchPriority } from '../../constructs/batch-priority';
import { dnsEgress } from '../../constructs/cluster-dns';
import { DisruptionBudget, type DisruptionBudgetProps } from '../../constructs/disruption-budget';
import type { InferenceServer } from '../../constructs/inference-server';
import { MetricsMonitor, type MetricsMonitorProps } from '../../constructs/metrics-monitor';
import { ModelSource } from '../../constructs/model-source';
import { type CloudIdentity, ServerAccount, type ServerAccountProps } from '../../constructs/server-account';
import { TeamNamespace, type TeamNamespaceProps } from '../../constructs/team-namespace';
import { llama31Large } from '../../models/catalog/llama-3.1-70b';
import { gkeNodePool } from '../../models/gke-node-pool';
import { MACHINE_TYPES } from '../../models/machine-type';
import { type Placement, placeDemand } from '../../models/placement';
import { InputError } from '../../models/problem';
import { repositoryVolumeGib } from '../../models/startup';
import { exposedServer } from '../support/exposed-server';
import { gpuPool } from '../support/models';

const placement: Placement = { pool: gpuPool(), gpusPerPod: 1, podsPerReplica: 1, cpus: 4, memoryGib: 16 };

function serverWith(changes: Partial<InferenceServer> = {}): InferenceServer {
  return exposedServer({
    name: 'triton-demo',
    labels: { 'app.kubernetes.io/part-of': 'triton-stack' },
    selector: { 'app.kubernetes.io/instance': 'demo' },
    platform: 'gke',
    placement,
    scaleTarget: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'triton-demo' },
    scale: { min: 4, max: 8 },
    deadlineSeconds: 60,
    api: { kind: 'kserve-v2', model: 'demo' },
    egress: [],
    ...changes,
  });
}

const group = (size: number) => serverWith({ placement: { ...placement, podsPerReplica: size } });

/** What stands in a chart with a namespace of its own. */
function rendered(add: (chart: Chart) => void): Manifest[] {
  const chart = new Chart(new App(), 'chart', { namespace: 'of-the-chart' });
  add(chart);
  return chart.toJson();
}

function only(objects: readonly Manifest[], kind: string): Manifest {
  const found = objects.filter((object) => object.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}

/** What is told of an input that is refused. */
function refused(act: () => unknown): InputError {
  try {
    act();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

const keysOf = ({ problems }: InputError) => problems.map(({ key }) => key);

describe('the disruption budget', () => {
  const budget = (props: Partial<DisruptionBudgetProps> = {}) =>
    only(
      rendered((chart) => new DisruptionBudget(chart, 'budget', { server: serverWith(), ...props })),
      'PodDisruptionBudget',
    );

  it('lets one replica go at a time, and any pod that is not ready', () => {
    expect(budget()).toMatchObject({
      metadata: { name: 'triton-demo', labels: serverWith().labels },
      spec: {
        maxUnavailable: 1,
        selector: { matchLabels: serverWith().selector },
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    });
  });

  it('lets the only replica go, or its node would never be upgraded', () => {
    const one = serverWith({ scale: { min: 1, max: 1 } });
    expect(budget({ server: one, maxUnavailable: 1 }).spec.maxUnavailable).toBe(1);
  });

  it('goes by the replicas of a server that has a fixed number of them', () => {
    expect(refused(() => budget({ server: serverWith({ replicas: 2 }), maxUnavailable: 2 })).problems[0]).toMatchObject(
      {
        allowed: '1',
      },
    );
  });

  it('takes a number or a share', () => {
    expect(budget({ maxUnavailable: 3 }).spec.maxUnavailable).toBe(3);
    expect(budget({ maxUnavailable: '50%' }).spec.maxUnavailable).toBe('50%');
  });

  it.each<[DisruptionBudgetProps['maxUnavailable'], RegExp]>([
    [0, /lets no pod ever go/],
    [1.5, /is no number of replicas/],
    ['0%', /is no number of replicas/],
    ['100%', /is no number of replicas/],
    [4, /leaves none of the replicas that are promised: 4/],
    // 3.04 replicas, rounded up.
    ['76%', /leaves none of the replicas/],
  ])('refuses %s', (maxUnavailable, reason) => {
    const error = refused(() => budget({ maxUnavailable }));
    expect(error.message.replaceAll(/\s+/g, ' ')).toMatch(reason);
    expect(error.problems[0]).toMatchObject({ key: 'maxUnavailable', value: maxUnavailable });
  });

  it('takes one pod at a time of replicas that are groups, since each takes its group with it', () => {
    expect(budget({ server: group(2) }).spec.maxUnavailable).toBe(1);
    for (const maxUnavailable of [2, '25%'] as const) {
      const error = refused(() => budget({ server: group(2), maxUnavailable }));
      expect(error.problems[0]?.reason).toMatch(/one pod takes the 2 of its replica with it/);
    }
  });

  it('takes patches', () => {
    const patch = { PodDisruptionBudget: [JsonPatch.replace('/spec/maxUnavailable', 0)] };
    expect(budget({ patch }).spec.maxUnavailable).toBe(0);
  });
});

describe('the metrics monitor', () => {
  const monitors = (props: Partial<MetricsMonitorProps> = {}) =>
    rendered((chart) => new MetricsMonitor(chart, 'metrics', { server: serverWith(), ...props }));

  it('is the operator of Prometheus, unless told otherwise', () => {
    expect(only(monitors(), 'PodMonitor').spec).toEqual({
      selector: { matchLabels: serverWith().selector },
      podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '10s', scrapeTimeout: '5s' }],
    });
  });

  it("is GKE's own on GKE, in its words", () => {
    const [monitor, ...others] = monitors({ collector: 'gke-managed' });
    expect(others).toEqual([]);
    expect(monitor).toMatchObject({ apiVersion: 'monitoring.googleapis.com/v1', kind: 'PodMonitoring' });
    expect(monitor?.spec).toEqual({
      selector: { matchLabels: serverWith().selector },
      endpoints: [{ port: 'metrics', path: '/metrics', interval: '10s', timeout: '5s' }],
    });
  });

  it('scrapes what the server says that it has', () => {
    const server = serverWith({ metrics: { port: 'http', path: '/v1/metrics' } });
    expect(only(monitors({ server }), 'PodMonitor').spec.podMetricsEndpoints[0]).toMatchObject({
      port: 'http',
      path: '/v1/metrics',
    });
  });

  it('speaks TLS where the port of the metrics does', () => {
    const server = serverWith({ metrics: { port: 'http', path: '/v1/metrics' }, tls: ['http'] });
    expect(only(monitors({ server }), 'PodMonitor').spec.podMetricsEndpoints[0]).toMatchObject({
      scheme: 'https',
      tlsConfig: { insecureSkipVerify: true },
    });
    expect(only(monitors({ server, collector: 'gke-managed' }), 'PodMonitoring').spec.endpoints[0]).toMatchObject({
      scheme: 'https',
      tls: { insecureSkipVerify: true },
    });
    const apart = serverWith({ tls: ['http'] });
    expect(only(monitors({ server: apart }), 'PodMonitor').spec.podMetricsEndpoints[0]).not.toHaveProperty('scheme');
  });

  it.each(['kubernetes', 'openshift'] as const)('refuses the collectors of GKE on %s', (platform) => {
    const error = refused(() => monitors({ server: serverWith({ platform }), collector: 'gke-managed' }));
    expect(error.problems).toMatchObject([{ key: 'collector', allowed: 'prometheus-operator' }]);
  });

  it('takes the label that a Prometheus looks for as a patch', () => {
    const patch = { PodMonitor: [JsonPatch.add('/metadata/labels/release', 'kube-prometheus-stack')] };
    expect(only(monitors({ patch }), 'PodMonitor').metadata.labels).toMatchObject({ release: 'kube-prometheus-stack' });
  });
});

describe('the account', () => {
  const irsa = { kind: 'irsa', roleArn: 'arn:aws:iam::111122223333:role/serving/models' } as const;
  const account = (props: Partial<Omit<ServerAccountProps, 'server'>>, platform: InferenceServer['platform'] = 'gke') =>
    only(
      rendered((chart) => new ServerAccount(chart, 'account', { server: serverWith({ platform }), ...props })),
      'ServiceAccount',
    );

  it('is nobody to the API server', () => {
    expect(account({})).toMatchObject({ metadata: { name: 'triton-demo' }, automountServiceAccountToken: false });
  });

  it('needs no annotation for its own principal', () => {
    expect(account({ identity: { kind: 'gke-workload-identity' } })).toEqual(account({}));
    expect(account({}).metadata).not.toHaveProperty('annotations');
  });

  it('acts as a Google service account', () => {
    const googleServiceAccount = 'triton-models@acme-prod.iam.gserviceaccount.com';
    expect(account({ identity: { kind: 'gke-workload-identity', googleServiceAccount } }).metadata.annotations).toEqual(
      { 'iam.gke.io/gcp-service-account': googleServiceAccount },
    );
  });

  it('takes an IAM role, from the endpoint of its region', () => {
    expect(account({ identity: irsa }, 'kubernetes').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': irsa.roleArn,
      'eks.amazonaws.com/sts-regional-endpoints': 'true',
    });
    const more = { ...irsa, audience: 'sts.example.com', tokenSeconds: 3600 };
    expect(account({ identity: more }, 'openshift').metadata.annotations).toMatchObject({
      'eks.amazonaws.com/audience': 'sts.example.com',
      'eks.amazonaws.com/token-expiration': '3600',
    });
  });

  it('logs in to private registries', () => {
    expect(account({ imagePullSecrets: ['ngc', 'quay'] }).imagePullSecrets).toEqual([
      { name: 'ngc' },
      { name: 'quay' },
    ]);
  });

  it.each([
    'models@acme.com',
    'models@acme-prod.gserviceaccount.com',
    'short@acme-prod.iam.gserviceaccount.com',
    'Models-Reader@acme-prod.iam.gserviceaccount.com',
    'serviceAccount:models@acme-prod.iam.gserviceaccount.com',
  ])('refuses %s as a Google service account', (googleServiceAccount) => {
    const error = refused(() => account({ identity: { kind: 'gke-workload-identity', googleServiceAccount } }));
    expect(error.problems).toMatchObject([
      {
        key: 'identity.googleServiceAccount',
        value: googleServiceAccount,
        allowed: 'NAME@PROJECT.iam.gserviceaccount.com',
      },
    ]);
  });

  it.each([
    'triton-models',
    'arn:aws:iam::1111:role/models',
    'arn:aws:iam::111122223333:user/models',
    'arn:aws:iam:us-east-1:111122223333:role/models',
    'arn:aws:iam::111122223333:role/',
  ])('refuses %s as a role', (roleArn) => {
    const error = refused(() => account({ identity: { kind: 'irsa', roleArn } }, 'kubernetes'));
    expect(keysOf(error)).toEqual(['identity.roleArn']);
  });

  it('tells everything that is wrong at once', () => {
    const source = ModelSource.s3({
      uri: 's3://acme/models',
      region: 'us-east-1',
      credentials: { kind: 'web-identity', roleArn: irsa.roleArn },
    });
    const identity: CloudIdentity = { kind: 'irsa', roleArn: 'models', tokenSeconds: 60 };
    expect(keysOf(refused(() => account({ identity, source })))).toEqual([
      'identity.kind',
      'identity.roleArn',
      'identity.tokenSeconds',
      'source.credentials.kind',
    ]);
  });

  it("refuses a second role beside the source's, and nothing else that a source has", () => {
    const s3 = { uri: 's3://acme/models', region: 'us-east-1' };
    const web = ModelSource.s3({ ...s3, credentials: { kind: 'web-identity', roleArn: irsa.roleArn } });
    const keys = ModelSource.s3({ ...s3, credentials: { kind: 'secret', secretName: 'minio' } });
    expect(keysOf(refused(() => account({ identity: irsa, source: web }, 'kubernetes')))).toEqual([
      'source.credentials.kind',
    ]);
    expect(account({ identity: irsa, source: keys }, 'kubernetes')).toEqual(account({ identity: irsa }, 'kubernetes'));
    expect(account({ source: web })).toEqual(account({}));
  });

  it.each([['kubernetes'], ['openshift']] as const)('refuses the identity of GKE on %s', (platform) => {
    expect(keysOf(refused(() => account({ identity: { kind: 'gke-workload-identity' } }, platform)))).toEqual([
      'identity.kind',
    ]);
  });
});

describe('the namespace of a team', () => {
  const objects = (props: Partial<TeamNamespaceProps> = {}) =>
    rendered((chart) => new TeamNamespace(chart, 'team', { name: 'vision', gpus: 2, ...props }));
  const quota = (props: Partial<TeamNamespaceProps> = {}) => only(objects(props), 'ResourceQuota').spec.hard;
  const amount = (quantity: string) => Number.parseFloat(quantity);

  it('stands first, in no namespace, with all else in it', () => {
    const [first, ...others] = objects();
    expect(first).toMatchObject({ kind: 'Namespace', metadata: { name: 'vision' } });
    expect(first?.metadata).not.toHaveProperty('namespace');
    expect(others.map(({ kind, metadata }) => [kind, metadata.namespace])).toEqual([
      ['ResourceQuota', 'vision'],
      ['LimitRange', 'vision'],
      ['NetworkPolicy', 'vision'],
    ]);
  });

  it('admits restricted pods alone', () => {
    expect(only(objects(), 'Namespace').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  it('calls other namespaces where it is a client', () => {
    const labels = (client?: boolean) => only(objects({ client }), 'Namespace').metadata.labels;
    expect(labels(true)).toMatchObject({ 'triton-stack/client': 'true' });
    expect(labels()).not.toHaveProperty('triton-stack/client');
  });

  it('has its GPUs, and no address of its own', () => {
    expect(quota()).toEqual({
      'requests.nvidia.com/gpu': '2',
      'requests.cpu': '96',
      'requests.memory': '510Gi',
      'requests.storage': '768Gi',
      'services.loadbalancers': '0',
      'services.nodeports': '0',
    });
    // A load balancer may take node ports.
    expect(quota({ loadBalancers: 1 })).not.toHaveProperty('services.nodeports');
    expect(quota({ cpus: 8, memoryGib: 32, storageGib: 0 })).toMatchObject({
      'requests.cpu': '8',
      'requests.memory': '32Gi',
      'requests.storage': '0Gi',
    });
  });

  it.each(MACHINE_TYPES)('holds servers on all GPUs of a $name', ({ name, accelerator, gpus: all }) => {
    const pool = gkeNodePool({ name: 'pool', machineType: name, maxNodes: 1 });
    const placed = placeDemand({ name: 'model', accelerator }, { total: all, together: all }, [pool], 'model');
    if ('reason' in placed) throw new Error(placed.reason);
    const hard = quota({ gpus: all });
    expect(amount(hard['requests.cpu'])).toBeGreaterThan(placed.cpus);
    expect(amount(hard['requests.memory'])).toBeGreaterThan(placed.memoryGib);
  });

  it('holds the volume of a model that fills its GPUs', () => {
    expect(amount(quota({ gpus: 4 })['requests.storage'])).toBeGreaterThanOrEqual(repositoryVolumeGib(llama31Large));
  });

  it('counts containers that say nothing, and refuses none for what it does not say', () => {
    const [container, volume] = only(objects({ largestVolumeGib: 100 }), 'LimitRange').spec.limits;
    // A maximum or a default of GPUs would give them to every container, and a default limit is a maximum of requests.
    expect(container).toEqual({ type: 'Container', defaultRequest: expect.any(Object) });
    expect(Object.keys(container.defaultRequest).sort()).toEqual(['cpu', 'ephemeral-storage', 'memory']);
    expect(volume).toEqual({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '100Gi' } });
  });

  it('is closed, but for DNS', () => {
    const { spec } = only(objects({ platform: 'openshift' }), 'NetworkPolicy');
    expect(spec).toMatchObject({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(spec).not.toHaveProperty('ingress');
    const ports = spec.egress.flatMap((rule: Manifest) => rule.ports.map(({ port }: Manifest) => port));
    expect(new Set(ports)).toEqual(new Set([53, 5353]));
  });

  it('tells every amount that is none', () => {
    const error = refused(() => objects({ name: 'Vision', gpus: -1, cpus: 0.5, largestVolumeGib: 0 }));
    expect(keysOf(error)).toEqual(['name', 'gpus', 'cpus', 'largestVolumeGib']);
  });

  it('tells where its servers need more GPUs than it has', () => {
    const chart = new Chart(new App(), 'chart');
    const team = new TeamNamespace(chart, 'team', { name: 'vision', gpus: 5 });
    const four = serverWith({ scale: { min: 4, max: 8 } });
    team.holds(four);
    expect(refused(() => team.holds(four, group(2))).problems).toMatchObject([{ key: 'gpus', allowed: '14 or more' }]);
    // Its pods go before their successors come.
    const one = serverWith({
      name: 'kept',
      scale: { min: 5, max: 5 },
      scaleTarget: { ...four.scaleTarget, kind: 'StatefulSet' },
    });
    team.holds(one);
    expect(refused(() => team.holds({ ...one, scaleTarget: four.scaleTarget })).problems[0]?.reason).toMatch(
      /kept 5, and 1 for the new pod of a rollout/,
    );
  });
});

describe('the priority of batch servers', () => {
  it('is below that of all else, and above what the autoscaler makes no nodes for', () => {
    const [priority] = rendered((chart) => new BatchPriority(chart, 'batch'));
    expect(priority).toMatchObject({ kind: 'PriorityClass', metadata: { name: 'triton-batch' } });
    expect(priority?.metadata).not.toHaveProperty('namespace');
    expect(priority?.value).toBeLessThan(0);
    expect(priority?.value).toBeGreaterThanOrEqual(-10);
  });
});

describe('the way to DNS', () => {
  it('leads to the resolvers of GKE that are no pods', () => {
    expect(JSON.stringify(dnsEgress('gke'))).toContain('169.254.20.10/32');
    expect(JSON.stringify(dnsEgress('gke'))).toContain('169.254.169.254/32');
  });

  it('leads anywhere where nobody knows who resolves', () => {
    expect(dnsEgress('kubernetes').every(({ to }) => to === undefined)).toBe(true);
  });
});
