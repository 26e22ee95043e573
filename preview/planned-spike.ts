import { capacity } from '../models/capacity/capacity';
import { isSingleQueue } from '../models/capacity/server-queue';
import type { Environment, ServedModel } from '../stacks/environment/environment';
import type { PlannedSpike } from './plan';
import { servedPlace } from './served-place';

/**
 * What a tenfold spike does to a model whose capacity is declared, from the load that its least replicas carry. Undefined
 * where nobody measured how long a replica takes.
 */
export function plannedSpike(environment: Environment, served: ServedModel): PlannedSpike | undefined {
  const { model } = served;
  const { capacity: measured, backend } = model;
  if (measured === undefined || !isSingleQueue(backend)) return undefined;
  const { scale, known } = servedPlace(environment, served);
  const { keepsPerSecond } = capacity(model, { ratePerSecond: 1, measured });
  const ratePerSecond = keepsPerSecond * Math.max(1, scale.min);
  const { spike, ready, floor, queue } = capacity(model, { ratePerSecond, measured, scale, known });
  const { goneSeconds, longestWaitSeconds, late, came, backlog } = spike;
  const grows = spike.ratePerSecond - spike.replicas.later * queue.mostPerSecond;
  return {
    times: spike.times,
    ratePerSecond: [ratePerSecond, spike.ratePerSecond],
    replicas: { ...spike.replicas, needed: spike.needed, floor: floor.replicas },
    readySeconds: ready.seconds,
    ...(Number.isFinite(goneSeconds)
      ? { curve: spike.curve, gone: { goneSeconds, longestWaitSeconds, late, came } }
      : { curve: [...spike.curve, { seconds: 1.5 * ready.seconds, waiting: backlog + 0.5 * ready.seconds * grows }] }),
  };
}
