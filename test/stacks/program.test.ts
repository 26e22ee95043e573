import { beforeAll, describe, expect, it } from 'vitest';
import { buildPlan } from '../../preview/build-plan';
import { type Plan, type PlannedResource, UNKNOWN } from '../../preview/plan';
import { CHART_TYPE } from '../../stacks/chart-resource';
import { environmentFolder, environmentText, ROOT, SHIPPED, shippedConfig } from '../support/environment-file';

function named(plan: Plan, type: string, name: string): PlannedResource {
  const found = plan.resources.filter((each) => each.type === type && each.name === name);
  expect(found.map(({ urn }) => urn)).toHaveLength(1);
  return found[0] as PlannedResource;
}

describe.each(SHIPPED)('%s', (name) => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await buildPlan(ROOT, name);
  });

  it('registers every resource once, below the stack', () => {
    const urns = plan.resources.map(({ urn }) => urn);
    expect(new Set(urns).size).toBe(urns.length);
    const [stack, ...others] = plan.resources.filter(({ parent }) => parent === '');
    expect(stack?.urn).toBe(`urn:pulumi:${name}::triton-stack::pulumi:pulumi:Stack::triton-stack-${name}`);
    expect(others).toEqual([]);
    for (const { parent } of plan.resources) if (parent !== '') expect(urns).toContain(parent);
  });

  it("names a child by its parents' types, as the engine does", () => {
    const byUrn = new Map(plan.resources.map((resource) => [resource.urn, resource]));
    for (const { urn, type, name: own, parent } of plan.resources) {
      const above = byUrn.get(parent);
      const types = above === undefined || above.parent === '' ? type : `${above.urn.split('::')[2]}$${type}`;
      expect(urn.split('::').slice(2)).toEqual([types, own]);
    }
  });

  it('waits only for what is there, and never in a circle', () => {
    const byUrn = new Map(plan.resources.map((resource) => [resource.urn, resource]));
    const done = new Set<string>();
    const visit = (urn: string, path: readonly string[]): void => {
      expect(path).not.toContain(urn);
      if (done.has(urn)) return;
      const resource = byUrn.get(urn);
      if (resource === undefined) throw new Error(`nothing is registered as ${urn}`);
      for (const dependency of resource.dependencies) visit(dependency, [...path, urn]);
      done.add(urn);
    };
    for (const { urn } of plan.resources) visit(urn, []);
  });

  it('makes every Kubernetes object a resource of its own, of the type of the provider', () => {
    const objects = plan.charts.flatMap((chart) => chart.objects);
    const charts = new Set(plan.resources.filter(({ type }) => type === CHART_TYPE).map(({ urn }) => urn));
    const registered = plan.resources.filter(({ parent }) => charts.has(parent));
    expect(registered).toHaveLength(objects.length);
    for (const { type, inputs } of registered) {
      const version = String(inputs.apiVersion);
      expect(type).toBe(`kubernetes:${version.includes('/') ? version : `core/${version}`}:${inputs.kind}`);
    }
  });

  it('leaves the number of replicas to the autoscaler', () => {
    const servers = plan.charts.filter((chart) => chart.name.startsWith('triton-'));
    expect(servers.length).toBeGreaterThan(0);
    for (const object of servers.flatMap(({ objects }) => objects)) {
      if (object.kind !== 'Deployment' && object.kind !== 'StatefulSet') continue;
      expect(Object.keys(object.spec as object)).not.toContain('replicas');
    }
  });

  it('registers servers after their namespace, and the namespace after metrics', () => {
    const namespace = named(plan, 'kubernetes:core/v1:Namespace', 'triton');
    const adapters = plan.resources.filter((each) => each.name === 'prometheus-adapter').map(({ urn }) => urn);
    expect(adapters).toHaveLength(name === 'local' ? 0 : 1);
    expect(namespace.dependencies).toEqual(expect.arrayContaining(adapters));
    for (const { type, dependencies } of plan.resources.filter((each) => each.name.startsWith('triton/'))) {
      expect({ type, dependencies }).toEqual({ type, dependencies: [namespace.urn] });
    }
  });
});

