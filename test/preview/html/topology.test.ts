import { expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import { topologyOf } from '../../../preview/html/topology';
import { ROOT } from '../../support/environment-file';

it('leads from clients in the cluster to the GPUs of prod', async () => {
  const { pools, beside } = topologyOf(await buildPlan(ROOT, 'prod'));
  expect(pools.map(({ name, servers }) => [name, servers.map(({ model }) => model.name)])).toEqual([
    ['l4', ['llama-3.1-8b', 'resnet50']],
    ['a100', []],
    ['system', []],
  ]);
  const [l4, a100, system] = pools;
  expect(l4).toMatchObject({
    nodes: { machineType: 'g2-standard-12', least: 0, most: 24, spot: false },
    gpusPerNode: 1,
    accelerator: 'nvidia-l4',
    asked: { least: 4, most: 20 },
  });
  expect([a100?.accelerator, system?.accelerator]).toEqual(['nvidia-tesla-a100', undefined]);
  expect(l4?.servers[0]).toMatchObject({
    reach: 'cluster',
    entries: [{ kind: 'Service', name: 'triton-llama-3-1-8b', text: 'port 8000, 8001, 8002' }],
    workload: { kind: 'StatefulSet', anchor: 'object/triton-llama-3-1-8b/StatefulSet/triton/triton-llama-3-1-8b' },
  });
  expect(beside.map(({ name }) => name)).toEqual([
    'buckets',
    'monitoring',
    'kubeflow',
    'gpu-operator',
    'cluster',
    'network',
  ]);
});

it('leads from outside through Routes, to nodes that are there already', async () => {
  const { pools } = topologyOf(await buildPlan(ROOT, 'openshift'));
  expect(pools).toHaveLength(1);
  expect(pools[0]).toMatchObject({ name: 'l4', accelerator: 'nvidia-l4', asked: { least: 2, most: 3 } });
  expect(pools[0]?.nodes).toBeUndefined();
  expect(
    pools[0]?.servers.map(({ reach, entries }) => [reach, entries.map(({ kind, text }) => `${kind} ${text}`)]),
  ).toEqual([
    ['outside', ['Route llama.apps.example.com', 'Service port 8000, 8001, 8002']],
    ['outside', ['Route host by the router', 'Service port 8000, 8001, 8002']],
  ]);
});

it('takes a load balancer for a way from outside', async () => {
  const plan = await buildPlan(ROOT, 'prod');
  const charts = plan.charts.map((chart) => ({
    ...chart,
    objects: chart.objects.map((object) =>
      object.kind === 'Service' && object.metadata.name === 'triton-resnet50'
        ? { ...object, spec: { ...(object.spec as object), type: 'LoadBalancer' } }
        : object,
    ),
  }));
  const [l4] = topologyOf({ ...plan, charts }).pools;
  expect(l4?.servers.map(({ reach, entries }) => [reach, entries[0]?.kind])).toEqual([
    ['cluster', 'Service'],
    ['outside', 'Load balancer'],
  ]);
});
