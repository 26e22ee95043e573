import type { Model } from '../model';
import { InputError } from '../problem';
import { isLanguageModel, workingBackends } from '../spec/backend';
import { maxBatchSize } from '../spec/batching';
import { instanceCount, instancesOf } from '../spec/instances';
import { batchQueue } from './batch-queue';
import { DEFAULT_WORK_CV, type MeasuredCapacity } from './measured';
import type { Arrivals, QueueFigures } from './queue-figures';
import { bestTogether, serviceSeconds } from './service-curve';
import { slotQueue } from './slot-queue';

/** One replica of a model as a queue. */
export interface ServerQueue {
  /** `slots`: in-flight batching; `batches`: dynamic batching, or none. */
  readonly discipline: 'slots' | 'batches';
  /** Requests in flight, or of one batch, at most. */
  readonly together: number;
  /** Batches at the same time; 1 for slots. */
  readonly instances: number;
  /** Seconds of a request, or a batch, while so many are computed together. */
  readonly secondsAt: (requests: number) => number;
  /** Most requests a second: what a replica does while its queue never empties. */
  readonly mostPerSecond: number;
  /** How requests fare that come to this replica alone. */
  readonly figures: (arrivals: Arrivals) => QueueFigures;
}

/** Whether a replica is one queue: an ensemble is several, and with sequences requests wait for their own. */
export function isSingleQueue(backend: Model['backend']): boolean {
  if (isLanguageModel(backend)) return true;
  return backend.kind !== 'ensemble' && backend.batching.kind !== 'sequence';
}

/**
 * The queue that a replica of a model is.
 *
 * An engine takes no more requests together than it does most with: slots beyond that are not counted on.
 *
 * @param gpusPerPod - GPUs of one pod, each of which has its own instances
 * @throws InputError where the model is no single queue
 */
export function serverQueue(
  model: Pick<Model, 'name' | 'backend'>,
  { service, cv = DEFAULT_WORK_CV }: Pick<MeasuredCapacity, 'service' | 'cv'>,
  gpusPerPod = 1,
): ServerQueue {
  const { backend } = model;
  const secondsAt = (requests: number) => serviceSeconds(service, requests);
  if (isLanguageModel(backend)) {
    const together = backend.maxBatch;
    return {
      discipline: 'slots',
      together,
      instances: 1,
      secondsAt,
      mostPerSecond: together / secondsAt(together),
      figures: (arrivals) => slotQueue(arrivals, { slots: together, secondsAt, cv }),
    };
  }
  if (!isSingleQueue(backend) || backend.kind === 'ensemble') throw noSingleQueue(model);
  const together = bestTogether(service, Math.max(1, maxBatchSize(backend.batching)));
  const instances = Math.max(1, instanceCount(instancesOf(backend), gpusPerPod));
  const delay = backend.batching.kind === 'dynamic' ? (backend.batching.maxQueueDelayMicros ?? 0) / 1e6 : 0;
  return {
    discipline: 'batches',
    together,
    instances,
    secondsAt,
    mostPerSecond: (instances * together) / secondsAt(together),
    figures: (arrivals) =>
      heldBack(arrivals, batchQueue(arrivals, { maxBatch: together, instances, secondsAt }), delay),
  };
}

/** What a batcher holds requests back for is added in full: they wait no longer than that for others to join. */
function heldBack({ ratePerSecond }: Arrivals, figures: QueueFigures, seconds: number): QueueFigures {
  if (seconds === 0) return figures;
  return {
    ...figures,
    waitShare: 1,
    meanWaitSeconds: figures.meanWaitSeconds + seconds,
    p95WaitSeconds: figures.p95WaitSeconds + seconds,
    meanWaiting: figures.meanWaiting + ratePerSecond * seconds,
    meanInFlight: figures.meanInFlight + ratePerSecond * seconds,
  };
}

function noSingleQueue({ name, backend }: Pick<Model, 'name' | 'backend'>): InputError {
  const ensemble = backend.kind === 'ensemble';
  const members = workingBackends(backend).map(({ kind }) => kind);
  return new InputError(`capacity of ${name}`, [
    {
      key: 'backend',
      value: ensemble ? `ensemble of ${members.join(', ')}` : `${backend.kind} with sequence batching`,
      reason: ensemble
        ? 'each member has a queue of its own, and the queueing model knows one'
        : 'requests wait for their sequence, which the queueing model does not know',
      allowed: 'in-flight batching, dynamic batching, no batching',
      fix: ensemble ? 'ask about the member that does the fewest requests a second' : 'size it by a load test',
    },
  ]);
}
