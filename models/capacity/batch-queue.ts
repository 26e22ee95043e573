import { type Arrivals, growing, type QueueFigures, UNSETTLED } from './queue-figures';
import { slotQueue } from './slot-queue';

/** Instances of one replica that take what waits, up to a largest batch, as soon as one of them is free. */
export interface Batches {
  readonly maxBatch: number;
  /** Executions at the same time. */
  readonly instances: number;
  /** Seconds of a batch of so many requests: batches of one size take equally long. */
  readonly secondsAt: (batch: number) => number;
}

/** Moments of a pass at which arrivals are looked at: waits are exact to a fortieth of a pass. */
const MOMENTS = 40;
/** Shares of probability that are left out. */
const NEGLIGIBLE = 1e-12;
const SETTLED = 1e-10;
const MOST_STEPS = 100_000;

/**
 * A server with dynamic batching as a queue: Bailey's bulk service queue (J. R. Stat. Soc. B 16, 1954; Neuts' general bulk
 * service rule, Ann. Math. Stat. 38, 1967) with a pass that depends on its batch (Inoue, Queueing analysis of GPU-based
 * inference servers with dynamic batching, Performance Evaluation 147, 2021, arXiv:1912.06322).
 *
 * The Markov chain of what waits when a pass ends is solved as it is, so for one instance and Poisson arrivals the figures
 * are exact. Several instances are taken as one that is as many times faster, but for the time until one of them is free.
 * Arrivals that vary more lengthen waits by their squared coefficient of variation, which is Allen and Cunneen's factor
 * relative to constant service; those that vary less are taken for Poisson.
 *
 * Largest batches of 1 are {@link slotQueue}'s M/D/c.
 */
export function batchQueue(arrivals: Arrivals, batches: Batches): QueueFigures {
  const { ratePerSecond, cv: arrivalCv = 1 } = arrivals;
  const { maxBatch, instances, secondsAt } = batches;
  if (maxBatch === 1) return slotQueue(arrivals, { slots: instances, secondsAt: () => secondsAt(1), cv: 0 });
  const passes = Array.from({ length: maxBatch }, (_, index) => secondsAt(index + 1) / instances);
  const fullPass = passes[maxBatch - 1] as number;
  const utilization = (ratePerSecond * fullPass) / maxBatch;
  if (utilization >= UNSETTLED) return growing(utilization);

  const left = settled(ratePerSecond, passes, utilization);
  const waits = new Waits();
  // Who finds all idle starts a pass of one.
  waits.add(0, left[0] as number);
  let computed = 0;
  for (let batch = 1; batch <= maxBatch; batch += 1) {
    const pass = passes[batch - 1] as number;
    const ahead = aheadOf(left, batch, maxBatch);
    const chance = total(ahead);
    if (chance < NEGLIGIBLE) continue;
    computed += chance * batch * pass * instances;
    // Of those that come during this pass, each waits until an instance is free, and a full pass for each full batch
    // ahead. If instances ran on their own, the next would be free after the least of as many uniform times; but their
    // passes fall into step, and simulations wait about as long as if the square root of their number did.
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const gone = (moment + 0.5) / MOMENTS;
      const rest = pass * instances * (1 - gone ** (1 / Math.sqrt(instances)));
      const come = poisson(ratePerSecond * gone * pass);
      for (const [full, share] of fullBatches(ahead, come, maxBatch).entries()) {
        waits.add(rest + full * fullPass, (share * ratePerSecond * pass) / MOMENTS);
      }
    }
  }
  const factor = Math.max(1, arrivalCv ** 2);
  const meanWaitSeconds = waits.mean() * factor;
  const meanWaiting = ratePerSecond * meanWaitSeconds;
  return {
    utilization,
    waitShare: 1 - (left[0] as number) / waits.weight,
    meanWaitSeconds,
    p95WaitSeconds: waits.quantile(0.95) * factor,
    meanWaiting,
    // Little's law: requests that came, each for the pass of its batch.
    meanInFlight: meanWaiting + (ratePerSecond * computed) / waits.weight,
  };
}

