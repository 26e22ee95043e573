import type { KubernetesObject } from '../preview/plan';
import { scaledSeconds } from './pace';
import { grows, type SimulatedPool } from './pools';

/** Seconds until a new GPU node is there: the least of the 4 to 7 minutes in Triton's GKE marketplace README. */
const NODE_SECONDS = 240;
/** Seconds after which an empty node goes: the default of GKE's autoscaler is 10 minutes. */
const EMPTY_SECONDS = 600;

const KARPENTER = 'karpenter.sh/v1';
const NODE_CLASS = { group: 'karpenter.kwok.sh', kind: 'KWOKNodeClass', name: 'sandbox' } as const;
const MANAGED_BY_KWOK = { 'kwok.x-k8s.io/node': 'fake' } as const;

/** Marks what the sandbox itself has put into the cluster. */
export const OWN_LABEL = { 'triton-stack/sandbox': 'true' } as const;

/** Tells which pool a node is of: the pool's other labels may be those of two pools. */
export function poolLabel({ name }: Pick<SimulatedPool, 'name'>): Record<string, string> {
  return { ...OWN_LABEL, 'triton-stack/sandbox-pool': name };
}

/** The nodes that a pool has from the start. */
export function nodes(pool: SimulatedPool): KubernetesObject[] {
  return Array.from({ length: pool.min }, (_, index) => {
    const name = `${pool.name}-${index}`;
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        annotations: MANAGED_BY_KWOK,
        labels: {
          'kubernetes.io/hostname': name,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': 'amd64',
          'node.kubernetes.io/instance-type': pool.machineType,
          'topology.kubernetes.io/region': pool.region,
          'topology.kubernetes.io/zone': pool.zones[index % pool.zones.length] ?? pool.region,
          // Last: an existing cluster may name its nodes by any of the labels above.
          ...pool.labels,
          ...poolLabel(pool),
        },
      },
      ...(pool.taints.length > 0 && { spec: { taints: pool.taints } }),
      status: {
        allocatable: pool.allocatable,
        capacity: pool.allocatable,
      },
    };
  });
}

/** Pools that Karpenter grows for pods that wait, up to their bounds, and shrinks. */
export function growingPools(pools: readonly SimulatedPool[]): KubernetesObject[] {
  const growing = pools.filter(grows);
  if (growing.length === 0) return [];
  const nodeClass = {
    apiVersion: `${NODE_CLASS.group}/v1alpha1`,
    kind: NODE_CLASS.kind,
    metadata: { name: NODE_CLASS.name, labels: OWN_LABEL },
    spec: { nodeRegistrationDelay: `${Math.ceil(scaledSeconds(NODE_SECONDS))}s` },
  };
  const types = typeNames(growing);
  return [nodeClass, ...growing.map((pool) => nodePool(pool, types.get(pool) ?? pool.machineType))];
}

function nodePool(pool: SimulatedPool, type: string): KubernetesObject {
  return {
    apiVersion: KARPENTER,
    kind: 'NodePool',
    metadata: { name: pool.name, labels: OWN_LABEL },
    spec: {
      template: {
        metadata: { labels: { ...pool.labels, ...poolLabel(pool) } },
        spec: {
          nodeClassRef: NODE_CLASS,
          expireAfter: 'Never',
          ...(pool.taints.length > 0 && { taints: pool.taints }),
          requirements: [
            requirement('node.kubernetes.io/instance-type', [type]),
            requirement('karpenter.sh/capacity-type', [pool.spot ? 'spot' : 'on-demand']),
            requirement('topology.kubernetes.io/zone', pool.zones),
          ],
        },
      },
      limits: limits(pool),
      disruption: {
        consolidationPolicy: 'WhenEmpty',
        consolidateAfter: `${Math.ceil(scaledSeconds(EMPTY_SECONDS))}s`,
        budgets: [{ nodes: '100%' }],
      },
    },
  };
}

/** Karpenter bounds a pool by what its nodes hold together. */
function limits({ min, max, gpus, allocatable }: SimulatedPool): Record<string, string> {
  const nodes = max - min;
  if (gpus > 0) return { 'nvidia.com/gpu': String(nodes * gpus) };
  return { cpu: `${nodes * (millicores(allocatable) + KARPENTER_OVERHEAD.millicores)}m` };
}

/** What the kwok provider takes off each node that it makes (sigs.k8s.io/karpenter, kwok/cloudprovider/helpers.go). */
const KARPENTER_OVERHEAD = { millicores: 100, mebibytes: 10 } as const;

function millicores(allocatable: SimulatedPool['allocatable']): number {
  return Number.parseInt(allocatable.cpu ?? '0', 10);
}

function requirement(key: string, values: readonly string[]) {
  return { key, operator: 'In', values };
}

/** What the kwok provider knows of machine types, as the file that it reads (kwok/examples/instance_types.json). */
export function instanceTypes(pools: readonly SimulatedPool[]): string {
  const growing = pools.filter(grows);
  const byName = new Map<string, SimulatedPool[]>();
  for (const [pool, name] of typeNames(growing)) byName.set(name, [...(byName.get(name) ?? []), pool]);
  return JSON.stringify([...byName].map(instanceType), null, 1);
}

/**
 * The provider knows a machine by its name alone. Pools whose nodes offer another size of disk need a type of their own
 * beside the first of that machine.
 */
function typeNames(pools: readonly SimulatedPool[]): Map<SimulatedPool, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  return new Map(
    pools.map((pool) => {
      const kind = JSON.stringify([pool.machineType, pool.allocatable]);
      const name =
        names.get(kind) ?? (taken.has(pool.machineType) ? `${pool.machineType}-${pool.name}` : pool.machineType);
      names.set(kind, name);
      taken.add(name);
      return [pool, name];
    }),
  );
}

function instanceType([name, pools]: [string, readonly SimulatedPool[]]) {
  const [{ allocatable, region }] = pools as [SimulatedPool];
  const zones = [...new Set(pools.flatMap((pool) => pool.zones))].sort();
  const offerings = zones.flatMap((zone) =>
    (['on-demand', 'spot'] as const).map((capacity) => ({
      // It takes the cheapest; nothing here is paid.
      Price: capacity === 'spot' ? 0.5 : 1,
      Available: true,
      Requirements: [
        requirement('karpenter.sh/capacity-type', [capacity]),
        requirement('topology.kubernetes.io/zone', [zone]),
        requirement('topology.kubernetes.io/region', [region]),
      ],
    })),
  );
  return {
    name,
    architecture: 'amd64',
    operatingSystems: ['linux'],
    offerings,
    resources: {
      ...allocatable,
      cpu: `${millicores(allocatable) + KARPENTER_OVERHEAD.millicores}m`,
      memory: `${Number.parseInt(allocatable.memory ?? '0', 10) + KARPENTER_OVERHEAD.mebibytes}Mi`,
    },
  };
}