describe('on GKE', () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await buildPlan(ROOT, 'dev');
  });
  const pool = (name: string) => named(plan, 'gcp:container/nodePool:NodePool', name);

  it('starts GPU pools at none, over several zones, after the system pool', () => {
    for (const name of ['l4', 'a100']) {
      const { inputs, dependencies } = pool(name);
      expect(inputs.autoscaling).toMatchObject({ totalMinNodeCount: 0, locationPolicy: 'ANY' });
      expect((inputs.nodeLocations as string[]).length).toBeGreaterThan(1);
      expect(dependencies).toContain(pool('system').urn);
      expect(inputs).not.toHaveProperty('nodeCount');
      expect(inputs).not.toHaveProperty('initialNodeCount');
    }
  });

  it('has one owner of driver and device plugin under the GPU Operator on COS', () => {
    expect(pool('l4').inputs.nodeConfig).toMatchObject({
      imageType: 'COS_CONTAINERD',
      labels: { 'gke-no-default-nvidia-gpu-device-plugin': 'true' },
      guestAccelerators: [
        { type: 'nvidia-l4', count: 1, gpuDriverInstallationConfig: { gpuDriverVersion: 'INSTALLATION_DISABLED' } },
      ],
      taints: [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NO_SCHEDULE' }],
    });
    const release = named(plan, 'kubernetes:helm.sh/v3:Release', 'gpu-operator');
    expect(release.inputs.values).toMatchObject({ driver: { enabled: false } });
    expect(release.dependencies).toContain(named(plan, 'kubernetes:yaml/v2:ConfigFile', 'cos-driver-installer').urn);
  });

  it('taints and labels spot nodes', () => {
    const config = pool('a100').inputs.nodeConfig as { spot: boolean; taints: object[] };
    expect(config.spot).toBe(true);
    expect(config.taints).toContainEqual({ key: 'cloud.google.com/gke-spot', value: 'true', effect: 'NO_SCHEDULE' });
  });

  it('has the operator tolerate spot nodes, and a quota for all nodes of all pools', () => {
    const { values } = named(plan, 'kubernetes:helm.sh/v3:Release', 'gpu-operator').inputs;
    expect(JSON.stringify((values as { daemonsets: object }).daemonsets)).toContain('gke-spot');
    expect(JSON.stringify((values as Record<string, object>)['node-feature-discovery'])).toContain('gke-spot');
    const quota = named(plan, 'kubernetes:core/v1:ResourceQuota', 'gpu-operator/system-priority');
    const pods = Number((quota.inputs.spec as { hard: { pods: string } }).hard.pods);
    expect(pods).toBeGreaterThan(7 * 6);
  });

  it('has buckets before the cluster, and lets them go with an environment that comes and goes', () => {
    const bucket = named(plan, 'gcp:storage/bucket:Bucket', 'models');
    expect(bucket.inputs.forceDestroy).toBe(true);
    expect(bucket.dependencies.join()).not.toContain('Cluster');
  });

  it("lets GKE at the key of etcd's secrets before the cluster is made", async () => {
    const prod = await buildPlan(ROOT, 'prod');
    const access = named(prod, 'gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember', 'secrets-key');
    expect(access.inputs.member).toBe(
      'serviceAccount:service-333344445555@container-engine-robot.iam.gserviceaccount.com',
    );
    const cluster = named(prod, 'gcp:container/cluster:Cluster', 'gke');
    expect(cluster.dependencies).toContain(access.urn);
    expect(named(prod, 'gcp:projects/service:Service', 'cloudkms').inputs.service).toBe('cloudkms.googleapis.com');
    expect(named(prod, 'gcp:storage/bucket:Bucket', 'models').inputs.forceDestroy).toBe(false);
    expect(named(prod, 'gcp:container/nodePool:NodePool', 'system').inputs.initialNodeCount).toBe(1);
  });

  it('lets nobody at the pipelines before their network policy is there', () => {
    const policy = named(plan, 'kubernetes:networking.k8s.io/v1:NetworkPolicy', 'kubeflow/triton-stack-nobody');
    expect(named(plan, 'kubernetes:kustomize/v2:Directory', 'kubeflow-pipelines').dependencies).toContain(policy.urn);
  });

  it('knows the cluster only after it is there', () => {
    const provider = named(plan, 'pulumi:providers:kubernetes', 'kubernetes');
    expect(provider.inputs.kubeconfig).toBe(UNKNOWN);
    expect(provider.dependencies).toEqual([named(plan, 'gcp:container/cluster:Cluster', 'gke').urn]);
  });

  it('gives out no keys: identities of pods alone, by namespace and by account', () => {
    const members = plan.resources.filter(({ type }) => type === 'gcp:storage/bucketIAMMember:BucketIAMMember');
    const granted = members.map(({ name, inputs }) => [
      name,
      String(inputs.role).replace('roles/storage.', ''),
      String(inputs.member).replace(/^.*svc\.id\.goog/, ''),
    ]);
    expect(granted).toEqual([
      ['artifacts-pipelines', 'objectUser', '/subject/ns/kubeflow/sa/pipeline-runner'],
      ['artifacts-publisher', 'objectUser', '/subject/ns/kubeflow/sa/model-publisher'],
      ['artifacts-ui', 'objectViewer', '/subject/ns/kubeflow/sa/ml-pipeline-ui'],
      ['data-pipelines', 'objectViewer', '/subject/ns/kubeflow/sa/pipeline-runner'],
      ['data-publisher', 'objectViewer', '/subject/ns/kubeflow/sa/model-publisher'],
      ['models-pipelines', 'objectViewer', '/subject/ns/kubeflow/sa/pipeline-runner'],
      ['models-publisher', 'objectUser', '/subject/ns/kubeflow/sa/model-publisher'],
      ['models-servers', 'objectViewer', '/namespace/triton'],
    ]);
    expect(plan.resources.filter(({ type }) => /serviceaccount\/key/.test(type))).toEqual([]);
  });
});

