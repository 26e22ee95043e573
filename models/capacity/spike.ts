/** A rise of traffic that stays, met by what is ready until new replicas are. */
export interface Spike {
  /** Requests a second from its beginning on. */
  readonly ratePerSecond: number;
  /** Requests a second that the ready replicas do. */
  readonly readyPerSecond: number;
  /** Requests a second once the new replicas are ready as well. */
  readonly laterPerSecond: number;
  /** Seconds until then. */
  readonly readySeconds: number;
  /** Seconds that a request may wait. */
  readonly waitSeconds: number;
}

/** What a spike does to those who come during it. */
export interface SpikeOutcome {
  /** Requests that wait when the new replicas are ready. */
  readonly backlog: number;
  /** Seconds from the beginning of the spike until nothing waits any more; infinite where that never is. */
  readonly goneSeconds: number;
  /** Longest wait; infinite where the backlog never goes. */
  readonly longestWaitSeconds: number;
  /** Requests that wait longer than they may until the backlog is gone; infinite where it never goes. */
  readonly late: number;
  /** Requests that come until it is gone; infinite where it never goes. */
  readonly came: number;
  /** Waiting requests over time, for a picture: at the beginning, when replicas are ready, when nothing waits. */
  readonly curve: readonly { readonly seconds: number; readonly waiting: number }[];
}

/**
 * A spike as a fluid (Newell, Applications of Queueing Theory, 1982, chapter 2): requests flow in at one rate and are done
 * at another, first in first out, and what is more waits. Chance is left out: it is small beside a backlog that grows
 * for minutes.
 *
 * Whoever comes waits longest just before the new replicas are ready: `readySeconds × (1 - ready / rate)`.
 */
export function spikeOutcome(spike: Spike): SpikeOutcome {
  const { ratePerSecond: rate, readyPerSecond: ready, laterPerSecond: later, readySeconds, waitSeconds } = spike;
  const start = { seconds: 0, waiting: 0 };
  if (rate <= ready) {
    return { backlog: 0, goneSeconds: 0, longestWaitSeconds: 0, late: 0, came: 0, curve: [start] };
  }
  const backlog = (rate - ready) * readySeconds;
  const peak = { seconds: readySeconds, waiting: backlog };
  if (later <= rate) {
    const infinite = Number.POSITIVE_INFINITY;
    return {
      backlog,
      goneSeconds: infinite,
      longestWaitSeconds: infinite,
      late: infinite,
      came: infinite,
      curve: [start, peak],
    };
  }
  const goneSeconds = readySeconds + backlog / (later - rate);
  // Who is started at the time x came at the time (work done until x) / rate. Waits rise until the new replicas are
  // ready, and fall from then on.
  const longestWaitSeconds = readySeconds * (1 - ready / rate);
  const risen = waitSeconds / (1 - ready / rate);
  const fallen = (goneSeconds * (later - rate) - waitSeconds * rate) / (later - rate);
  const late = longestWaitSeconds <= waitSeconds ? 0 : (readySeconds - risen) * ready + (fallen - readySeconds) * later;
  return {
    backlog,
    goneSeconds,
    longestWaitSeconds,
    late,
    came: rate * goneSeconds,
    curve: [start, peak, { seconds: goneSeconds, waiting: 0 }],
  };
}

/**
 * Requests a second that have to be ready so that nobody waits longer than `waitSeconds` in a spike, however long it takes
 * until more is ready.
 */
export function readyForSpike(ratePerSecond: number, readySeconds: number, waitSeconds: number): number {
  return ratePerSecond * Math.min(1, Math.max(0, 1 - waitSeconds / readySeconds));
}
