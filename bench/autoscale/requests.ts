/** Requests by number, in the order in which they come, and what became of them. Seconds of the simulation. */
export interface Requests {
  readonly count: number;
  /** When they come, rising. */
  readonly at: Float64Array;
  /** Work relative to the mean request: 1 takes the seconds that are measured. */
  readonly work: Float64Array;
  /** When their waiting ended; NaN until then. */
  readonly started: Float64Array;
  /** When they were answered; NaN until then. */
  readonly done: Float64Array;
}

/** @param at - when they come, rising */
export function requestsOf(at: ArrayLike<number>, work: (index: number) => number): Requests {
  const count = at.length;
  return {
    count,
    at: Float64Array.from(at),
    work: Float64Array.from({ length: count }, (_, index) => work(index)),
    started: new Float64Array(count).fill(Number.NaN),
    done: new Float64Array(count).fill(Number.NaN),
  };
}

/** The same requests, untouched. */
export function fresh({ count, at, work }: Requests): Requests {
  return {
    count,
    at,
    work,
    started: new Float64Array(count).fill(Number.NaN),
    done: new Float64Array(count).fill(Number.NaN),
  };
}
