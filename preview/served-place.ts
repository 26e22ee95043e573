import type { CapacityNodes } from '../models/capacity/capacity-cost';
import type { KnownTimes } from '../models/capacity/time-to-ready';
import type { Scale } from '../models/model';
import { poolReplicas } from '../models/pool-replicas';
import { type PriceBook, priceBook } from '../models/price-book';
import type { Environment, ServedModel } from '../stacks/environment/environment';

/** What an environment says of a model that the model does not. */
export interface ServedPlace {
  /** No more than the pool holds. */
  readonly scale: Scale;
  readonly known: KnownTimes;
  /** Left out where the stack does not make the nodes: what they cost is not known. */
  readonly nodes?: CapacityNodes;
  readonly prices?: PriceBook;
}

/** Scale, time to ready and nodes of a model where it is served. */
export function servedPlace(environment: Environment, { model, placement, source }: ServedModel): ServedPlace {
  const { scale } = model;
  return {
    scale: { ...scale, max: Math.min(scale.max, poolReplicas(placement)) },
    // What lies on a claim is mounted.
    known: source.kind === 'claim' ? { fetchSeconds: 0 } : {},
    ...gkeNodes(environment, placement),
  };
}

function gkeNodes(
  environment: Environment,
  { pool, gpusPerPod, podsPerReplica }: ServedModel['placement'],
): Pick<ServedPlace, 'nodes' | 'prices'> {
  if (environment.kind !== 'gke' || gpusPerPod === 0) return {};
  const config = environment.pools.find((each) => each.name === pool.name)?.config;
  if (config === undefined) return {};
  return {
    prices: priceBook(environment.prices),
    nodes: {
      machineType: config.machineType,
      region: environment.platform.region,
      purchase: config.spot ? 'spot' : 'on-demand',
      diskGb: config.diskGb,
      gpusPerNode: pool.gpusPerNode,
      gpusPerPod,
      podsPerReplica,
    },
  };
}
