import ipaddr from 'ipaddr.js';
import { accelerator, hardwareLabel } from '../../models/accelerator';
import { fitChanges } from '../../models/fit';
import { gkeLocalDiskGib, machineType, machineTypesWith } from '../../models/machine-type';
import { GIB, memoryFit } from '../../models/memory';
import type { Model } from '../../models/model';
import { didYouMean, keyOf } from '../../models/parse';
import { type GpuPool, type Placement, poolGpus } from '../../models/placement';
import { poolReplicas } from '../../models/pool-replicas';
import type { Problem } from '../../models/problem';
import { queueMetric } from '../../models/queue-metric';
import { localDiskGib } from '../../models/startup';
import type { GkeEnvironment, ServedModel } from './environment';
import { bucketName, type ExistingConfig, type GkeConfig, type GkePoolConfig } from './schema';

const NAMESPACE = 'triton-stack:';

/** Longest name for which the node's service account, `triton-<name>-nodes`, keeps within IAM's 30 characters. */
const MAX_NAME_LENGTH = 17;

/** A stack's name that the names of cloud resources cannot be made of. */
export function nameProblems(name: string): Problem[] {
  if (/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= MAX_NAME_LENGTH) return [];
  return [
    {
      key: 'environment',
      value: name,
      reason: 'is part of the names of cloud resources, and Google Cloud would refuse them',
      allowed: `lowercase letters, digits and "-", a letter first, at most ${MAX_NAME_LENGTH} characters`,
      fix: 'give the file and the stack another name',
    },
  ];
}

/** Namespaces that others bring, and that servers would lie in beside strangers. */
const TAKEN = [
  'default',
  'gpu-operator',
  'kubeflow',
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'triton-metrics',
  // Kubeflow's platform.
  'auth',
  'cert-manager',
  'istio-system',
  'kubeflow-system',
  'oauth2-proxy',
];

/** Namespaces of the environment that are not its own, or that two parts of it would both create. */
export function namespaceProblems({ serving, monitoring }: GkeConfig | ExistingConfig): Problem[] {
  const namespaces: [key: string, name: string][] = [[keyOf(['serving', 'namespace'], NAMESPACE), serving.namespace]];
  if (monitoring.kind !== 'openshift') {
    namespaces.unshift([keyOf(['monitoring', 'namespace'], NAMESPACE), monitoring.namespace]);
  }
  return namespaces.flatMap(([key, value], index): Problem[] => {
    const twice = namespaces.findIndex(([, other]) => other === value) !== index;
    const others = index === 0 && monitoring.kind === 'existing';
    if (!twice && (others || !TAKEN.includes(value))) return [];
    return [
      {
        key,
        value,
        reason: twice ? 'is the namespace of monitoring as well' : 'is a namespace that others bring',
        allowed: `any but ${TAKEN.join(', ')}`,
        fix: 'take another name',
      },
    ];
  });
}

/** Pools whose parts contradict each other. */
export function gkePoolProblems(config: GkeConfig): Problem[] {
  const { region } = config.platform;
  const gpuPools = Object.entries(config.pools).flatMap(([name, pool]) => [
    ...poolNameProblems(name),
    ...machineProblems(name, pool),
    ...boundProblems(keyOf(['pools', name], NAMESPACE), pool),
    ...zoneProblems(name, pool, region),
    ...labelProblems(name, pool),
  ]);
  return [...gpuPools, ...boundProblems(keyOf(['systemPool'], NAMESPACE), config.systemPool)];
}

function poolNameProblems(name: string): Problem[] {
  if (name !== 'system') return [];
  const key = keyOf(['pools', name], NAMESPACE);
  return [
    { key, reason: "is the name of the pool of the system's own pods", allowed: 'any other name', fix: 'rename it' },
  ];
}

function machineProblems(name: string, pool: GkePoolConfig): Problem[] {
  const key = keyOf(['pools', name, 'machineType'], NAMESPACE);
  const allowed = machineTypesWith(pool.accelerator);
  const machine = machineType(pool.machineType);
  if (machine?.accelerator === pool.accelerator) return [];
  const meant = machine === undefined ? didYouMean(pool.machineType, allowed) : undefined;
  return [
    {
      key,
      value: pool.machineType,
      reason:
        machine === undefined
          ? `is no machine type with ${pool.accelerator}`
          : `that machine carries ${machine.accelerator}, the pool says ${pool.accelerator}`,
      allowed: allowed.join(', '),
      fix:
        machine === undefined
          ? `${meant === undefined ? 'take one of those' : `did you mean ${meant}?`}`
          : `set machineType to one of those, or accelerator to ${machine.accelerator}`,
    },
  ];
}

