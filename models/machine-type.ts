import type { AcceleratorName } from './accelerator';

/** A GPU machine type of Compute Engine: the number of GPUs follows from it and is never asked for twice. */
export interface MachineType {
  readonly name: string;
  readonly accelerator: AcceleratorName;
  /** GPUs of one machine, all in one NVLink or PCIe domain. */
  readonly gpus: number;
  readonly vcpus: number;
  /** Host memory, GiB (Compute Engine writes GB and means GiB). */
  readonly memoryGib: number;
}

type Row = readonly [name: string, gpus: number, vcpus: number, memoryGib: number];

// Compute Engine documentation, "GPU machine types" (accelerator-optimized A2 and G2 families).
const L4: readonly Row[] = [
  ['g2-standard-4', 1, 4, 16],
  ['g2-standard-8', 1, 8, 32],
  ['g2-standard-12', 1, 12, 48],
  ['g2-standard-16', 1, 16, 64],
  ['g2-standard-24', 2, 24, 96],
  ['g2-standard-32', 1, 32, 128],
  ['g2-standard-48', 4, 48, 192],
  ['g2-standard-96', 8, 96, 384],
];
const A100_40GB: readonly Row[] = [
  ['a2-highgpu-1g', 1, 12, 85],
  ['a2-highgpu-2g', 2, 24, 170],
  ['a2-highgpu-4g', 4, 48, 340],
  ['a2-highgpu-8g', 8, 96, 680],
  ['a2-megagpu-16g', 16, 96, 1360],
];
const A100_80GB: readonly Row[] = [
  ['a2-ultragpu-1g', 1, 12, 170],
  ['a2-ultragpu-2g', 2, 24, 340],
  ['a2-ultragpu-4g', 4, 48, 680],
  ['a2-ultragpu-8g', 8, 96, 1360],
];

const rows = (accelerator: AcceleratorName, table: readonly Row[]): MachineType[] =>
  table.map(([name, gpus, vcpus, memoryGib]) => ({ name, accelerator, gpus, vcpus, memoryGib }));

/** Every machine type that carries an accelerator the stack knows. */
export const MACHINE_TYPES: readonly MachineType[] = [
  ...rows('nvidia-l4', L4),
  ...rows('nvidia-tesla-a100', A100_40GB),
  ...rows('nvidia-a100-80gb', A100_80GB),
];

const BY_NAME = new Map(MACHINE_TYPES.map((type) => [type.name, type]));

/** The machine type of that name, or undefined where the stack does not know it. */
export function machineType(name: string): MachineType | undefined {
  return BY_NAME.get(name);
}

/** The names of the machine types that carry this accelerator, smallest first. */
export function machineTypesWith(accelerator: AcceleratorName): string[] {
  return MACHINE_TYPES.filter((type) => type.accelerator === accelerator).map((type) => type.name);
}

/** What pods may request of a node, after what GKE keeps for the kubelet, the system and eviction. */
export interface Allocatable {
  readonly cpus: number;
  readonly memoryGib: number;
}

// GKE documentation, "Plan GKE node sizes": each step is [up to, share reserved].
const CPU_RESERVED: readonly (readonly [number, number])[] = [
  [1, 0.06],
  [2, 0.01],
  [4, 0.005],
  [Number.POSITIVE_INFINITY, 0.0025],
];
const MEMORY_RESERVED: readonly (readonly [number, number])[] = [
  [4, 0.25],
  [8, 0.2],
  [16, 0.1],
  [128, 0.06],
  [Number.POSITIVE_INFINITY, 0.02],
];
const EVICTION_THRESHOLD_GIB = 100 / 1024;

/** What a GKE node of this size leaves to pods. */
export function gkeAllocatable(vcpus: number, memoryGib: number): Allocatable {
  return {
    cpus: vcpus - reserved(vcpus, CPU_RESERVED),
    memoryGib: memoryGib - reserved(memoryGib, MEMORY_RESERVED) - EVICTION_THRESHOLD_GIB,
  };
}

/** What the partitions of the node's operating system take of its boot disk, GiB: from GKE's example of a 100 GB disk. */
const SYSTEM_PARTITIONS_GIB = 11;

/**
 * GiB of its boot disk that a GKE node leaves to the local storage of pods: less the eviction threshold, 10 %, and the
 * system's reservation, the least of 50 %, 6 GiB and 35 %, and 100 GiB (GKE documentation, "Plan GKE node sizes").
 */
export function gkeLocalDiskGib(diskGb: number): number {
  const capacity = diskGb - SYSTEM_PARTITIONS_GIB;
  return Math.floor(capacity - 0.1 * capacity - Math.min(0.5 * capacity, 6 + 0.35 * capacity, 100));
}

function reserved(amount: number, steps: readonly (readonly [number, number])[]): number {
  let from = 0;
  let sum = 0;
  for (const [upTo, share] of steps) {
    if (amount <= from) break;
    sum += (Math.min(amount, upTo) - from) * share;
    from = upTo;
  }
  return sum;
}
