import { join } from 'node:path';
import type { App } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueueAutoscaler } from '../../constructs';
import { engineOnL4 } from '../../examples/engine-on-l4';
import { minimal } from '../../examples/minimal';
import { openshift } from '../../examples/openshift';
import { tensorParallel } from '../../examples/tensor-parallel';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { gkeNodePool } from '../../models/gke-node-pool';
import { placeOn } from '../../models/placement';
import type { KubernetesObject } from '../../preview/plan';
import { manifestYaml } from '../../preview/write-out';
import { Definitions } from '../../sandbox/definitions';
import { type Pod, untilReady } from '../../sandbox/readiness';
import { environmentFolder, environmentText, ROOT, shippedConfig } from '../support/environment-file';
import { quiet, TestSandbox, UP_MS } from '../support/test-sandbox';

const EXAMPLES = { minimal, 'engine-on-l4': engineOnL4, 'tensor-parallel': tensorParallel, openshift };
const names = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];

function objectsOf(app: App): KubernetesObject[] {
  return app.charts.flatMap((chart) => chart.toJson() as KubernetesObject[]);
}

describe.each(names)('the example %s', (name) => {
  it('renders the same manifests', async () => {
    const golden = join(import.meta.dirname, '__goldens__', `${name}.yaml`);
    await expect(manifestYaml(objectsOf(EXAMPLES[name]()))).toMatchFileSnapshot(golden);
  });

  it('has a server that is named after its model', () => {
    const workloads = objectsOf(EXAMPLES[name]()).filter(({ kind }) => /^(Deployment|StatefulSet)$/.test(kind));
    expect(workloads).toHaveLength(1);
    expect(workloads[0]?.metadata.name).toMatch(/^triton-(resnet50|llama-3-1-8b|llama-3-1-70b)$/);
  });
});

describe('the examples on a real API server', () => {
  let on: TestSandbox;
  beforeAll(async () => {
    const config = shippedConfig('dev');
    const zones = ['us-central1-a', 'us-central1-c'];
    config.pools = {
      l4: { accelerator: 'nvidia-l4', machineType: 'g2-standard-16', zones, max: 3 },
      a100: { accelerator: 'nvidia-a100-80gb', machineType: 'a2-ultragpu-4g', zones, max: 2, diskGb: 500 },
    };
    config.serving = { models: [] };
    on = TestSandbox.empty();
    await on.sandbox.up(
      { name: 'examples', folder: environmentFolder('examples', environmentText(config)), bare: false },
      quiet(),
    );
    const definitions = Definitions.open(ROOT, quiet());
    for (const custom of ['route.openshift.io/Route', 'monitoring.coreos.com/PodMonitor']) {
      const definition = definitions.of(custom);
      if (definition !== undefined) await on.kubectl.apply([definition]);
    }
    await on.kubectl.run(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all'], {
      timeoutMs: 70_000,
    });
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  it.each(names)(
    '%s comes up, on the GPUs it names',
    async (name) => {
      const objects = objectsOf(EXAMPLES[name]());
      await on.kubectl.apply(objects);
      await untilReady(on.kubectl, 'triton', { waitMs: 90_000, progress: quiet(), check: () => undefined });
      const [server] = await on.kubectl.list<Pod>('pods', 'triton');
      const gpus = Number(server?.spec.containers[0]?.resources?.requests?.['nvidia.com/gpu']);
      const nodes = await on.kubectl.list<KubernetesObject & { status: { allocatable: Record<string, string> } }>(
        'nodes',
      );
      const node = nodes.find(({ metadata }) => metadata.name === server?.spec.nodeName);
      expect(gpus).toBe(name === 'tensor-parallel' ? 4 : 1);
      expect(Number(node?.status.allocatable['nvidia.com/gpu'])).toBe(gpus);
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      await on.kubectl.run(['delete', '--filename=-', '--timeout=60s'], { input, timeoutMs: 70_000 });
    },
    UP_MS,
  );
});

describe('errors where something is composed', () => {
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
    const [chart] = minimal().charts;
    const server = { name: 'triton-mistral', scale: mistralVllm.scale, queueMetric: undefined };
    expect(() => new QueueAutoscaler(chart as never, 'autoscaler', { server: server as never })).toThrow(
      /tells nobody how many requests wait/,
    );
  });
});
