import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HttpRoute, ModelSource, QueueAutoscaler, TritonServer } from '../../constructs';
import { engineOnL4 } from '../../examples/engine-on-l4';
import { ensembleOnCpu } from '../../examples/ensemble-on-cpu';
import { minimal } from '../../examples/minimal';
import { nimScaleToZero } from '../../examples/nim-scale-to-zero';
import { openshift } from '../../examples/openshift';
import { tensorParallel } from '../../examples/tensor-parallel';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { gkeNodePool } from '../../models/gke-node-pool';
import { placeOn } from '../../models/placement';
import { manifestYaml } from '../../preview/manifest-yaml';
import type { KubernetesObject } from '../../preview/plan';
import { customKind, UPSTREAM_VARIABLE } from '../../sandbox/definitions';
import { type Pod, untilReady } from '../../sandbox/readiness';
import { namespaceOf, PLATFORMS, renderVariants } from '../support/construct-variants';
import { environmentFolder, environmentText, shippedConfig } from '../support/environment-file';
import { exposedServer } from '../support/exposed-server';
import { withoutScripts } from '../support/golden';
import { eventually, quiet, TestSandbox, UP_MS } from '../support/test-sandbox';
import { toldBack } from '../support/told-back';

const EXAMPLES = {
  minimal,
  'ensemble-on-cpu': ensembleOnCpu,
  'engine-on-l4': engineOnL4,
  'tensor-parallel': tensorParallel,
  'nim-scale-to-zero': nimScaleToZero,
  openshift,
};
/** GPUs of one pod, where it is not one. */
const GPUS: Readonly<Partial<Record<keyof typeof EXAMPLES, number>>> = { 'ensemble-on-cpu': 0, 'tensor-parallel': 4 };
const names = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];

const WAIT = { waitMs: 400_000, progress: quiet(), check: () => undefined };

function objectsOf(app: App): KubernetesObject[] {
  return app.charts.flatMap((chart) => chart.toJson() as KubernetesObject[]);
}

describe.each(names)('the example %s', (name) => {
  it('renders the same manifests', async () => {
    const golden = join(import.meta.dirname, '__goldens__', `${name}.yaml`);
    await expect(withoutScripts(manifestYaml(objectsOf(EXAMPLES[name]())))).toMatchFileSnapshot(golden);
  });

  it('has its pods scraped where it is scaled on what they tell', () => {
    const kinds = objectsOf(EXAMPLES[name]()).map(({ kind }) => kind);
    if (!kinds.some((kind) => kind === 'HorizontalPodAutoscaler' || kind === 'ScaledObject')) return;
    expect(kinds).toContain('PodMonitor');
  });

  it('has a server that is named after its model', () => {
    const workloads = objectsOf(EXAMPLES[name]()).filter(({ kind }) => /^(Deployment|StatefulSet)$/.test(kind));
    expect(workloads).toHaveLength(1);
    expect(workloads[0]?.metadata.name).toMatch(
      /^triton-(resnet50|intent|llama-3-1-8b|llama-3-1-70b|nim-llama-3-1-8b)$/,
    );
  });
});

