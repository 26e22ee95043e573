import { capacity, declaredLoad } from '../models/capacity/capacity';
import type { Environment, ServedModel } from '../stacks/environment/environment';
import type { PlannedSpike } from './plan';
import { servedPlace } from './served-place';

/**
 * What a tenfold spike does to a model whose capacity is declared, from the load that its least replicas carry. Undefined
 * where nobody measured how long a replica takes.
 */
export function plannedSpike(environment: Environment, served: ServedModel): PlannedSpike | undefined {
  const { model } = served;
  const { capacity: measured } = model;
  const load = declaredLoad(model);
  if (measured === undefined || load === undefined) return undefined;
  const { scale, known } = servedPlace(environment, served);
  const ratePerSecond = load.keepsPerSecond * Math.max(1, scale.min);
  const { spike, floor } = capacity(model, { ratePerSecond, measured, scale, known });
  const { goneSeconds, longestWaitSeconds, late, came } = spike;
  return {
    times: spike.times,
    ratePerSecond: [ratePerSecond, spike.ratePerSecond],
    rounds: spike.rounds,
    needed: spike.needed,
    floor: floor.replicas,
    curve: spike.curve,
    ...(Number.isFinite(goneSeconds) && { gone: { goneSeconds, longestWaitSeconds, late, came } }),
  };
}
