import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Progress } from '../../bin/progress';
import { openEnvironment } from '../../preview/build-plan';
import type { KubernetesObject } from '../../preview/plan';
import { growingPools, instanceTypes, nodes } from '../../sandbox/node-objects';
import { simulatedPools } from '../../sandbox/pools';
import type { Pod } from '../../sandbox/readiness';
import { Captured } from '../support/captured';
import { type Config, environmentFolder, environmentText, shippedConfig } from '../support/environment-file';
import { quiet, TestSandbox, UP_MS } from '../support/test-sandbox';

describe('an existing cluster that names its nodes by labels of its own, with models on a claim', () => {
  const on = TestSandbox.empty();
  afterAll(() => on.down(), UP_MS);

  const config: Config = shippedConfig('local');
  const l4 = { ...config.pools.l4, nodes: 1 };
  config.pools = {
    one: {
      ...l4,
      nodeSelector: { 'node.kubernetes.io/instance-type': 'g6.8xlarge', 'topology.kubernetes.io/zone': 'eu-1a' },
    },
    // Its nodes carry the labels of the other pool's as well.
    two: { ...l4, nodeSelector: { 'node.kubernetes.io/instance-type': 'g6.8xlarge' } },
  };
  config.modelStore = { kind: 'claim', claimName: 'models' };
  config.serving = { models: [{ model: 'resnet50', scale: { min: 1, max: 1 } }] };
  const folder = environmentFolder('own', environmentText(config));
  const wanted = { name: 'own', folder, bare: false };

  it(
    'comes up',
    async () => {
      await on.sandbox.up(wanted, quiet());
      const [server] = await on.kubectl.list<Pod>('pods', 'triton');
      expect(server?.spec.nodeName).toMatch(/^(one|two)-0$/);
      const [claim] = await on.kubectl.list<KubernetesObject & { status: { phase: string } }>('persistentvolumeclaims');
      expect(claim?.metadata.name).toBe('models');
      expect(claim?.status.phase).toBe('Bound');
    },
    UP_MS,
  );

  it(
    'starts anew where a node offers something else: what a node has it has from its start',
    async () => {
      for (const pool of Object.values(config.pools) as Config[]) pool.cpus = 22;
      writeFileSync(join(folder, 'Pulumi.own.yaml'), environmentText(config));
      const out = new Captured();
      await on.sandbox.apply(wanted, new Progress(out));
      expect(out.text).toContain('The sandbox held other nodes or namespaces: starting anew');
      const held = await on.kubectl.list<KubernetesObject & { status: { allocatable: { cpu: string } } }>('nodes');
      expect(held.map(({ status }) => status.allocatable.cpu)).toEqual(['22', '22']);
    },
    UP_MS,
  );
});

describe('simulated nodes', () => {
  const poolsOf = (pools: Config) => {
    const config = shippedConfig('dev');
    config.pools = pools;
    config.serving = { models: [] };
    return simulatedPools(openEnvironment(environmentFolder('pools', environmentText(config)), 'pools').environment);
  };
  const zones = ['us-central1-a', 'us-central1-b'];
  const l4 = { accelerator: 'nvidia-l4', machineType: 'g2-standard-8', zones, max: 5 };

  it('carry the labels, taints and sizes of GKE', () => {
    const [, spot] = poolsOf({ spot: { ...l4, min: 2, spot: true, labels: { team: 'vision' } } });
    const [first, second] = nodes(spot as NonNullable<typeof spot>);
    expect(first).toMatchObject({
      metadata: {
        name: 'spot-0',
        labels: {
          'cloud.google.com/gke-accelerator': 'nvidia-l4',
          'cloud.google.com/gke-nodepool': 'spot',
          'cloud.google.com/gke-spot': 'true',
          'node.kubernetes.io/instance-type': 'g2-standard-8',
          'topology.kubernetes.io/zone': 'us-central1-a',
          team: 'vision',
        },
      },
      spec: { taints: [{ key: 'nvidia.com/gpu' }, { key: 'cloud.google.com/gke-spot' }] },
      // 8 vCPUs and 32 GiB less what GKE keeps (Plan GKE node sizes): 0.09 vCPU; 3.56 GiB and 100 MiB.
      status: { allocatable: { cpu: '7910m', memory: '29022Mi', pods: '110', 'nvidia.com/gpu': '1' } },
    });
    expect(second?.metadata.labels?.['topology.kubernetes.io/zone']).toBe('us-central1-b');
  });

  it('grow within the bounds of the pool, beside those that are there from the start', () => {
    const growing = growingPools(poolsOf({ l4: { ...l4, min: 2 }, fixed: { ...l4, min: 3, max: 3 } }));
    expect(growing.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'KWOKNodeClass sandbox',
      'NodePool system',
      'NodePool l4',
    ]);
    expect(growing[2]).toMatchObject({ spec: { limits: { 'nvidia.com/gpu': '3' } } });
    expect(growing[1]).toMatchObject({ spec: { limits: { cpu: `${2 * (3920 + 100)}m` } } });
  });

  it('are of a machine type of their own where another pool of that machine offers another disk', () => {
    const pools = poolsOf({ big: { ...l4, diskGb: 500 }, small: { ...l4, diskGb: 100 }, same: { ...l4, diskGb: 500 } });
    const types = JSON.parse(instanceTypes(pools)) as { name: string; resources: Record<string, string> }[];
    expect(types.map(({ name }) => name)).toEqual(['e2-standard-4', 'g2-standard-8', 'g2-standard-8-small']);
    expect(types[1]?.resources['ephemeral-storage']).not.toBe(types[2]?.resources['ephemeral-storage']);
    const [, , big, small, same] = growingPools(pools).map((object) => JSON.stringify(object));
    expect(big).toContain('"g2-standard-8"]');
    expect(small).toContain('"g2-standard-8-small"]');
    expect(same).toContain('"g2-standard-8"]');
  });
});
