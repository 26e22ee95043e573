import type { Model, Scale } from '../model';
import { gpuDemand } from '../placement';
import { InputError } from '../problem';
import type { MeasuredCapacity } from './measured';
import type { Arrivals, QueueFigures } from './queue-figures';
import { type ServerQueue, serverQueue } from './server-queue';
import { readyForSpike, type SpikeOutcome, spikeOutcome } from './spike';
import { type KnownTimes, type TimeToReady, timeToReady } from './time-to-ready';
import { type UnusedPromise, type WaitBudget, waitBudgets } from './wait-budget';

/** What a model is asked to carry, and what is known of it. */
export interface CapacityDemand {
  /** Requests a second, of all replicas together. */
  readonly ratePerSecond: number;
  readonly measured: MeasuredCapacity;
  /** Coefficient of variation of the times between requests. @default 1: they come independently of each other */
  readonly arrivalCv?: number;
  /** Seconds that 95 of 100 requests may wait. @default the least of what the model promises */
  readonly waitSeconds?: number;
  /** How many times as many requests come in a spike. @default 10 */
  readonly spike?: number;
  /** @default as the stack reckons with */
  readonly known?: KnownTimes;
  /** @default the model's */
  readonly scale?: Scale;
}

/** @default spike of a {@link CapacityDemand}: the issue that autoscaling has to answer, not a forecast */
const SPIKE = 10;

/** What an autoscaler goes by: a replica's average at the largest load that keeps the promise. */
export interface CapacityTarget {
  /**
   * Requests that are computed: slots in use. It grows with the load from the first request on and ends where all slots are
   * taken, so that a backlog, which new replicas cannot take over, orders none: the best to scale on (bench/autoscale).
   */
  readonly computed: number;
  /** Requests that wait or are computed. */
  readonly inFlight: number;
  /** Requests that wait. It is close to 0 until a replica is full. */
  readonly waiting: number;
}

/** What a spike does. */
export interface CapacitySpike extends SpikeOutcome {
  readonly times: number;
  readonly ratePerSecond: number;
  /** Replicas when it begins, and once more are ready. */
  readonly replicas: { readonly ready: number; readonly later: number };
  /** Replicas that would keep the promise for as long as it lasts. */
  readonly needed: number;
  /** Seconds that a request may wait before it misses its deadline. */
  readonly deadlineWaitSeconds: number;
}

/** What follows from a load, a promise and a service rate. */
export interface Capacity {
  readonly model: string;
  readonly ratePerSecond: number;
  readonly queue: Pick<ServerQueue, 'discipline' | 'together' | 'instances' | 'mostPerSecond'>;
  /** How long 95 of 100 may wait: the shortest of what is promised. */
  readonly budget: WaitBudget;
  /** What is promised and cannot be held against a queue. */
  readonly unused: readonly UnusedPromise[];
  /** Requests a second that one replica takes and keeps the promise. */
  readonly keepsPerSecond: number;
  /** Least replicas that keep the promise. */
  readonly replicas: number;
  /** How requests fare with that many. */
  readonly figures: QueueFigures;
  readonly target: CapacityTarget;
  readonly ready: TimeToReady;
  /** Replicas that have to stand ready. */
  readonly floor: {
    /** So that requests of the spike meet their deadline, however long it takes until more is ready. */
    readonly replicas: number;
    /** How many times the load `Capacity.replicas` carry so; infinite where replicas come sooner than deadlines end. */
    readonly carries: number;
  };
  readonly spike: CapacitySpike;
  readonly scale: Scale;
}

/**
 * Derives replicas, targets and the warm floor from a promise.
 *
 * Each replica is a queue of its own that gets a random share of the requests, as a Service of Kubernetes hands out
 * connections; a gateway that knows who has least to do makes waits shorter.
 *
 * @throws InputError where the model is no single queue, or no number of replicas keeps the promise
 */