describe('GPU stacks', () => {
  async function planWith(gpuStack: object): Promise<Plan> {
    const config = { ...shippedConfig('dev'), gpuStack };
    return buildPlan(environmentFolder('try', environmentText(config)), 'try');
  }

  it('leaves nodes to GKE where GKE manages them', async () => {
    const plan = await planWith({ kind: 'gke-managed', driver: 'latest' });
    const { nodeConfig } = named(plan, 'gcp:container/nodePool:NodePool', 'l4').inputs;
    expect(nodeConfig).toMatchObject({
      guestAccelerators: [{ gpuDriverInstallationConfig: { gpuDriverVersion: 'LATEST' } }],
      shieldedInstanceConfig: { enableSecureBoot: true },
    });
    expect(JSON.stringify(nodeConfig)).not.toContain('gke-no-default');
    expect(plan.resources.filter(({ name }) => name === 'gpu-operator')).toEqual([]);
  });

  it('has the operator build the driver on Ubuntu, without secure boot', async () => {
    const plan = await planWith({ kind: 'gpu-operator', nodeImage: 'ubuntu' });
    expect(named(plan, 'gcp:container/nodePool:NodePool', 'l4').inputs.nodeConfig).toMatchObject({
      imageType: 'UBUNTU_CONTAINERD',
      shieldedInstanceConfig: { enableSecureBoot: false },
      labels: { 'gke-no-default-nvidia-gpu-device-plugin': 'true' },
    });
    expect(named(plan, 'kubernetes:helm.sh/v3:Release', 'gpu-operator').inputs.values).toMatchObject({
      driver: { enabled: true },
    });
    expect(plan.resources.filter(({ name }) => name === 'cos-driver-installer')).toEqual([]);
  });
});
