import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { KubernetesObject } from '../../preview/plan';
import { isReady, type Pod } from '../../sandbox/readiness';
import { environmentFolder, environmentText, shippedConfig } from '../support/environment-file';
import { PodWatch } from '../support/pod-watch';
import { eventually, isUnschedulable, pod, TestSandbox, UP_MS } from '../support/test-sandbox';

interface Node extends KubernetesObject {
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: { readonly allocatable: Readonly<Record<string, string>> };
}

const NAMESPACE = 'triton';
const GPU = 'nvidia.com/gpu';

/** An environment of one L4 pool and one of whole A100 machines, with servers of both kinds of workload. */
function environment(): string {
  const config = shippedConfig('dev');
  const zones = ['us-central1-a', 'us-central1-c'];
  config.pools = {
    l4: { accelerator: 'nvidia-l4', machineType: 'g2-standard-8', zones, max: 4 },
    four: { accelerator: 'nvidia-a100-80gb', machineType: 'a2-ultragpu-4g', zones, max: 2 },
  };
  config.serving = {
    models: [
      { model: 'resnet50', scale: { min: 2, max: 3 } },
      {
        model: 'llama-3.1-70b',
        scale: { min: 1, max: 1 },
        workload: { kind: 'statefulset', storageClass: 'premium-rwo' },
      },
    ],
  };
  return environmentFolder('gpus', environmentText(config));
}

describe('servers on simulated nodes', () => {
  let on: TestSandbox;
  beforeAll(async () => {
    on = await TestSandbox.up('gpus', environment());
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  const pods = (model: string) =>
    on.kubectl
      .list<Pod>('pods', NAMESPACE)
      .then((all) => all.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === model));
  const nodes = () => on.kubectl.list<Node>('nodes');
  const inPool = async (pool: string) =>
    (await nodes()).filter(({ metadata }) => metadata.labels?.['cloud.google.com/gke-nodepool'] === pool);
  const watched = async (model: string, count: number) => {
    const watch = await PodWatch.start(on.sandbox, NAMESPACE, model, count);
    onTestFinished(watch.stop);
    return watch;
  };

  it('puts a pod of 4 GPUs on a node of 4, which grew for it', async () => {
    const [server] = await pods('llama-3-1-70b');
    const node = (await nodes()).find(({ metadata }) => metadata.name === server?.spec.nodeName);
    expect(node?.status.allocatable[GPU]).toBe('4');
    expect(node?.metadata.labels).toMatchObject({
      'cloud.google.com/gke-nodepool': 'four',
      'cloud.google.com/gke-accelerator': 'nvidia-a100-80gb',
      'node.kubernetes.io/instance-type': 'a2-ultragpu-4g',
      'topology.kubernetes.io/region': 'us-central1',
    });
  });

  it('puts it nowhere else: without such nodes it waits, whatever other GPUs are free', async () => {
    const few = pod(
      'few-gpus',
      NAMESPACE,
      { nodeSelector: { 'cloud.google.com/gke-accelerator': 'nvidia-l4' } },
      { resources: { limits: { [GPU]: 4 } } },
    );
    await on.kubectl.apply([few]);
    const all = () => on.kubectl.list<Pod>('pods', NAMESPACE);
    await eventually(all, (list) => list.some((each) => each.metadata.name === 'few-gpus' && isUnschedulable(each)));
    const before = (await inPool('l4')).map(({ metadata }) => metadata.name);
    // Karpenter looks at it, and makes no node that would not help.
    await eventually(
      () =>
        on.kubectl.run(['get', 'events', '--namespace', NAMESPACE, '--field-selector=involvedObject.name=few-gpus']),
      (events) => /FailedScheduling.*karpenter|FailedScheduling.*no instance type/s.test(events),
    );
    for (const { metadata } of await inPool('l4')) expect(before).toContain(metadata.name);
    await on.kubectl.run(['delete', 'pod', 'few-gpus', '--namespace', NAMESPACE]);
  });

  it('gives its volume the class that was asked for', async () => {
    interface Volume extends KubernetesObject {
      readonly spec: { readonly storageClassName: string; readonly hostPath: { readonly path: string } };
      readonly status: { readonly phase: string };
    }
    const volumes = await on.kubectl.list<Volume>('persistentvolumes');
    expect(volumes.map(({ spec, status }) => [spec.storageClassName, status.phase])).toEqual([
      ['premium-rwo', 'Bound'],
    ]);
  });

  it(
    'keeps its replicas while a changed template rolls out',
    async () => {
      const watch = await watched('resnet50', 2);
      const before = watch.names;
      await on.kubectl.run(['rollout', 'restart', 'deployment/triton-resnet50', '--namespace', NAMESPACE]);
      await eventually(
        async () => watch.names,
        (names) => names.length === 2 && names.every((each) => !before.includes(each)),
      );
      expect(watch.leastReady).toBe(2);
      // It was a real rollout: the new pods were there beside the old ones.
      expect(watch.most).toBeGreaterThan(2);
    },
    UP_MS,
  );

  it(
    'is drained one pod at a time',
    async () => {
      const watch = await watched('resnet50', 2);
      const before = watch.names;
      const drained = (await pods('resnet50')).map(({ spec }) => spec.nodeName ?? '');
      await on.kubectl.run(
        ['drain', ...new Set(drained), '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=400s'],
        { timeoutMs: 420_000 },
      );
      await eventually(
        async () => watch.names,
        (names) => names.length === 2 && watch.ready === 2 && names.every((each) => !before.includes(each)),
      );
      expect(watch.leastReady).toBe(1);
      for (const { spec } of await pods('resnet50')) expect(drained).not.toContain(spec.nodeName);
      // They may be gone already.
      await on.kubectl.try(['uncordon', ...new Set(drained)]);
    },
    UP_MS,
  );

  it('grows a pool to its bound and no further, and shrinks it when pods are gone', { timeout: UP_MS }, async () => {
    const scale = (replicas: number) =>
      on.kubectl.run([
        'patch',
        'hpa',
        'triton-resnet50',
        '--namespace',
        NAMESPACE,
        '--type=merge',
        '--patch',
        JSON.stringify({ spec: { minReplicas: replicas, maxReplicas: replicas } }),
      ]);
    await scale(6);
    // 4 nodes of one GPU: two pods wait.
    const all = await eventually(
      () => pods('resnet50'),
      (list) => list.length === 6 && list.filter((each) => isReady(each)).length === 4,
    );
    const waiting = all.filter((each) => !isReady(each));
    await eventually(
      () =>
        on.kubectl.run([
          'get',
          'events',
          '--namespace',
          NAMESPACE,
          `--field-selector=involvedObject.name=${waiting[0]?.metadata.name}`,
        ]),
      (events) => /limit/.test(events),
    );
    // Nodes that were drained may still be on their way out.
    await eventually(
      () => inPool('l4'),
      (list) => list.length === 4,
    );
    await scale(1);
    await eventually(
      () => inPool('l4'),
      (list) => list.length === 1,
    );
    await eventually(
      () => pods('resnet50'),
      (list) => list.length === 1 && list.every((each) => isReady(each)),
    );
  });
});
