import type { Model, Scale } from '../model';
import { gpuDemand } from '../placement';
import { InputError } from '../problem';
import type { MeasuredCapacity } from './measured';
import { occupiedTarget, toldFigure } from './occupied';
import { type Arrivals, type QueueFigures, UNSETTLED } from './queue-figures';
import { isSingleQueue, type ServerQueue, serverQueue } from './server-queue';
import { type SpikeOutcome, spikeOutcome } from './spike';
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
    /** So that requests of the spike meet their deadline, while more get ready in rounds. */
    readonly replicas: number;
    /** How many times the load `Capacity.replicas` carry so. */
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
  const { ratePerSecond, spike: times = SPIKE, scale = model.scale } = demand;
  const { fleet, budgets, unused, replicas, keepsPerSecond, target } = keptLoad(model, demand);
  const { queue, budget } = fleet;
  const { computed } = target;
  const ready = timeToReady(model, demand.known);
  const deadline = budgets.find(({ from }) => from.startsWith('the deadline')) as WaitBudget;
  const deadlineWaitSeconds = Math.max(0, deadline.seconds);
  const spikeRate = ratePerSecond * times;
  const atStart = Math.min(Math.max(replicas, scale.min, 1), scale.max);
  const slots = queue.together * queue.instances;
  const told = (rate: number) => {
    const { meanInFlight, meanWaiting, utilization } = queue.figures({
      ratePerSecond: Math.min(rate, queue.mostPerSecond),
    });
    const inside = utilization < UNSETTLED ? meanInFlight - meanWaiting : slots;
    return toldFigure(queue, inside, occupiedTarget(computed, slots));
  };
  const spiking = (rate: number, from: number) =>
    spikeOutcome({
      ratePerSecond: rate,
      from,
      most: Math.max(from, scale.max),
      perReplica: queue.mostPerSecond,
      readySeconds: ready.seconds,
      waitSeconds: deadlineWaitSeconds,
      told,
    });
  const carried = (rate: number, from: number) => spiking(rate, from).longestWaitSeconds <= deadlineWaitSeconds;
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
    target,
    ready,
    floor: {
      replicas: least(Math.ceil(spikeRate / queue.mostPerSecond), (from) => carried(spikeRate, from)),
      carries: largest((more) => carried(ratePerSecond * more, replicas)),
    },
    spike: {
      ...spiking(spikeRate, atStart),
      times,
      ratePerSecond: spikeRate,
      needed: replicasFor(fleet, spikeRate),
      deadlineWaitSeconds,
    },
    scale,
  };
}

/** What keeps the promise, whatever a spike does. */
interface KeptLoad extends Pick<Capacity, 'unused' | 'keepsPerSecond' | 'replicas' | 'target'> {
  readonly fleet: Fleet;
  readonly budgets: readonly WaitBudget[];
}

/** The most load that keeps the promise, and what a replica tells at it. */
function keptLoad(
  model: Model,
  demand: Pick<CapacityDemand, 'ratePerSecond' | 'measured' | 'arrivalCv' | 'waitSeconds'>,
): KeptLoad {
  const { ratePerSecond, measured, arrivalCv = 1, waitSeconds } = demand;
  const queue = serverQueue(model, measured, Math.max(1, gpuDemand(model).total));
  const { budgets, unused } = waitBudgets(model, queue, measured);
  const own = waitSeconds === undefined ? [] : [{ seconds: waitSeconds, from: 'as stated' }];
  const budget = (own[0] ?? budgets[0]) as WaitBudget;
  const fleet = { model: model.name, queue, budget, arrivalCv };
  const replicas = replicasFor(fleet, ratePerSecond);
  const keepsPerSecond = keeps(fleet, replicas);
  const { meanInFlight, meanWaiting } = queue.figures(share(fleet, keepsPerSecond * replicas, replicas));
  const target = { computed: meanInFlight - meanWaiting, inFlight: meanInFlight, waiting: meanWaiting };
  return { fleet, budgets, unused, replicas, keepsPerSecond, target };
}

const declared = new WeakMap<Model, KeptLoad>();

/**
 * The most that one replica keeps its promise with, by the load test that the model declares. It is computed once a model:
 * a batching one's takes a tenth of a second, and its server, chart, plan and report each ask for it.
 *
 * @returns undefined where the model declares none, or is no single queue
 * @throws InputError where nothing keeps the promise
 */
export function declaredLoad(model: Model): KeptLoad | undefined {
  const { backend, capacity: measured } = model;
  if (measured === undefined || !isSingleQueue(backend)) return undefined;
  const load = declared.get(model) ?? keptLoad(model, { ratePerSecond: 1, measured });
  declared.set(model, load);
  return load;
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
  const kept = (replicas: number) => isKept(fleet, share(fleet, ratePerSecond, replicas));
  let most = Math.max(1, Math.ceil(ratePerSecond / (queue.mostPerSecond * PLANNED)));
  while (!kept(most)) most *= 2;
  return least(most, kept);
}

/** The least whole number from 1 on that is enough, where `most` is. */
function least(most: number, isEnough: (number: number) => boolean): number {
  let low = 0;
  let high = most;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Halvings until the largest rate is known to a thousandth. */
const STEPS = 12;

/** The largest rate of one replica among so many that keeps the promise. */
function keeps(fleet: Fleet, replicas: number): number {
  const most = fleet.queue.mostPerSecond * PLANNED;
  return largest((rate) => isKept(fleet, share(fleet, rate * replicas, replicas)), most);
}

/** More than any load rises by. */
const ENDLESS = 1000;

/** The largest number up to `most` that is possible, to a share of it that is a power of a half. */
function largest(
  isPossible: (number: number) => boolean,
  most = ENDLESS,
  steps = most === ENDLESS ? 2 * STEPS : STEPS,
): number {
  let low = 0;
  let high = most;
  for (let step = 0; step < steps; step += 1) {
    const middle = (low + high) / 2;
    if (isPossible(middle)) low = middle;
    else high = middle;
  }
  return low;
}
