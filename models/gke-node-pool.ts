import { gkeAllocatable, gkeLocalDiskGib, MACHINE_TYPES, machineType } from './machine-type';
import { didYouMean } from './parse';
import type { GpuPool } from './placement';
import { InputError } from './problem';

export interface GkeNodePool {
  readonly name: string;
  /** A GPU machine type of Compute Engine: accelerator, GPUs, CPU and memory follow from it. */
  readonly machineType: string;
  /** Nodes at most. */
  readonly maxNodes: number;
  /** Boot disk of a node, GB. @default 200 */
  readonly diskGb?: number;
  /** Nodes that can be taken away with 30 seconds' notice. @default false */
  readonly spot?: boolean;
}

/** What a node's boot disk holds where nothing is said, GB. */
const DEFAULT_DISK_GB = 200;

/**
 * A GPU node pool of GKE, as models are placed on it.
 *
 * @throws InputError where there is no such GPU machine type
 */
export function gkeNodePool({ name, maxNodes, diskGb = DEFAULT_DISK_GB, spot = false, ...pool }: GkeNodePool): GpuPool {
  const machine = machineType(pool.machineType);
  if (machine === undefined) {
    const known = MACHINE_TYPES.map((type) => type.name);
    const meant = didYouMean(pool.machineType, known);
    throw new InputError(`node pool ${name}`, [
      {
        key: 'machineType',
        value: pool.machineType,
        reason: 'is no machine type with GPUs that the stack knows',
        allowed: known.join(', '),
        ...(meant !== undefined && { fix: `did you mean ${meant}?` }),
      },
    ]);
  }
  return {
    name,
    accelerator: machine.accelerator,
    gpusPerNode: machine.gpus,
    maxNodes,
    allocatable: gkeAllocatable(machine.vcpus, machine.memoryGib),
    localDiskGib: gkeLocalDiskGib(diskGb),
    spot,
    nodeSelector: { 'cloud.google.com/gke-accelerator': machine.accelerator },
  };
}
