import type { Model } from '../model';
import { EXPECTED_NODE_SECONDS, fetchSeconds, loadSeconds } from '../startup';
import { sum } from '../sum';

/** One step between more load and a replica that takes a part of it. */
export interface ReadyStep {
  readonly name: 'signal' | 'node' | 'fetch' | 'load';
  readonly seconds: number;
  /** Where the figure comes from. */
  readonly from: string;
}

export interface TimeToReady {
  readonly seconds: number;
  readonly steps: readonly ReadyStep[];
}

/** Seconds that are known better than the stack's own. */
export interface KnownTimes {
  /** Until a node is there that can start the pod, driver and image included; 0 where nodes stand ready. */
  readonly nodeSeconds?: number;
  /** Until the model's files are on it; 0 where they are. */
  readonly fetchSeconds?: number;
  /** From the start of the server until it is ready. */
  readonly loadSeconds?: number;
}

/**
 * One scrape (constructs/metrics-monitor.ts), one sync of the HPA controller (`--horizontal-pod-autoscaler-sync-period`),
 * and the window in which more has to be asked for throughout (constructs/autoscaling/horizontal-autoscaler.ts).
 */
const SCRAPE_SECONDS = 10;
const SYNC_SECONDS = 15;
export const UP_SECONDS = 60;

/**
 * How long more load is without another replica, once the autoscaler's figure has passed its target: as is expected of
 * each step, or as it is known. The slowest fetch and the slowest disk are expected; a node that takes longer is not.
 */
export function timeToReady(model: Model, known: KnownTimes = {}): TimeToReady {
  const step = (name: ReadyStep['name'], given: number | undefined, own: number, from: string): ReadyStep =>
    given === undefined ? { name, seconds: own, from } : { name, seconds: given, from: 'as stated' };
  const steps = [
    step(
      'signal',
      undefined,
      SCRAPE_SECONDS + SYNC_SECONDS + UP_SECONDS,
      'one scrape, one sync of the autoscaler, and the window before it acts',
    ),
    step(
      'node',
      known.nodeSeconds,
      EXPECTED_NODE_SECONDS,
      'a new GPU node is there after 4 to 7 minutes (Triton, GKE marketplace)',
    ),
    step('fetch', known.fetchSeconds, fetchSeconds(model), 'files from object storage at 50 MiB/s'),
    step('load', known.loadSeconds, loadSeconds(model), 'server start, and reading the files from the slowest disk'),
  ];
  return { seconds: sum(steps.map(({ seconds }) => seconds)), steps };
}
