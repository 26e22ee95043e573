import type { Counters } from './replica';

/** What a pod says when it is scraped. */
export interface Scrape extends Counters {
  /** Seconds of the simulation. */
  readonly at: number;
  readonly waiting: number;
  readonly inFlight: number;
}

/** Interval of the stack's monitors, seconds (constructs/metrics-monitor.ts). */
export const SCRAPE_SECONDS = 10;
/** How far back queries look, seconds. */
export const KEPT_SECONDS = 300;

/** What Prometheus has of a pod: its latest scrapes, the last one last, at least one. */
export type Sample = readonly Scrape[];

/** The last scrape. */
export function latest(sample: Sample): Scrape {
  return sample.at(-1) as Scrape;
}

/** How much counters have grown over so many seconds: `increase`, without its extrapolation. */
export function growth(sample: Sample, seconds: number): Counters & { readonly seconds: number } {
  const to = latest(sample);
  const from = sample.find(({ at }) => at >= to.at - seconds) as Scrape;
  return {
    seconds: to.at - from.at,
    waited: to.waited - from.waited,
    computed: to.computed - from.computed,
    answered: to.answered - from.answered,
    busy: to.busy - from.busy,
    passes: to.passes - from.passes,
  };
}
