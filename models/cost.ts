import { z } from 'zod';
import { parseAll } from './parse';
import {
  type Citation,
  clusterFee,
  type HourlyPrice,
  isMissing,
  machinePrice,
  type PriceBook,
  PURCHASES,
  type StoragePrice,
  storagePrice,
} from './price-book';
import { sum } from './sum';

/** Hours of a month as Google's price lists count them: 365 × 24 / 12. */
export const HOURS_A_MONTH = 730;

/** Types of a node's boot disk that the book knows. */
export const DISK_TYPES = ['pd-balanced', 'pd-ssd'] as const;

const count = z.int().min(0);
const poolShape = {
  machineType: z.string().min(1),
  region: z.string().min(1),
  purchase: z.enum(PURCHASES),
  /** Boot disk of each node, as GKE writes it: GB, and means GiB. */
  diskGb: count,
  diskType: z.enum(DISK_TYPES),
};
const poolSchema = z.strictObject({ ...poolShape, nodes: count });
const servingSchema = z.strictObject({
  ...poolShape,
  /** Nodes that stay when nothing is served: the pool's least. */
  leastNodes: count,
  /** Replicas of the model while it is active. */
  replicas: z.int().min(1),
  /** Replicas that one node holds. */
  replicasPerNode: z.int().min(1),
  /** Share of a month's hours, 0 to 1, in which all `replicas` run. In the others the pool is at `leastNodes`. */
  utilization: z.number().min(0).max(1),
  /**
   * Tokens a second that one replica gives while it is active.
   *
   * @default - no cost per million tokens
   */
  tokensPerSecond: z.number().positive().optional(),
  /**
   * Share of the cluster's management fee, 0 to 1, that is counted with the model.
   *
   * @default - the fee is not counted
   */
  controlPlaneShare: z.number().min(0).max(1).optional(),
});

/** Nodes of one kind. */
export type PoolDemand = Readonly<z.infer<typeof poolSchema>>;
/** A model served on a pool of its own. */
export type ServingDemand = Readonly<z.infer<typeof servingSchema>>;

/** One line of a bill: `quantity` × `usdPerUnitHour` = `usdPerHour`. */
export interface CostPart {
  readonly name: 'nodes' | 'committed nodes' | 'node disks' | 'control plane';
  readonly quantity: number;
  readonly unit: 'node' | 'GiB' | 'cluster';
  readonly usdPerUnitHour: number;
  readonly usdPerHour: number;
  /** The price as it was looked up. */
  readonly price: HourlyPrice | StoragePrice;
}

/** What something costs an hour. What is not among `parts` is not counted. */
export interface Cost {
  readonly usdPerHour: number;
  readonly parts: readonly CostPart[];
  /** Each source of a price once. */
  readonly sources: readonly Citation[];
}

/** Hours of a month that cost the same. */
export interface MonthPart {
  readonly name: 'active' | 'idle';
  readonly hours: number;
  readonly usdPerHour: number;
  readonly usd: number;
}

export interface ServingCost {
  /** The pool at its least. */
  readonly idle: Cost & { readonly nodes: number };
  /** All replicas running. */
  readonly active: Cost & { readonly nodes: number };
  readonly month: {
    readonly hours: number;
    readonly utilization: number;
    readonly usd: number;
    readonly parts: readonly MonthPart[];
  };
  /** Left out where no throughput is stated. */
  readonly millionTokens?: {
    /** Of all replicas. */
    readonly tokensPerSecond: number;
    /** USD for a million tokens in the active hours alone. */
    readonly active: number;
    /** USD for a million tokens with the idle hours paid too; left out at a utilization of 0, which gives no tokens. */
    readonly month?: number;
  };
  /** What the figures hold, in words. */
  readonly counted: readonly string[];
  /** What a bill holds besides, in words. */
  readonly notCounted: readonly string[];
  /** Each source of a price once. */
  readonly sources: readonly Citation[];
}

/** A cost that cannot be told: every price that is missing. */
export interface Unpriced {
  readonly missing: readonly string[];
}

export function isUnpriced(cost: object): cost is Unpriced {
  return 'missing' in cost;
}

/**
 * Nodes and their boot disks, an hour.
 *
 * @throws InputError where a figure cannot be, such as half a node
 */
export function poolCost(book: PriceBook, demand: PoolDemand): Cost | Unpriced {
  const pool = parseAll('cost of a pool', poolSchema, demand);
  const rates = ratesOf(book, pool);
  if (isUnpriced(rates)) return rates;
  return costOf([nodePart('nodes', pool.nodes, rates), diskPart(pool.nodes, pool.diskGb, rates)]);
}

/**
 * What serving a model costs: idle, active, a month, and per million tokens.
 *
 * - Active nodes: `replicas` over `replicasPerNode`, rounded up, and never fewer than `leastNodes`.
 * - A month: `utilization` × 730 h active, the rest idle.
 * - A commitment is paid whether its machines run or not: with one, the active nodes are charged in idle hours too, and
 *   only their disks go away.
 *
 * @throws InputError where a figure cannot be, such as a utilization of 2
 */
