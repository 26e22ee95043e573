import type { Hardware } from './accelerator';
import type { Model } from './model';
import { InputError, type Problem } from './problem';
import { isLanguageModel, worldSize } from './spec/backend';
import { gpusOfInstances } from './spec/instances';

/** A group of like nodes that a model's pods can land on. */
export interface GpuPool {
  readonly name: string;
  readonly accelerator: Hardware;
  /** GPUs of one node; 0 without an accelerator. */
  readonly gpusPerNode: number;
  /** Nodes at most. */
  readonly maxNodes: number;
  /** What one node leaves to pods. */
  readonly allocatable: { readonly cpus: number; readonly memoryGib: number };
  /** GiB of one node's disk for the local storage of pods, where that is known. */
  readonly localDiskGib?: number;
  /** Nodes that can be taken away with 30 seconds' notice. */
  readonly spot: boolean;
  /** Labels that pods select the pool's kind of node by. */
  readonly nodeSelector: Readonly<Record<string, string>>;
}

/** Where the pods of a model go, and what each of them takes. */
export interface Placement {
  readonly pool: GpuPool;
  readonly gpusPerPod: number;
  /** Pods, on as many nodes, that hold one copy of the model together: more than 1 where pipeline stages span nodes. */
  readonly podsPerReplica: number;
  /** CPU cores, request and limit. */
  readonly cpus: number;
  /** Host memory, GiB, request and limit. */
  readonly memoryGib: number;
}

/** GPUs that one copy of a model needs, and how they may be split over nodes. */
export interface GpuDemand {
  /** All of them. */
  readonly total: number;
  /** The least that have to be in one node: ranks of tensor parallelism exchange activations in every layer. */
  readonly together: number;
}

/** What a model asks for: the ranks of its engine, the GPUs that its instances name, the most of an ensemble's members. */
export function gpuDemand(model: Model): GpuDemand {
  const { backend, accelerator } = model;
  if (accelerator === 'none') return { total: 0, together: 0 };
  if (isLanguageModel(backend)) return { total: worldSize(backend), together: backend.tensorParallel ?? 1 };
  if (backend.kind === 'ensemble') {
    // Members share the GPUs of the pod, and the pod is one.
    const total = Math.max(...backend.steps.map((step) => gpuDemand(step.model).total));
    return { total, together: total };
  }
  const total = gpusOfInstances(backend.instances ?? []);
  return { total, together: total };
}

/**
 * The share of its GPUs' part of the node that a pod requests. The rest is for the DaemonSets of the system, the GPU
 * stack and monitoring, which run on every node beside it.
 */
const POD_SHARE = 0.8;

/**
 * The smallest pool whose nodes carry the model's accelerator and enough of them for one copy of it. Where none does,
 * stages of pipeline parallelism go to nodes of their own, each with the ranks of one stage.
 *
 * @param key - what messages call the model's place in the input
 */
export function place(model: Model, pools: readonly GpuPool[], key: string): Placement | Problem {
  return placeDemand(model, gpuDemand(model), pools, key);
}

/**
 * As {@link place}, for programs that have one place for a model or none.
 *
 * @throws InputError where no pool has the GPUs
 */
export function placeOn(model: Model, ...pools: readonly GpuPool[]): Placement {
  const placement = place(model, pools, 'placement');
  if ('reason' in placement) throw new InputError(`model ${model.name}`, [placement]);
  return placement;
}

/** As {@link place}, for anything that is known to need so many GPUs. */
export function placeDemand(
  model: Pick<Model, 'name' | 'accelerator'>,
  { total, together }: GpuDemand,
  pools: readonly GpuPool[],
  key: string,
): Placement | Problem {
  const whole = smallestPool(model, pools, total);
  if (whole !== undefined) return placement(whole, total, 1);
  const split = together < total ? smallestPool(model, pools, together) : undefined;
  if (split !== undefined) return placement(split, together, total / together);
  const offers = pools.map((each) => `${each.name}: ${nodeText(each.accelerator, each.gpusPerNode)}`).join('; ');
  const needed = nodeText(model.accelerator, together);
  return {
    key,
    value: model.name,
    reason: `one of its pods needs ${needed} on one node, and no pool offers that`,
    allowed: offers === '' ? 'there are no pools' : `the pools offer ${offers}`,
    fix: `add a pool of nodes with ${needed} or more, or take another model`,
  };
}

function nodeText(hardware: Hardware, gpus: number): string {
  return hardware === 'none' ? 'CPUs alone' : `${gpus} x ${hardware}`;
}

function smallestPool(
  { accelerator }: Pick<Model, 'accelerator'>,
  pools: readonly GpuPool[],
  gpus: number,
): GpuPool | undefined {
  return pools
    .filter((pool) => pool.accelerator === accelerator && pool.gpusPerNode >= gpus && pool.maxNodes > 0)
    .sort((a, b) => a.gpusPerNode - b.gpusPerNode || Number(a.spot) - Number(b.spot) || (a.name < b.name ? -1 : 1))[0];
}

function placement(pool: GpuPool, gpusPerPod: number, podsPerReplica: number): Placement {
  // Without GPUs nothing says how to divide a node: a pod takes what there is.
  const share = (pool.gpusPerNode === 0 ? 1 : gpusPerPod / pool.gpusPerNode) * POD_SHARE;
  return {
    pool,
    gpusPerPod,
    podsPerReplica,
    cpus: Math.floor(pool.allocatable.cpus * share * 10) / 10,
    memoryGib: Math.floor(pool.allocatable.memoryGib * share * 2) / 2,
  };
}

/** GPUs that a pool has when it is fully grown. */
export function poolGpus(pool: GpuPool): number {
  return pool.gpusPerNode * pool.maxNodes;
}
