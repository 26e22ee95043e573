import type { Placement } from './placement';

/**
 * Copies of a model that its pool holds when it is fully grown and nothing else runs on it. Without bound for pods without
 * GPUs: how many fill a node is said by what they request.
 */
export function poolReplicas({ pool, gpusPerPod, podsPerReplica }: Placement): number {
  if (gpusPerPod === 0) return Number.POSITIVE_INFINITY;
  return Math.floor((Math.floor(pool.gpusPerNode / gpusPerPod) * pool.maxNodes) / podsPerReplica);
}