function boundProblems(key: string, pool: { readonly min: number; readonly max: number }): Problem[] {
  if (pool.min <= pool.max) return [];
  return [
    {
      key: `${key}.min`,
      value: pool.min,
      reason: `more nodes at least than at most (max is ${pool.max})`,
      allowed: `0 to ${pool.max}`,
      fix: `set max to ${pool.min} or more, or min to ${pool.max} or less`,
    },
  ];
}

function zoneProblems(name: string, pool: GkePoolConfig, region: string): Problem[] {
  return pool.zones.flatMap((zone, index): Problem[] => {
    const key = keyOf(['pools', name, 'zones', index], NAMESPACE);
    if (!zone.startsWith(`${region}-`)) {
      return [
        { key, value: zone, reason: `is not in the cluster's region`, allowed: `zones of ${region}: ${region}-a, ...` },
      ];
    }
    if (pool.zones.indexOf(zone) === index) return [];
    return [{ key, value: zone, reason: 'stands there twice', fix: 'remove one of the two' }];
  });
}

/** Labels that the stack or GKE sets: with the device plugin's label on nodes that GKE manages, no GPU would show. */
const RESERVED_LABELS =
  /^(gke-no-default-nvidia-gpu-device-plugin$|triton-stack\/|cloud\.google\.com\/|(.*\.)?(kubernetes|k8s)\.io\/|.*\.gke\.io\/)/;

function labelProblems(name: string, pool: GkePoolConfig): Problem[] {
  return Object.entries(pool.labels)
    .filter(([label]) => RESERVED_LABELS.test(label))
    .map(([label, value]) => ({
      key: keyOf(['pools', name, 'labels'], NAMESPACE),
      value: { [label]: value },
      reason: 'is a label that the stack or GKE sets',
      allowed: 'labels of your own',
      fix: 'remove it; who owns the device plugin is said by gpuStack',
    }));
}

/** Nodes take a /24 of the pod range each, for up to 110 pods (GKE documentation, "VPC-native clusters", range sizing). */
const POD_PREFIX_PER_NODE = 24;
/** Addresses that Google keeps of each subnet's primary range (VPC documentation, "Subnets"). */
const KEPT_OF_SUBNET = 4;

/** Ranges that overlap, or are too small for the pools when they are fully grown. */
export function networkProblems(config: GkeConfig): Problem[] {
  const ranges = Object.entries(config.network);
  const problems: Problem[] = [];
  for (const [index, [name, range]] of ranges.entries()) {
    for (const [otherName, otherRange] of ranges.slice(0, index)) {
      if (!overlap(range, otherRange)) continue;
      problems.push({
        key: keyOf(['network', name], NAMESPACE),
        value: range,
        reason: `overlaps with ${NAMESPACE}network.${otherName}, ${otherRange}`,
        allowed: 'ranges that have no address in common',
        fix: 'for example nodes 10.0.0.0/20, pods 10.4.0.0/14, services 10.8.0.0/20',
      });
    }
  }
  const nodes = Object.values(config.pools).reduce((sum, pool) => sum + pool.max, config.systemPool.max);
  const podRanges = addresses(config.network.pods) / 2 ** (32 - POD_PREFIX_PER_NODE);
  const nodeAddresses = addresses(config.network.nodes) - KEPT_OF_SUBNET;
  // An upgrade adds a node to a pool before it takes one away.
  const needed = nodes + Object.keys(config.pools).length + 1;
  if (podRanges < needed) problems.push(tooSmall('pods', config.network.pods, Math.floor(podRanges), needed, 24));
  if (nodeAddresses < needed) problems.push(tooSmall('nodes', config.network.nodes, nodeAddresses, needed, 32));
  return problems;
}