describe('the examples on a real API server', () => {
  let on: TestSandbox;
  beforeAll(async () => {
    const config = shippedConfig('dev');
    const zones = ['us-central1-a', 'us-central1-c'];
    config.pools = {
      l4: { accelerator: 'nvidia-l4', machineType: 'g2-standard-16', zones, max: 12 },
      a100: { accelerator: 'nvidia-a100-80gb', machineType: 'a2-ultragpu-4g', zones, max: 2, diskGb: 500 },
    };
    config.serving = { models: [] };
    // One of them has a Route.
    config.policies.publicEndpoints = ['Route triton/*'];
    on = TestSandbox.empty();
    await on.sandbox.up(
      { name: 'examples', folder: environmentFolder('examples', environmentText(config)), bare: false },
      quiet(),
    );
    expect(await on.define(names.flatMap((name) => objectsOf(EXAMPLES[name]())))).toEqual([]);
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  it.each(PLATFORMS)(
    'takes every construct in every form on %s, twice, and runs the pods of its servers',
    async (platform) => {
      const objects = renderVariants(platform);
      const undefinedKinds = await on.define(objects);
      const missing = process.env[UPSTREAM_VARIABLE] === undefined ? [...GKE_KINDS, ...UPSTREAM_KINDS] : GKE_KINDS;
      expect(undefinedKinds.filter((kind) => !missing.includes(kind))).toEqual([]);
      const known = objects.filter((object) => !undefinedKinds.includes(customKind(object) ?? ''));
      // Whatever becomes of this test, the next ones need the nodes.
      onTestFinished(async () => {
        // What makes pods, and no more: of a namespace that goes the API server is asked for objects of every kind.
        const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known.filter(makesPods) });
        await on.kubectl.run(['delete', '--filename=-', '--wait=false', '--ignore-not-found'], { input });
      }, UP_MS);
      for (const _time of ['first', 'second']) {
        const { status, stderr } = await on.kubectl.tryApply(known);
        // Where a pod would break the restricted standard, the API server warns. GKE's Ingress knows no ingressClassName.
        const said = stderr
          .split('\n')
          .filter((line) => line !== '' && !/"kubernetes.io\/ingress.class" is dep/.test(line));
        expect({ status, said }).toEqual({ status: 0, said: [] });
        await on.untilUsable(known);
      }
      // What a definition fills in is the server's alone to know.
      const native = known.filter((object) => customKind(object) === undefined);
      const answers = await toldBack(on.kubectl, native);
      expect(answers.map(({ told }) => told)).toEqual(answers.map(({ asked }) => asked));
      const caches = platform === 'openshift' ? [] : ['cache', 'cache-alone'];
      const servers = ['plain', 'full', 's3', 'image', 'hub', 'nim', ...(platform === 'gke' ? ['fuse'] : [])];
      for (const name of [...servers, ...(caches.length > 0 ? ['cached'] : [])]) {
        await untilReady(on.kubectl, namespaceOf(platform, name), WAIT);
      }
      for (const name of caches) await untilCached(on, namespaceOf(platform, name));
    },
    UP_MS,
  );

  it.each(names)(
    '%s comes up, on the GPUs it names',
    async (name) => {
      const objects = objectsOf(EXAMPLES[name]());
      onTestFinished(async () => {
        const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
        // With their pods: the next one looks at its own.
        const flags = ['--filename=-', '--ignore-not-found', '--cascade=foreground', `--timeout=${UP_MS / 1000}s`];
        await on.kubectl.run(['delete', ...flags], { input, timeoutMs: UP_MS });
      }, UP_MS);
      await on.kubectl.apply(objects);
      await untilReady(on.kubectl, 'triton', WAIT);
      const [server] = await on.kubectl.list<Pod>('pods', 'triton');
      const gpus = Number(server?.spec.containers[0]?.resources?.requests?.['nvidia.com/gpu'] ?? 0);
      const nodes = await on.kubectl.list<KubernetesObject & { status: { allocatable: Record<string, string> } }>(
        'nodes',
      );
      const node = nodes.find(({ metadata }) => metadata.name === server?.spec.nodeName);
      expect(gpus).toBe(GPUS[name] ?? 1);
      expect(Number(node?.status.allocatable['nvidia.com/gpu'] ?? 0)).toBe(gpus);
    },
    UP_MS,
  );
});

function makesPods({ kind }: KubernetesObject): boolean {
  return /^(Deployment|StatefulSet|DaemonSet|Job|CronJob|Pod|HorizontalPodAutoscaler)$/.test(kind);
}

interface CacheState extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly generation: number };
  readonly status: Readonly<Record<string, unknown>>;
}