export function servingCost(book: PriceBook, demand: ServingDemand): ServingCost | Unpriced {
  const serving = parseAll('serving cost', servingSchema, demand);
  const rates = ratesOf(book, serving);
  if (isUnpriced(rates)) return rates;
  const { leastNodes, replicas, replicasPerNode, utilization, controlPlaneShare } = serving;
  const activeNodes = Math.max(leastNodes, Math.ceil(replicas / replicasPerNode));
  const committed = serving.purchase.startsWith('commitment-');
  const at = (nodes: number) => ({
    nodes,
    ...costOf([
      committed ? nodePart('committed nodes', activeNodes, rates) : nodePart('nodes', nodes, rates),
      diskPart(nodes, serving.diskGb, rates),
      ...(controlPlaneShare === undefined ? [] : [controlPlanePart(controlPlaneShare, clusterFee(book))]),
    ]),
  });
  const idle = at(leastNodes);
  const active = at(activeNodes);
  const parts = [
    monthPart('active', utilization * HOURS_A_MONTH, active),
    monthPart('idle', (1 - utilization) * HOURS_A_MONTH, idle),
  ];
  const month = { hours: HOURS_A_MONTH, utilization, usd: sum(parts.map(({ usd }) => usd)), parts };
  return {
    idle,
    active,
    month,
    ...(serving.tokensPerSecond !== undefined && {
      millionTokens: millionTokens(replicas * serving.tokensPerSecond, active.usdPerHour, month),
    }),
    counted: [
      `${committed ? 'committed nodes' : 'nodes'}: ${serving.machineType} in ${serving.region}, ${serving.purchase}, GPUs included`,
      `node disks: ${serving.diskGb} GiB ${serving.diskType} each`,
      ...(controlPlaneShare === undefined
        ? []
        : [`control plane: ${Number((controlPlaneShare * 100).toFixed(2))} % of the cluster's management fee`]),
    ],
    notCounted: [
      ...(controlPlaneShare === undefined ? ["control plane: the cluster's management fee"] : []),
      'system pool, model volumes and buckets, network traffic, load balancers, logging and metrics, taxes, free tiers',
    ],
    sources: active.sources,
  };
}

interface Rates {
  readonly node: HourlyPrice;
  readonly disk: StoragePrice;
}

type PoolOf = Pick<PoolDemand, keyof typeof poolShape>;

function ratesOf(book: PriceBook, { machineType, region, purchase, diskType }: PoolOf): Rates | Unpriced {
  const node = machinePrice(book, { machineType, region, purchase });
  const disk = storagePrice(book, { kind: diskType, region });
  if (!isMissing(node) && !isMissing(disk)) return { node, disk };
  return { missing: [node, disk].flatMap((price) => (isMissing(price) ? [price.missing] : [])) };
}

function nodePart(name: 'nodes' | 'committed nodes', nodes: number, { node }: Rates): CostPart {
  return part(name, nodes, 'node', node.usdPerHour, node);
}

function diskPart(nodes: number, diskGb: number, { disk }: Rates): CostPart {
  return part('node disks', nodes * diskGb, 'GiB', disk.usdPerGibMonth / HOURS_A_MONTH, disk);
}

function controlPlanePart(share: number, fee: HourlyPrice): CostPart {
  return part('control plane', share, 'cluster', fee.usdPerHour, fee);
}

function part(
  name: CostPart['name'],
  quantity: number,
  unit: CostPart['unit'],
  usdPerUnitHour: number,
  price: CostPart['price'],
): CostPart {
  return { name, quantity, unit, usdPerUnitHour, usdPerHour: quantity * usdPerUnitHour, price };
}

function costOf(parts: readonly CostPart[]): Cost {
  const citations = parts.flatMap(({ price }) => [price, ...(price.discount === undefined ? [] : [price.discount])]);
  const sources = new Map(citations.map(({ source, date }) => [`${source}\n${date}`, { source, date }]));
  return { usdPerHour: sum(parts.map(({ usdPerHour }) => usdPerHour)), parts, sources: [...sources.values()] };
}

function monthPart(name: MonthPart['name'], hours: number, { usdPerHour }: Cost): MonthPart {
  return { name, hours, usdPerHour, usd: hours * usdPerHour };
}

function millionTokens(
  tokensPerSecond: number,
  usdPerHour: number,
  month: ServingCost['month'],
): NonNullable<ServingCost['millionTokens']> {
  const millionsAnHour = (tokensPerSecond * 3600) / 1e6;
  const millionsAMonth = millionsAnHour * month.hours * month.utilization;
  return {
    tokensPerSecond,
    active: usdPerHour / millionsAnHour,
    ...(month.utilization > 0 && { month: month.usd / millionsAMonth }),
  };
}
