import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GpuPool } from '../../models/placement';
import { versions } from '../../models/versions';
import type { KubernetesObject } from '../../preview/plan';
import { isReady, type Pod } from '../../sandbox/readiness';
import { SHIPPED } from '../support/environment-file';
import { settled } from '../support/settled';
import { eventually, pod, TestSandbox, UP_MS } from '../support/test-sandbox';
import { toldBack } from '../support/told-back';

const RCLONE = versions.images.rclone.repository;

type Labels = Readonly<Record<string, string>>;
interface Node extends KubernetesObject {
  readonly kind: 'Node';
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
}
interface NetworkPolicy {
  readonly spec: { readonly podSelector: { readonly matchLabels?: Labels }; readonly policyTypes: readonly string[] };
}

describe.each(SHIPPED)('%s on a real API server', (name) => {
  let on: Awaited<ReturnType<typeof TestSandbox.up>>;
  beforeAll(async () => {
    // Every object is applied server-side, with unknown fields refused, and every pod becomes ready, or this throws.
    on = await TestSandbox.up(name);
    // Policies are known to the API server a moment after they are there.
    await told(pod('latest', namespace(), {}, { image: `${RCLONE}:latest` }), 'by latest');
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  const namespace = () => on.prepared.environment.servingNamespace;
  /** Waits until that is said to who would create an object. */
  const told = (object: KubernetesObject, message: string) =>
    eventually(
      () => on.kubectl.try(['create', '--dry-run=server', '--filename=-'], { input: JSON.stringify(object) }),
      ({ stderr }) => stderr.includes(message),
    );

  it('runs the least replicas of each model, ready, on nodes of its pool', async () => {
    const { environment } = on.prepared;
    const pods = await on.kubectl.list<Pod>('pods', namespace());
    const nodes = new Map((await on.kubectl.list<Node>('nodes')).map((node) => [node.metadata.name, node]));
    for (const { model, placement } of environment.models) {
      const own = pods.filter(({ metadata }) => metadata.name.startsWith(`triton-${model.name.replaceAll('.', '-')}-`));
      expect(own).toHaveLength(model.scale.min);
      for (const each of own) {
        expect(isReady(each)).toBe(true);
        const node = nodes.get(each.spec.nodeName ?? '');
        expect(node?.metadata.labels).toMatchObject(placement.pool.nodeSelector);
        expect(each.spec.containers[0]?.resources?.requests?.['nvidia.com/gpu']).toBe(String(placement.gpusPerPod));
      }
    }
    const onGpuNodes = pods.map(({ spec }) => nodes.get(spec.nodeName ?? '')?.spec.taints?.map(({ key }) => key) ?? []);
    if (environment.kind === 'gke') for (const taints of onGpuNodes) expect(taints).toContain('nvidia.com/gpu');
  });

  it('has a network policy for each pod, of both directions', async () => {
    const policies = await on.kubectl.list<NetworkPolicy>('networkpolicies', namespace());
    for (const { metadata } of await on.kubectl.list<Pod>('pods', namespace())) {
      const selecting = policies.filter(({ spec }) =>
        selects(spec.podSelector.matchLabels ?? {}, metadata.labels ?? {}),
      );
      expect(selecting.flatMap(({ spec }) => spec.policyTypes).sort()).toEqual(['Egress', 'Ingress']);
    }
  });

  it('binds every claim', async () => {
    const claims = await on.kubectl.list<KubernetesObject & { status: { phase: string } }>('persistentvolumeclaims');
    const wanted = on.prepared.environment.models
      .filter(({ workload }) => workload.kind === 'statefulset')
      .reduce((sum, { model }) => sum + model.scale.min, 0);
    expect(claims.map(({ status }) => status.phase)).toEqual(Array.from({ length: wanted }, () => 'Bound'));
  });

  it('is not changed by a second apply', async () => {
    const { objects } = on.prepared;
    const before = await settled(on.kubectl, objects);
    await on.kubectl.apply(objects);
    expect(await settled(on.kubectl, objects)).toEqual(before);
  });

  it('tells each object back as a diff normalises it', async () => {
    const answers = await toldBack(on.kubectl, on.prepared.objects);
    expect(answers).toHaveLength(on.prepared.objects.length);
    expect(answers.map(({ told }) => told)).toEqual(answers.map(({ asked }) => asked));
  });

  it('refuses what must not run, and says why', async () => {
    const refused = async (object: KubernetesObject) => {
      const { status, stderr } = await on.kubectl.tryApply([object]);
      expect({ object, status }).toEqual({ object, status: 1 });
      return stderr;
    };
    const here = namespace();
    const host = { volumes: [{ name: 'host', hostPath: { path: '/' } }] };
    expect(await refused(pod('host', here, host))).toMatch(/violates PodSecurity "restricted:latest".*hostPath/);
    const root = { securityContext: { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } } };
    expect(await refused(pod('root', here, root))).toMatch(/violates PodSecurity "restricted:latest".*runAsUser=0/);
    expect(await refused(pod('latest', here, {}, { image: `${RCLONE}:latest` }))).toContain('by latest');
    expect(await refused(pod('untagged', here, {}, { image: RCLONE }))).toContain('by no tag');
    const { nodeSelector } = on.prepared.environment.pools[0] as GpuPool;
    const most = Math.max(...on.prepared.environment.pools.map(({ gpusPerNode }) => gpusPerNode));
    const gpus = { resources: { limits: { 'nvidia.com/gpu': most + 1 } } };
    const tooMany = `no node has ${most + 1} GPUs: the largest has ${most}.`;
    expect(await refused(pod('gpus', here, { nodeSelector }, gpus))).toContain(tooMany);
    const [first] = pod('any', here, {}, gpus).spec.containers;
    expect(await refused(pod('init', here, { nodeSelector, initContainers: [{ ...first, name: 'init' }] }))).toContain(
      tooMany,
    );
    const sidecar = {
      ...first,
      name: 'sidecar',
      restartPolicy: 'Always',
      resources: { limits: { 'nvidia.com/gpu': most } },
    };
    const one = { resources: { limits: { 'nvidia.com/gpu': 1 } } };
    expect(await refused(pod('sidecar', here, { nodeSelector, initContainers: [sidecar] }, one))).toContain(tooMany);
  });

  it('admits what may run', async () => {
    const { nodeSelector } = on.prepared.environment.pools[0] as GpuPool;
    const tagged = pod('tagged', namespace(), { nodeSelector }, { resources: { limits: { 'nvidia.com/gpu': 1 } } });
    const digest = pod('digest', namespace(), {}, { image: `${RCLONE}@sha256:${'0'.repeat(64)}` });
    await on.kubectl.apply([tagged, digest]);
    await on.kubectl.run(['delete', 'pod', 'tagged', 'digest', '--namespace', namespace()]);
  });

  it.runIf(name === 'prod')('refuses what production is stricter about', async () => {
    const here = namespace();
    const foreign = pod('foreign', here, {}, { image: 'example.test/image:1.0' });
    const anyGpu = pod('any-gpu', here, {}, { resources: { limits: { 'nvidia.com/gpu': 1 } } });
    for (const [object, message] of [
      [foreign, 'images of no registry that is allowed: example.test/image:1.0'],
      [anyGpu, 'asks for GPUs and does not say of which kind'],
    ] as const) {
      const { status, stderr } = await on.kubectl.tryApply([object]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(message) });
    }
  });

  it.runIf(name === 'prod')('tells of what the environment itself breaks, and lets it in', async () => {
    const [tagged, message] = [pod('tagged', namespace()), 'images named by tag alone'];
    await told(tagged, message);
    const { status, stderr } = await on.kubectl.tryApply([tagged]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining(message) });
    await on.kubectl.run(['delete', 'pod', 'tagged', '--namespace', namespace()]);
  });

  it('refuses a field that the API does not know', async () => {
    for (const kind of ['Service', 'PodMonitor', 'HorizontalPodAutoscaler']) {
      const object = on.prepared.objects.find((each) => each.kind === kind) as KubernetesObject & { spec: object };
      const { status, stderr } = await on.kubectl.tryApply([{ ...object, spec: { ...object.spec, nonsense: 1 } }]);
      expect({ kind, status }).toEqual({ kind, status: 1 });
      expect(stderr).toMatch(/^Error from server: .*\.spec\.nonsense: field not declared in schema/);
    }
  });

  it.runIf(name === 'openshift')('holds Routes and constraints to the schemas of OpenShift', async () => {
    const route = on.prepared.objects.find(({ kind }) => kind === 'Route') as KubernetesObject & { spec: object };
    const passthrough = { ...route.spec, tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'Allow' } };
    const { status, stderr } = await on.kubectl.tryApply([{ ...route, spec: passthrough }]);
    expect(status).toBe(1);
    expect(stderr).toContain('Route');
    const roles = on.prepared.objects.filter(({ kind }) => kind === 'Role');
    expect(roles).toHaveLength(on.prepared.environment.models.length);
  });
});

function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
