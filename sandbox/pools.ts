import { type AcceleratorName, accelerator, gpuOf } from '../models/accelerator';
import { gkeAllocatable, gkeLocalDiskGib } from '../models/machine-type';
import type { GpuPool } from '../models/placement';
import type { Environment, GkeEnvironment, GkePool } from '../stacks/environment/environment';

/** A group of nodes to be simulated. */
export interface SimulatedPool {
  readonly name: string;
  readonly machineType: string;
  readonly zones: readonly string[];
  readonly region: string;
  /** Nodes that are there from the start. */
  readonly min: number;
  readonly max: number;
  readonly spot: boolean;
  /** What pods may request of one node. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** GPUs of one node. */
  readonly gpus: number;
  /** Undefined where nodes have no GPU. */
  readonly accelerator?: AcceleratorName;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: 'NoSchedule';
}

/** The taints of GKE's GPU nodes and of its spot nodes, as stacks/node-pools.ts sets them. */
const GPU_TAINT: Taint = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' };
const SPOT_TAINT: Taint = { key: 'cloud.google.com/gke-spot', value: 'true', effect: 'NoSchedule' };

/** Pods of a GKE node at most (GKE documentation, "Quotas and limits"). */
const PODS_PER_NODE = 110;

/** Whether nodes come and go. */
export function grows({ min, max }: SimulatedPool): boolean {
  return max > min;
}

/** The nodes that an environment has, or will have. */
export function simulatedPools(environment: Environment): SimulatedPool[] {
  if (environment.kind === 'existing') return environment.pools.map(existingPool);
  return [systemPool(environment), ...environment.pools.map((pool) => gkePool(pool, environment))];
}

function gkePool(pool: GkePool, { platform, gpuStack }: GkeEnvironment): SimulatedPool {
  const { config } = pool;
  const product = accelerator(gpuOf(pool.accelerator)).product;
  return {
    name: pool.name,
    machineType: config.machineType,
    zones: config.zones,
    region: platform.region,
    min: config.min,
    max: config.max,
    spot: pool.spot,
    ...offeredBy(pool),
    labels: {
      ...config.labels,
      'triton-stack/pool': pool.name,
      ...gkeLabels(pool.name, config.machineType, pool.spot),
      'cloud.google.com/gke-accelerator': pool.accelerator,
      'cloud.google.com/gke-accelerator-count': String(pool.gpusPerNode),
      // GPU feature discovery comes with the operator.
      ...(gpuStack.kind === 'gpu-operator' && {
        'nvidia.com/gpu.present': 'true',
        'nvidia.com/gpu.product': product,
        'nvidia.com/gpu.count': String(pool.gpusPerNode),
      }),
    },
    taints: pool.spot ? [GPU_TAINT, SPOT_TAINT] : [GPU_TAINT],
  };
}

function systemPool({ systemPool: config, platform }: GkeEnvironment): SimulatedPool {
  const { vcpus, memoryGib } = generalPurpose(config.machineType);
  return {
    name: 'system',
    machineType: config.machineType,
    zones: ['a', 'b', 'c'].map((zone) => `${platform.region}-${zone}`),
    region: platform.region,
    min: config.min,
    max: config.max,
    spot: false,
    allocatable: allocatable({ ...gkeAllocatable(vcpus, memoryGib), diskGib: gkeLocalDiskGib(config.diskGb), gpus: 0 }),
    gpus: 0,
    labels: { 'triton-stack/pool': 'system', ...gkeLabels('system', config.machineType, false) },
    taints: [],
  };
}

function existingPool(pool: GpuPool): SimulatedPool {
  return {
    name: pool.name,
    machineType: 'simulated',
    zones: ['zone-a'],
    region: 'region',
    min: pool.maxNodes,
    max: pool.maxNodes,
    spot: false,
    ...offeredBy(pool),
    labels: {
      ...pool.nodeSelector,
      'nvidia.com/gpu.present': 'true',
      'nvidia.com/gpu.count': String(pool.gpusPerNode),
    },
    taints: [],
  };
}

/** The environment of an existing cluster does not say what disks its nodes have. */
const EXISTING_DISK_GIB = 500;

/** What a node of a GPU pool offers. */
function offeredBy(pool: GpuPool): Pick<SimulatedPool, 'allocatable' | 'gpus' | 'accelerator'> {
  const { gpusPerNode: gpus, accelerator, localDiskGib: diskGib = EXISTING_DISK_GIB } = pool;
  return { allocatable: allocatable({ ...pool.allocatable, diskGib, gpus }), gpus, accelerator: gpuOf(accelerator) };
}

/** Labels that GKE puts on its nodes (GKE documentation, "Add and manage cluster and node pool labels"). */
function gkeLabels(pool: string, machineType: string, spot: boolean): Record<string, string> {
  return {
    'cloud.google.com/gke-nodepool': pool,
    'cloud.google.com/gke-os-distribution': 'cos',
    'cloud.google.com/machine-family': machineType.split('-')[0] ?? machineType,
    ...(spot && { 'cloud.google.com/gke-spot': 'true', 'cloud.google.com/gke-provisioning': 'spot' }),
  };
}

interface Offered {
  readonly cpus: number;
  readonly memoryGib: number;
  readonly diskGib: number;
  readonly gpus: number;
}

function allocatable({ cpus, memoryGib, diskGib, gpus }: Offered): Record<string, string> {
  return {
    cpu: `${Math.floor(cpus * 1000)}m`,
    memory: `${Math.floor(memoryGib * 1024)}Mi`,
    'ephemeral-storage': `${Math.floor(diskGib)}Gi`,
    pods: String(PODS_PER_NODE),
    ...(gpus > 0 && { 'nvidia.com/gpu': String(gpus) }),
  };
}

/** GiB a vCPU of general-purpose machine types (Compute Engine documentation, "General-purpose machine family"). */
const GIB_A_VCPU: Readonly<Record<string, number>> = { standard: 4, highmem: 8, highcpu: 1 };
const UNKNOWN_MACHINE = { vcpus: 4, memoryGib: 16 };

function generalPurpose(machineType: string): { vcpus: number; memoryGib: number } {
  const [, kind = '', vcpus = ''] = /^\w+-(\w+)-(\d+)$/.exec(machineType) ?? [];
  const gib = GIB_A_VCPU[kind];
  return gib === undefined ? UNKNOWN_MACHINE : { vcpus: Number(vcpus), memoryGib: Number(vcpus) * gib };
}
