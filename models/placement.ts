import type { AcceleratorName } from './accelerator';
import type { Model } from './model';
import type { Problem } from './problem';

/** A group of like nodes that GPU pods can land on. */
export interface GpuPool {
  readonly name: string;
  readonly accelerator: AcceleratorName;
  /** GPUs of one node. */
  readonly gpusPerNode: number;
  /** Nodes at most. */
  readonly maxNodes: number;
  /** What one node leaves to pods. */
  readonly allocatable: { readonly cpus: number; readonly memoryGib: number };
  /** Nodes that can be taken away with 30 seconds' notice. */
  readonly spot: boolean;
  /** Labels that pods select the pool's kind of node by. */
  readonly nodeSelector: Readonly<Record<string, string>>;
}

/** Where the pods of a model go, and what each of them takes. */
export interface Placement {
  readonly pool: GpuPool;
  readonly gpusPerPod: number;
  /** CPU cores, request and limit. */
  readonly cpus: number;
  /** Host memory, GiB, request and limit. */
  readonly memoryGib: number;
}

/** GPUs of one pod: the ranks of tensor parallelism, which stay within one node. */
export function gpusPerPod(model: Model): number {
  return model.backend.kind === 'tensorrtllm' ? (model.backend.tensorParallel ?? 1) : 1;
}

/**
 * The share of its GPUs' part of the node that a pod requests. The rest is for the DaemonSets of the system, the GPU
 * stack and monitoring, which run on every node beside it.
 */
const POD_SHARE = 0.8;

/**
 * The smallest pool whose nodes carry the model's accelerator and enough of them for one pod.
 *
 * @param key - what messages call the model's place in the input
 */
export function place(model: Model, pools: readonly GpuPool[], key: string): Placement | Problem {
  const gpus = gpusPerPod(model);
  const fitting = pools
    .filter((pool) => pool.accelerator === model.accelerator && pool.gpusPerNode >= gpus && pool.maxNodes > 0)
    .sort((a, b) => a.gpusPerNode - b.gpusPerNode || Number(a.spot) - Number(b.spot) || (a.name < b.name ? -1 : 1));
  const [pool] = fitting;
  if (pool === undefined) {
    const offers = pools.map((each) => `${each.name}: ${each.gpusPerNode} x ${each.accelerator}`).join('; ');
    return {
      key,
      value: model.name,
      reason: `one of its pods needs ${gpus} x ${model.accelerator} on one node, and no pool offers that`,
      allowed: offers === '' ? 'there are no GPU pools' : `the pools offer ${offers}`,
      fix: `add a pool of nodes with ${gpus} x ${model.accelerator} or more, or take another model`,
    };
  }
  const share = (gpus / pool.gpusPerNode) * POD_SHARE;
  return {
    pool,
    gpusPerPod: gpus,
    cpus: Math.floor(pool.allocatable.cpus * share * 10) / 10,
    memoryGib: Math.floor(pool.allocatable.memoryGib * share * 2) / 2,
  };
}

/** GPUs that a pool has when it is fully grown. */
export function poolGpus(pool: GpuPool): number {
  return pool.gpusPerNode * pool.maxNodes;
}
