/** Requests as they come to one replica. */
export interface Arrivals {
  /** Requests a second. */
  readonly ratePerSecond: number;
  /** Coefficient of variation of the times between them. @default 1: they come independently of each other (Poisson) */
  readonly cv?: number;
}

/** How the requests of one replica fare, once things have settled. */
export interface QueueFigures {
  /** Requests that come, over the most that can be done: settled below 1 alone. */
  readonly utilization: number;
  /** Share of the requests that wait at all. */
  readonly waitShare: number;
  readonly meanWaitSeconds: number;
  /** 95 of 100 requests wait no longer. */
  readonly p95WaitSeconds: number;
  /** Requests that wait, on average. */
  readonly meanWaiting: number;
  /** Requests that wait or are computed, on average. */
  readonly meanInFlight: number;
}

/**
 * From this utilization on a queue is taken for one that does not settle: its wait is a multiple of a hundred service
 * times there, and it takes longer to settle than traffic stays the same.
 */
export const UNSETTLED = 0.99;

/** A queue that only grows. */
export function growing(utilization: number): QueueFigures {
  const infinite = Number.POSITIVE_INFINITY;
  return {
    utilization,
    waitShare: 1,
    meanWaitSeconds: infinite,
    p95WaitSeconds: infinite,
    meanWaiting: infinite,
    meanInFlight: infinite,
  };
}
