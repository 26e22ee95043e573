import { type Arrivals, growing, type QueueFigures, UNSETTLED } from './queue-figures';

/** Slots of one replica, each of which computes one request, all of them slower the more are taken. */
export interface Slots {
  /** Requests in flight at most. */
  readonly slots: number;
  /** Seconds of one request while so many are in flight. */
  readonly secondsAt: (inFlight: number) => number;
  /** Coefficient of variation of the work of a request. */
  readonly cv: number;
}

/**
 * An engine with in-flight batching as a queue: c servers whose speed depends on how many of them are busy.
 *
 * With n requests in the replica, `min(n, c) / S(min(n, c))` are done a second: the birth-death process whose stationary
 * distribution is the product of rates (Kleinrock, Queueing Systems I, 1975, section 3.1). Where S is constant, it is
 * Erlang's M/M/c. That work and arrivals vary otherwise than M/M says is put right by Allen and Cunneen's factor (Allen,
 * Probability, Statistics and Queueing Theory, 1990, section 5.6): half of the sum of both squared coefficients of
 * variation, which is exact for c = 1 and Poisson arrivals (Pollaczek and Khinchine). Who waits at all waits an
 * exponential time, as in M/M/c (exact there; the usual tail: Whitt, Approximations for the GI/G/m queue, 1993).
 */
export function slotQueue(
  { ratePerSecond, cv: arrivalCv = 1 }: Arrivals,
  { slots, secondsAt, cv }: Slots,
): QueueFigures {
  const most = slots / secondsAt(slots);
  const utilization = ratePerSecond / most;
  if (utilization >= UNSETTLED) return growing(utilization);
  // Weights relative to the largest so far, so that none overflows with thousands of slots.
  let weight = 1;
  let total = 1;
  let computed = 0;
  for (let n = 1; n <= slots; n += 1) {
    weight *= (ratePerSecond * secondsAt(n)) / n;
    total += weight;
    computed += n * weight;
    if (weight > 1e200) {
      total /= weight;
      computed /= weight;
      weight = 1;
    }
  }
  // All n >= slots together: a geometric series from the last weight on.
  const full = weight / (1 - utilization);
  const all = total - weight + full;
  const busy = (computed - slots * weight + slots * full) / all;
  const waitShare = full / all;
  const conditional = (((arrivalCv ** 2 + cv ** 2) / 2) * (1 / most)) / (1 - utilization);
  const meanWaitSeconds = waitShare * conditional;
  const meanWaiting = ratePerSecond * meanWaitSeconds;
  return {
    utilization,
    waitShare,
    meanWaitSeconds,
    p95WaitSeconds: waitShare <= 0.05 ? 0 : conditional * Math.log(waitShare / 0.05),
    meanWaiting,
    meanInFlight: meanWaiting + busy,
  };
}