export function capacity(model: Model, demand: CapacityDemand): Capacity {
  const { ratePerSecond, measured, spike: times = SPIKE, scale = model.scale } = demand;
  const queue = serverQueue(model, measured, Math.max(1, gpuDemand(model).total));
  const { budgets, unused } = waitBudgets(model, queue, measured);
  const own = demand.waitSeconds === undefined ? [] : [{ seconds: demand.waitSeconds, from: 'as stated' }];
  const budget = (own[0] ?? budgets[0]) as WaitBudget;
  const fleet = { model: model.name, queue, budget, arrivalCv: demand.arrivalCv ?? 1 };
  const replicas = replicasFor(fleet, ratePerSecond);
  const keepsPerSecond = keeps(fleet, replicas);
  const kept = queue.figures(share(fleet, keepsPerSecond * replicas, replicas));
  const ready = timeToReady(model, demand.known);
  const deadline = budgets.find(({ from }) => from.startsWith('the deadline')) as WaitBudget;
  const deadlineWaitSeconds = Math.max(0, deadline.seconds);
  const spikeRate = ratePerSecond * times;
  const atStart = Math.min(Math.max(replicas, scale.min, 1), scale.max);
  const inTime = 1 - Math.min(1, deadlineWaitSeconds / ready.seconds);
  return {
    model: model.name,
    ratePerSecond,
    queue: {
      discipline: queue.discipline,
      together: queue.together,
      instances: queue.instances,
      mostPerSecond: queue.mostPerSecond,
    },
    budget,
    unused,
    keepsPerSecond,
    replicas,
    figures: queue.figures(share(fleet, ratePerSecond, replicas)),
    target: {
      computed: kept.meanInFlight - kept.meanWaiting,
      inFlight: kept.meanInFlight,
      waiting: kept.meanWaiting,
    },
    ready,
    floor: {
      replicas: Math.ceil(readyForSpike(spikeRate, ready.seconds, deadlineWaitSeconds) / queue.mostPerSecond),
      carries: inTime === 0 ? Number.POSITIVE_INFINITY : (replicas * queue.mostPerSecond) / (ratePerSecond * inTime),
    },
    spike: {
      ...spikeOutcome({
        ratePerSecond: spikeRate,
        readyPerSecond: atStart * queue.mostPerSecond,
        laterPerSecond: scale.max * queue.mostPerSecond,
        readySeconds: ready.seconds,
        waitSeconds: deadlineWaitSeconds,
      }),
      times,
      ratePerSecond: spikeRate,
      replicas: { ready: atStart, later: scale.max },
      needed: replicasFor(fleet, spikeRate),
      deadlineWaitSeconds,
    },
    scale,
  };
}

interface Fleet {
  readonly model: string;
  readonly queue: ServerQueue;
  readonly budget: WaitBudget;
  readonly arrivalCv: number;
}

/** What one of so many replicas gets: a random choice makes arrivals of any kind more like Poisson's. */
function share({ arrivalCv }: Fleet, ratePerSecond: number, replicas: number): Arrivals {
  return { ratePerSecond: ratePerSecond / replicas, cv: Math.sqrt(1 + (arrivalCv ** 2 - 1) / replicas) };
}

/**
 * The most of what a replica can do that it is planned for. An autoscaler acts on its figure only where it is more than a
 * tenth above the target (`--horizontal-pod-autoscaler-tolerance`): a replica that is planned for more would be left
 * with a queue that never empties.
 */
const PLANNED = 1 / 1.1;

function isKept({ queue, budget }: Fleet, arrivals: Arrivals): boolean {
  if (arrivals.ratePerSecond > queue.mostPerSecond * PLANNED) return false;
  return queue.figures(arrivals).p95WaitSeconds <= budget.seconds;
}

/** Requests a second that a request or a batch a day are, for every purpose. */
const HARDLY_ANY = 1e-5;

function replicasFor(fleet: Fleet, ratePerSecond: number): number {
  const { queue, budget, model } = fleet;
  if (!isKept(fleet, { ratePerSecond: HARDLY_ANY * queue.mostPerSecond })) {
    throw new InputError(`capacity of ${model}`, [
      {
        key: 'wait',
        value: budget.seconds,
        reason: `no number of replicas keeps it: requests may wait ${budget.seconds.toPrecision(3)} s by ${budget.from}`,
        fix: 'promise more time, or find what makes a request faster: a smaller batch, another GPU, more GPUs a replica',
      },
    ]);
  }
  let most = Math.max(1, Math.ceil(ratePerSecond / (queue.mostPerSecond * PLANNED)));
  let least = most - 1;
  while (!isKept(fleet, share(fleet, ratePerSecond, most))) {
    least = most;
    most *= 2;
  }
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2);
    if (isKept(fleet, share(fleet, ratePerSecond, middle))) most = middle;
    else least = middle;
  }
  return most;
}

/** Halvings until the largest rate is known to a thousandth. */
const STEPS = 12;

/** The largest rate of one replica among so many that keeps the promise. */
function keeps(fleet: Fleet, replicas: number): number {
  let low = 0;
  let high = fleet.queue.mostPerSecond * PLANNED;
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (isKept(fleet, share(fleet, middle * replicas, replicas))) low = middle;
    else high = middle;
  }
  return low;
}