/** Waits for the DaemonSet of a cache to be ready on the nodes that servers are on, and for its volumes to be bound. */
async function untilCached(on: TestSandbox, namespace: string): Promise<void> {
  const daemons = () => on.kubectl.list<CacheState>('daemonsets', namespace);
  const [daemonSet] = await eventually(daemons, ([{ status } = { status: {} }]) => {
    const { desiredNumberScheduled, numberReady } = status as Record<string, number>;
    return desiredNumberScheduled !== undefined && desiredNumberScheduled > 0 && numberReady === desiredNumberScheduled;
  });
  // The second apply has changed nothing.
  expect(daemonSet?.metadata.generation).toBe(1);
  const volumes = async () => {
    const all = await on.kubectl.list<CacheState>('persistentvolumes');
    const own = all.filter(({ metadata }) => metadata.name.startsWith(`${namespace}-${daemonSet?.metadata.name}-`));
    return own.map(({ status }) => status.phase);
  };
  await eventually(volumes, (phases) => phases.length === 2 && phases.every((phase) => phase === 'Bound'));
}

/** Kinds that are GKE's own: neither Go modules nor the upstream data have their definitions. */
const GKE_KINDS = [
  'autoscaling.gke.io/AutoscalingMetric',
  'cloud.google.com/BackendConfig',
  'datalayer.gke.io/GCPDataSource',
  'networking.gke.io/GCPBackendPolicy',
  'networking.gke.io/HealthCheckPolicy',
  'networking.gke.io/ManagedCertificate',
];
/** Kinds whose definitions are in the upstream data alone. */
const UPSTREAM_KINDS = ['leaderworkerset.x-k8s.io/LeaderWorkerSet', 'monitoring.googleapis.com/PodMonitoring'];

describe('the objects of every construct', () => {
  it.each(PLATFORMS)('have the labels that all of them have: %s', (platform) => {
    const without = renderVariants(platform)
      .filter(({ metadata: { name, labels = {} } }) => {
        if (name.startsWith(`${platform}-`) && name !== `${platform}-vision`) return false;
        return !['name', 'instance', 'component', 'part-of', 'managed-by'].every(
          (key) => labels[`app.kubernetes.io/${key}`],
        );
      })
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(without).toEqual([]);
  });
});

describe('errors where something is composed', () => {
  it('two constructs make the same object', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'triton' });
    const server = exposedServer();
    const route = { server, gateways: [{ name: 'g', sectionName: 'https' }], hostnames: ['a.example.com'] };
    new HttpRoute(chart, 'a', route);
    expect(() => new HttpRoute(chart, 'b', route)).toThrow(/is what chart\/a\/route makes already/);
    expect(() => new HttpRoute(chart, 'c', { ...route, name: 'internal' })).not.toThrow();
  });

  it('no pool has the GPUs', () => {
    const pool = gkeNodePool({ name: 'l4', machineType: 'g2-standard-8', maxNodes: 1 });
    expect(() => placeOn({ ...mistralVllm, accelerator: 'nvidia-a100-80gb' }, pool)).toThrow(
      /one of its pods needs 1 x nvidia-a100-80gb on one node, and no\s+pool offers that/,
    );
  });

  it('there is no such machine', () => {
    expect(() => gkeNodePool({ name: 'l4', machineType: 'g2-standard-6', maxNodes: 1 })).toThrow(
      /did you mean g2-standard-\d+\?/,
    );
  });

  it('an autoscaler has nothing to scale on', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'triton' });
    const server = new TritonServer(chart, 'server', {
      model: mistralVllm,
      placement: placeOn(mistralVllm, gkeNodePool({ name: 'l4', machineType: 'g2-standard-8', maxNodes: 8 })),
      source: ModelSource.gcs({ uri: 'gs://acme-models/mistral' }),
      platform: 'gke',
    });
    expect(() => new QueueAutoscaler(chart, 'autoscaler', { server })).toThrow(/tells nobody how many requests are in/);
  });
});