/** The stationary distribution of what waits when a pass ends. */
function settled(ratePerSecond: number, passes: readonly number[], utilization: number): Float64Array {
  const maxBatch = passes.length;
  const come = passes.map((pass) => poisson(ratePerSecond * pass));
  // The tail falls by about exp(-2 (1 - utilization) / utilization) a request: 30 of its lengths are far below negligible.
  const decay = (2 * (1 - utilization)) / utilization;
  const states = maxBatch + Math.ceil(30 / decay) + 50;
  let now = Float64Array.from({ length: states }, (_, n) => Math.exp(-decay * n));
  scale(now, 1 / total(now));
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const next = new Float64Array(states);
    for (let n = 0; n < states; n += 1) {
      const chance = now[n] as number;
      if (chance < NEGLIGIBLE / states) continue;
      const batch = Math.min(Math.max(n, 1), maxBatch);
      const rest = Math.max(n, 1) - batch;
      const { from, shares } = come[batch - 1] as Poisson;
      for (let index = 0; index < shares.length; index += 1) {
        const to = Math.min(rest + from + index, states - 1);
        next[to] = (next[to] as number) + chance * (shares[index] as number);
      }
    }
    scale(next, 1 / total(next));
    const changed = next.reduce((sum, each, n) => sum + Math.abs(each - (now[n] as number)), 0);
    now = next;
    if (changed < SETTLED) break;
  }
  return now;
}

/** How many are left waiting when a pass of `batch` starts, by chance. */
function aheadOf(left: Float64Array, batch: number, maxBatch: number): Float64Array {
  if (batch === maxBatch) return left.slice(maxBatch);
  const chance = (left[batch] as number) + (batch === 1 ? (left[0] as number) : 0);
  return Float64Array.of(chance);
}

/** The chances that so many full batches are ahead of one who comes, by their number. */
function fullBatches(ahead: Float64Array, { from, shares }: Poisson, maxBatch: number): number[] {
  const chances: number[] = [];
  for (let index = 0; index < shares.length; index += 1) {
    const share = shares[index] as number;
    for (let rest = 0; rest < ahead.length; rest += 1) {
      const chance = share * (ahead[rest] as number);
      if (chance < NEGLIGIBLE) continue;
      const full = Math.floor((rest + from + index) / maxBatch);
      chances[full] = (chances[full] ?? 0) + chance;
    }
  }
  return Array.from(chances, (chance) => chance ?? 0);
}

/** A Poisson distribution without its negligible ends. */
interface Poisson {
  readonly from: number;
  readonly shares: readonly number[];
}

function poisson(mean: number): Poisson {
  // From the middle outwards, so that nothing underflows.
  const mode = Math.floor(mean);
  const up = [1];
  for (let share = 1, n = mode + 1; share > NEGLIGIBLE; n += 1) {
    share *= mean / n;
    up.push(share);
  }
  const down: number[] = [];
  for (let share = 1, n = mode; n > 0 && share > NEGLIGIBLE; n -= 1) {
    share *= n / mean;
    down.unshift(share);
  }
  const shares = [...down, ...up];
  const sum = total(shares);
  return { from: mode - down.length, shares: shares.map((share) => share / sum) };
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index] as number;
  return sum;
}

function scale(values: Float64Array, by: number): void {
  for (let index = 0; index < values.length; index += 1) values[index] = (values[index] as number) * by;
}

/** Waits with their weights. */
class Waits {
  weight = 0;
  private sum = 0;
  private readonly all: [seconds: number, weight: number][] = [];

  add(seconds: number, weight: number): void {
    this.all.push([seconds, weight]);
    this.weight += weight;
    this.sum += seconds * weight;
  }

  mean(): number {
    return this.sum / this.weight;
  }

  quantile(share: number): number {
    this.all.sort(([a], [b]) => a - b);
    let below = 0;
    for (const [seconds, weight] of this.all) {
      below += weight;
      if (below >= share * this.weight) return seconds;
    }
    return this.all.at(-1)?.[0] ?? 0;
  }
}
