import type { ServerQueue } from './server-queue';

/**
 * Shares of what a pod can compute at a time, at which another replica is due before a load test has shown a better
 * figure (model.capacity): chosen in bench/autoscale, on days 1 to 3.
 *
 * Slots that compute apart are the load. Three quarters is also the most that a target may be, whatever a load test
 * showed: a pod that is full has to ask for more, and an autoscaler does not act on less than a tenth
 * (`--horizontal-pod-autoscaler-tolerance`), be it of the root.
 *
 * Requests of one batch may take longer together, and how much longer nobody said: at 0.4 of its slots a server may be at
 * 0.9 of what it can do.
 */
export const OCCUPIED = { slots: 0.75, batches: 0.4 } as const;

/** Requests that are computed in a pod on average when another replica is due, by a load test. */
export function occupiedTarget(computed: number, slots: number): number {
  return Math.min(computed, OCCUPIED.slots * slots);
}

/** What a pod tells an autoscaler that computes so many requests on average, in targets. Of batches the root is told. */
export function toldFigure({ discipline }: Pick<ServerQueue, 'discipline'>, computed: number, target: number): number {
  return discipline === 'slots' ? computed / target : Math.sqrt(computed / target);
}