function tooSmall(name: string, range: string, holds: number, needed: number, unit: number): Problem {
  const spare = name === 'nodes' ? KEPT_OF_SUBNET : 0;
  const prefix = unit - Math.ceil(Math.log2(needed + spare));
  return {
    key: keyOf(['network', name], NAMESPACE),
    value: range,
    reason: `holds ${Math.max(0, holds)} nodes, and the pools can grow to ${needed} during an upgrade`,
    allowed: `a range of /${prefix} or larger`,
    fix: 'take a larger range, or lower the max of pools',
  };
}

function addresses(range: string): number {
  return 2 ** (32 - ipaddr.IPv4.parseCIDR(range)[1]);
}

function overlap(a: string, b: string): boolean {
  const [addressA, prefixA] = ipaddr.IPv4.parseCIDR(a);
  const [addressB, prefixB] = ipaddr.IPv4.parseCIDR(b);
  const prefix = Math.min(prefixA, prefixB);
  return addressA.match([addressB, prefix]);
}

/** Bucket names that Cloud Storage would refuse once they are made up from the project, and names used twice. */
export function bucketProblems(buckets: GkeEnvironment['buckets']): Problem[] {
  const names = (['models', 'artifacts', 'data'] as const).map((role) => [role, buckets[role]] as const);
  return names.flatMap(([role, name], index): Problem[] => {
    const key = keyOf(['buckets', role], NAMESPACE);
    if (!bucketName.safeParse(name).success) {
      return [
        {
          key,
          value: name,
          reason: 'the name made from project and environment is one that Cloud Storage refuses',
          fix: `set ${key} to a name of 3 to 63 characters`,
        },
      ];
    }
    if (names.findIndex(([, other]) => other === name) === index) return [];
    return [{ key, value: name, reason: 'is the name of another bucket of the environment', fix: 'take another name' }];
  });
}

/** A model that does not fit its GPUs, whose pods nobody scales, or that needs several pods. */
export function servingProblems(model: Model, placement: Placement, key: string): Problem[] {
  const problems: Problem[] = memoryProblems(model, `${key}.model`);
  const { min, max } = model.scale;
  if (queueMetric(model, placement.gpusPerPod) === undefined && min !== max) {
    problems.push({
      key: `${key}.scale`,
      value: model.scale,
      reason: `backend ${model.backend.kind} tells nobody how many requests are in it: there is nothing to scale on`,
      allowed: 'min and max alike',
      fix: `set both to ${max}, or serve it with TensorRT-LLM`,
    });
  }
  if (min === 0) {
    problems.push({
      key: `${key}.scale.min`,
      value: min,
      reason:
        'only KEDA watches what wakes a model without replicas, and an environment scales with prometheus-adapter, which sees pods alone',
      allowed: `1 to ${max}`,
      fix: "set it to 1 and remove scale.wake, or compose the server in an app of your own: QueueAutoscaler with source: { kind: 'keda' }",
    });
  }
  if (placement.podsPerReplica > 1) {
    problems.push({
      key: `${key}.model`,
      value: model.name,
      reason: `one copy of it spans ${placement.podsPerReplica} nodes of pool ${placement.pool.name}, and servers of several pods are not deployed yet`,
      fix: `add a pool of nodes with ${placement.gpusPerPod * placement.podsPerReplica} x ${model.accelerator}`,
    });
  }
  return problems;
}

function memoryProblems(model: Model, key: string): Problem[] {
  const fit = memoryFit(model);
  if (fit.fits) return [];
  const { gpu, weights, activations, context } = fit.layout;
  const gib = (bytes: number) => (bytes / GIB).toFixed(1);
  const [cheapest] = fitChanges(model);
  return [
    {
      key,
      value: model.name,
      reason: `does not fit: ${gib(fit.missing)} GiB are missing on each ${hardwareLabel(model.accelerator)} (weights ${gib(weights)}, activations ${gib(activations)}, CUDA ${gib(context)} of ${gib(gpu)} GiB${fit.kv === undefined ? '' : ', and a KV cache for one longest sequence'})`,
      fix:
        cheapest === undefined
          ? 'no single change is enough: npm run model -- explain'
          : `cheapest: ${cheapest.change} (${cheapest.gpus} x ${accelerator(cheapest.accelerator).label})`,
    },
  ];
}

