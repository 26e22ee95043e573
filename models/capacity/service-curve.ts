/** How long requests are computed while so many of them are computed together. */
export interface ServicePoint {
  /**
   * Requests that are computed together: of one batch, under dynamic batching; in flight in one replica, under in-flight
   * batching.
   */
  readonly requests: number;
  /** Seconds of that batch, or of one request from the end of its waiting to its last token. */
  readonly seconds: number;
}

/**
 * Seconds while `requests` are computed together, on straight lines between what was measured.
 *
 * Beside the measured points nothing is hoped for: below the first, it takes as long as there; above the last, no more
 * requests a second are done than there.
 *
 * @param points - at least one, by rising `requests`
 */
export function serviceSeconds(points: readonly ServicePoint[], requests: number): number {
  const after = points.findIndex((point) => point.requests >= requests);
  const next = points[after];
  const last = points.at(-1) as ServicePoint;
  if (next === undefined) return (last.seconds * requests) / last.requests;
  const before = points[after - 1];
  if (before === undefined) return next.seconds;
  const share = (requests - before.requests) / (next.requests - before.requests);
  return before.seconds + share * (next.seconds - before.seconds);
}

/** The number of requests, from 1 to `most`, that are computed together when most of them are done a second. */
export function bestTogether(points: readonly ServicePoint[], most: number): number {
  // Between points, requests over a line's seconds rise or fall all the way: the best is at a point or at an end.
  const candidates = [1, most, ...points.map(({ requests }) => requests).filter((each) => each > 1 && each < most)];
  const rate = (requests: number) => requests / serviceSeconds(points, requests);
  return candidates.reduce((best, each) => (rate(each) > rate(best) ? each : best));
}
