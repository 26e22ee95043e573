import { isUnpriced, poolCost } from '../models/cost';
import { clusterFee, type PriceBook, priceBook } from '../models/price-book';
import type { GkeEnvironment } from '../stacks/environment/environment';
import type { PlannedCost, PlannedPoolCost } from './plan';

interface Sizes {
  readonly name: string;
  readonly gpus: number;
  readonly machineType: string;
  readonly diskGb: number;
  readonly spot: boolean;
  readonly idle: number;
  readonly serving: number;
  readonly most: number;
}

/** What an environment costs at rest, with the least replicas of its models, and at most. */
export function environmentCost(environment: GkeEnvironment): PlannedCost {
  const book = priceBook(environment.prices);
  const pools = sizesOf(environment);
  const missing = new Set<string>();
  const sources = new Map<string, string>();
  const total = (size: 'idle' | 'serving' | 'most') =>
    pools.reduce((sum, pool) => {
      const cost = costOf(book, environment, pool, pool[size]);
      if (isUnpriced(cost)) {
        for (const each of cost.missing) missing.add(each);
        return sum;
      }
      for (const { source, date } of cost.sources) sources.set(source, date);
      return sum + cost.usdPerHour;
    }, clusterFee(book).usdPerHour);
  return {
    idle: total('idle'),
    serving: total('serving'),
    most: total('most'),
    pools: pools.map((pool) => pooled(book, environment, pool)),
    notCounted: [...missing, 'volumes, buckets, traffic, logs, taxes'],
    sources: [...sources].map(([source, date]) => `${source} (${date})`),
  };
}

function pooled(book: PriceBook, environment: GkeEnvironment, pool: Sizes): PlannedPoolCost {
  const { diskGb, ...shown } = pool;
  const cost = costOf(book, environment, pool, 1);
  return { ...shown, ...(!isUnpriced(cost) && { usdPerHour: cost.usdPerHour }) };
}

function costOf(book: PriceBook, { platform }: GkeEnvironment, pool: Sizes, nodes: number) {
  const { machineType, diskGb, spot } = pool;
  const purchase = spot ? 'spot' : 'on-demand';
  return poolCost(book, { machineType, region: platform.region, purchase, nodes, diskGb, diskType: 'pd-balanced' });
}

function sizesOf({ systemPool, pools, models }: GkeEnvironment): Sizes[] {
  const { machineType, diskGb, min, max } = systemPool;
  return [
    { name: 'system', gpus: 0, machineType, diskGb, spot: false, idle: min, serving: min, most: max },
    ...pools.map(({ name, config, gpusPerNode }) => {
      const gpus = models
        .filter(({ placement }) => placement.pool.name === name)
        .reduce((sum, { model, placement }) => sum + model.scale.min * placement.gpusPerPod, 0);
      return {
        name,
        gpus: gpusPerNode,
        machineType: config.machineType,
        diskGb: config.diskGb,
        spot: config.spot,
        idle: config.min,
        serving: Math.max(config.min, Math.ceil(gpus / gpusPerNode)),
        most: config.max,
      };
    }),
  ];
}