/** A model whose replicas its pool can never hold. */
export function scaleAgainstPool(model: Model, placement: Placement, key: string): Problem[] {
  const { pool, gpusPerPod } = placement;
  const replicas = poolReplicas(placement);
  if (model.scale.max <= replicas) return [];
  return [
    {
      key: `${key}.max`,
      value: model.scale.max,
      reason: `pool ${pool.name} holds ${replicas} of its pods when fully grown (${gpusPerPod} of ${poolGpus(pool)} GPUs each): the rest would wait for ever`,
      allowed: `1 to ${replicas}`,
      fix: `lower scale.max, or raise the size of pool ${pool.name}`,
    },
  ];
}

/** Pods whose local storage no node of the pool offers: they would wait for ever. */
export function diskProblems(
  model: Model,
  { pool, gpusPerPod }: Placement,
  source: ServedModel['source'],
  workload: ServedModel['workload'],
): Problem[] {
  if (pool.localDiskGib === undefined) return [];
  const each = localDiskGib(model, source.kind !== 'claim' && workload.kind !== 'statefulset');
  const needed = each * Math.floor(pool.gpusPerNode / gpusPerPod);
  if (needed <= pool.localDiskGib) return [];
  let diskGb = 50;
  while (gkeLocalDiskGib(diskGb) < needed) diskGb += 50;
  return [
    {
      key: keyOf(['pools', pool.name, 'diskGb'], NAMESPACE),
      reason: `a node leaves ${pool.localDiskGib} GiB of its disk to pods, and those of ${model.name} fill up to ${needed} GiB`,
      allowed: `${diskGb} or more`,
      fix: `set it to ${diskGb}, or keep the models on volumes: workload: { kind: statefulset }`,
    },
  ];
}

interface Demand {
  readonly pool: GpuPool;
  readonly min: number;
  readonly max: number;
}

function demands(served: readonly ServedModel[]): Demand[] {
  const byPool = new Map<string, Demand>();
  for (const { model, placement } of served) {
    const { pool, gpusPerPod } = placement;
    const { min, max } = byPool.get(pool.name) ?? { min: 0, max: 0 };
    byPool.set(pool.name, {
      pool,
      min: min + model.scale.min * gpusPerPod,
      max: max + model.scale.max * gpusPerPod,
    });
  }
  return [...byPool.values()];
}

/** Pools that the least replicas of their models do not fit into together. */
export function capacityProblems(served: readonly ServedModel[]): Problem[] {
  return demands(served)
    .filter(({ pool, min }) => min > poolGpus(pool))
    .map(({ pool, min }) => ({
      key: keyOf(['pools', pool.name], NAMESPACE),
      value: `${poolGpus(pool)} GPUs`,
      reason: `the models placed on it need ${min} GPUs at their least number of replicas`,
      fix: `raise the size of the pool to ${Math.ceil(min / pool.gpusPerNode)} nodes, or lower scale.min of models`,
    }));
}

/** Pools that cannot grow as far as their models may scale, or leave no GPU for a rollout. */
export function capacityWarnings(served: readonly ServedModel[], pools: readonly GpuPool[]): string[] {
  const byPool = demands(served);
  // A StatefulSet takes the old pod away first.
  const surges = new Set(
    served.filter(({ workload }) => workload.kind === 'deployment').map(({ placement }) => placement.pool.name),
  );
  const short = byPool
    .filter(({ pool, max, min }) => min <= poolGpus(pool) && max > poolGpus(pool))
    .map(
      ({ pool, max }) =>
        `pool ${pool.name} has ${poolGpus(pool)} GPUs at most, and its models may ask for ${max}: they compete at peak`,
    );
  const full = byPool
    .filter(({ pool, min, max }) => max <= poolGpus(pool) && min === poolGpus(pool) && surges.has(pool.name))
    .map(
      ({ pool }) =>
        `pool ${pool.name} has no GPU to spare: a rollout waits for one, since new pods come before old ones go`,
    );
  const spot = served
    .filter(({ placement }) => placement.pool.spot)
    .map(
      ({ model, placement }) =>
        `pool ${placement.pool.name} is spot and serves ${model.name}: preemption takes its pods with 15 s for its pods`,
    );
  const unused = pools
    .filter((pool) => !byPool.some((demand) => demand.pool.name === pool.name))
    .map((pool) => `pool ${pool.name} serves no model: it stays at its least size`);
  return [...short, ...full, ...spot, ...unused];
}
