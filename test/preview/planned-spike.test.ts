import { describe, expect, it } from 'vitest';
import { defineModel, type Model } from '../../models/model';
import { openEnvironment } from '../../preview/open-environment';
import { plannedSpike } from '../../preview/planned-spike';
import { servedPlace } from '../../preview/served-place';
import type { ServedModel } from '../../stacks/environment/environment';
import { ROOT } from '../support/environment-file';

const { environment } = openEnvironment(ROOT, 'prod');
const served = environment.models.find(({ model }) => model.name === 'llama-3.1-8b') as ServedModel;
const capacity = {
  measured: 'a load test',
  service: [
    { requests: 1, seconds: 6 },
    { requests: 64, seconds: 24 },
  ],
};
const as = (changes: Partial<Model>): ServedModel => ({
  ...served,
  model: defineModel({ ...served.model, ...changes }),
});

describe('servedPlace', () => {
  it('is bounded by the pool, has its price, and fetches what does not lie on a claim', () => {
    const { nodes, scale, known } = servedPlace(environment, as({ scale: { min: 1, max: 500 } }));
    expect(scale.max).toBeLessThan(500);
    expect(nodes).toMatchObject({ machineType: 'g2-standard-12', diskGb: 200 });
    expect(known).toEqual({});
    const source = { kind: 'claim', claimName: 'models', subPath: 'llama' } as const;
    expect(servedPlace(environment, { ...served, source } as ServedModel).known).toEqual({ fetchSeconds: 0 });
  });
});

describe('plannedSpike', () => {
  it('is missing where nobody measured how long a replica takes', () => {
    expect(served.model.capacity).toBeUndefined();
    expect(plannedSpike(environment, served)).toBeUndefined();
  });

  it('starts from what the least replicas carry, and tells how the backlog goes', () => {
    const spike = plannedSpike(environment, as({ capacity, scale: { min: 1, max: 12 } }));
    expect(spike?.ratePerSecond[1]).toBeCloseTo(10 * (spike?.ratePerSecond[0] as number), 9);
    expect(spike?.rounds[0]).toEqual({ seconds: 0, replicas: 1 });
    expect(spike?.curve.at(-1)).toEqual({ seconds: spike?.gone?.goneSeconds, waiting: 0 });
    expect(spike?.gone?.late).toBeGreaterThan(0);
  });

  it('goes on past the time when replicas are ready where all of them do less than comes', () => {
    const spike = plannedSpike(environment, as({ capacity, scale: { min: 4, max: 5 } }));
    expect(spike).not.toHaveProperty('gone');
    const waiting = spike?.curve.map((point) => point.waiting) ?? [];
    expect(waiting).toHaveLength(3);
    expect(waiting.toSorted((a, b) => a - b)).toEqual(waiting);
    expect(JSON.parse(JSON.stringify(spike))).toEqual(spike);
  });
});
