import { HOURS_A_MONTH, isUnpriced, poolCost, type Unpriced } from '../cost';
import { MACHINE_TYPES } from '../machine-type';
import type { Model } from '../model';
import { gpuDemand } from '../placement';
import { type Citation, type PriceBook, type Purchase, priceBook } from '../price-book';

/** The nodes that replicas stand on. */
export interface CapacityNodes {
  readonly machineType: string;
  readonly region: string;
  readonly purchase: Purchase;
  /** Boot disk, GiB. */
  readonly diskGb: number;
  /** GPUs of one node. */
  readonly gpusPerNode: number;
  /** GPUs of one pod. */
  readonly gpusPerPod: number;
  /** @default 1 */
  readonly podsPerReplica?: number;
}

/** What so many replicas cost while they stand. */
export interface CapacityCost {
  readonly replicas: number;
  readonly nodes: number;
  readonly gpus: number;
  readonly usdPerHour: number;
  readonly usdPerMonth: number;
  readonly sources: readonly Citation[];
}

/** Boot disk of a GPU node, GiB: the environments' default. */
const DISK_GIB = 200;

/** Nodes of the smallest machine type that holds one replica, on demand; undefined where none does. */
export function smallestNodes(model: Model, region = 'us-central1'): CapacityNodes | undefined {
  const { total } = gpuDemand(model);
  const machine = MACHINE_TYPES.find(({ accelerator, gpus }) => accelerator === model.accelerator && gpus >= total);
  if (machine === undefined || total === 0) return undefined;
  return {
    machineType: machine.name,
    region,
    purchase: 'on-demand',
    diskGb: DISK_GIB,
    gpusPerNode: machine.gpus,
    gpusPerPod: total,
  };
}

/** What replicas cost on these nodes, an hour and a month of them. */
export function capacityCost(
  replicas: number,
  nodes: CapacityNodes,
  book: PriceBook = priceBook(),
): CapacityCost | Unpriced {
  const { machineType, region, purchase, diskGb, gpusPerNode, gpusPerPod, podsPerReplica = 1 } = nodes;
  const podsPerNode = Math.max(1, Math.floor(gpusPerNode / gpusPerPod));
  const count = Math.ceil((replicas * podsPerReplica) / podsPerNode);
  const cost = poolCost(book, { machineType, region, purchase, nodes: count, diskGb, diskType: 'pd-balanced' });
  if (isUnpriced(cost)) return cost;
  return {
    replicas,
    nodes: count,
    gpus: replicas * podsPerReplica * gpusPerPod,
    usdPerHour: cost.usdPerHour,
    usdPerMonth: cost.usdPerHour * HOURS_A_MONTH,
    sources: cost.sources,
  };
}
