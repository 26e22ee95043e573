import { describe, expect, it } from 'vitest';
import { measuredOf } from '../../../bin/capacity-command';
import { type Capacity, capacity } from '../../../models/capacity/capacity';
import { llama31 } from '../../../models/catalog/llama-3.1-8b';
import { resnet50 } from '../../../models/catalog/resnet50';
import { resnet50Image } from '../../../models/catalog/resnet50-image';
import { defineModel, type Model } from '../../../models/model';

const ENGINE = {
  measured: 'a test',
  service: [
    { requests: 1, seconds: 6 },
    { requests: 64, seconds: 24 },
  ],
  firstTokenSeconds: 0.5,
};
const IMAGES = {
  measured: 'a test',
  service: [
    { requests: 1, seconds: 0.004 },
    { requests: 32, seconds: 0.032 },
  ],
};
const promising = (seconds: number): Model =>
  ({ ...llama31, promise: { firstToken: { p95Seconds: seconds } } }) as Model;

describe('capacity', () => {
  it('takes the fewest replicas that keep the promise', () => {
    const one = capacity(promising(2), { ratePerSecond: 20, measured: ENGINE });
    expect(one.budget).toMatchObject({ seconds: 1.5, from: expect.stringContaining('first token') });
    expect(one.figures.p95WaitSeconds).toBeLessThanOrEqual(1.5);
    const fewer = capacity(promising(2), { ratePerSecond: (20 * one.replicas) / (one.replicas - 1), measured: ENGINE });
    expect(fewer.replicas).toBeGreaterThan(one.replicas);
    expect(one.keepsPerSecond * one.replicas).toBeGreaterThanOrEqual(20 * 0.999);
    expect(one.keepsPerSecond * (one.replicas - 1)).toBeLessThan(20);
  });

  it('needs no fewer replicas for a shorter promise, more load, or work that varies more', () => {
    const replicas = (seconds: number, ratePerSecond: number, cv = 1) =>
      capacity(promising(seconds), { ratePerSecond, measured: { ...ENGINE, cv } }).replicas;
    expect(replicas(0.51, 300)).toBeGreaterThan(replicas(8, 300));
    expect(replicas(2, 300)).toBeGreaterThan(replicas(2, 200));
    expect(replicas(0.6, 300, 3)).toBeGreaterThanOrEqual(replicas(0.6, 300, 0));
  });

  it('never plans a replica for more than a tenth below what it can do: an autoscaler does not see less', () => {
    const { keepsPerSecond, queue } = capacity(resnet50, { ratePerSecond: 500, measured: IMAGES });
    expect(keepsPerSecond / queue.mostPerSecond).toBeLessThanOrEqual(1 / 1.1);
    expect(keepsPerSecond / queue.mostPerSecond).toBeGreaterThan(0.9);
  });

  it('takes the shortest of what is promised, and says what it could not use', () => {
    const queue = { policy: { timeoutMicros: 50_000 } };
    const batching = { kind: 'dynamic' as const, maxBatch: 32, queue };
    const model = defineModel({ ...resnet50, backend: { ...resnet50.backend, batching } as Model['backend'] });
    const { budget } = capacity(model, { ratePerSecond: 500, measured: IMAGES });
    expect(budget).toMatchObject({ seconds: 0.05, from: expect.stringContaining('queue policy') });
    const { firstTokenSeconds: _, ...unmeasured } = ENGINE;
    expect(capacity(promising(2), { ratePerSecond: 1, measured: unmeasured })).toMatchObject({
      budget: { seconds: 36, from: expect.stringContaining('deadline') },
      unused: [{ unused: expect.stringContaining('--first-token-seconds') }],
    });
  });

  it('adds what the batcher holds requests back for', () => {
    const held = capacity(resnet50, { ratePerSecond: 500, measured: IMAGES }).figures;
    const batching = { kind: 'dynamic' as const, maxBatch: 32 };
    const model = defineModel({ ...resnet50, backend: { ...resnet50.backend, batching } as Model['backend'] });
    const free = capacity(model, { ratePerSecond: 500, measured: IMAGES }).figures;
    expect(held.p95WaitSeconds - free.p95WaitSeconds).toBeCloseTo(0.002, 9);
  });

  it('has a target that a replica reaches at the load it is planned for', () => {
    const { target, queue, replicas, keepsPerSecond } = capacity(promising(2), { ratePerSecond: 20, measured: ENGINE });
    expect(target.inFlight).toBeLessThan(queue.together);
    const full = capacity(promising(2), { ratePerSecond: keepsPerSecond * replicas, measured: ENGINE });
    expect(full.figures.meanInFlight).toBeCloseTo(target.inFlight, 6);
  });

  it('has a warm floor that a spike of that size is late without', () => {
    const demand = { ratePerSecond: 20, measured: ENGINE, spike: 3, scale: { min: 1, max: 200 } };
    const first = capacity(promising(2), demand);
    expect(first.spike.late).toBeGreaterThan(0);
    const min = first.floor.replicas;
    const warm: Capacity = capacity(promising(2), { ...demand, scale: { min, max: 200 } });
    expect(warm.spike.late).toBe(0);
    expect(warm.spike.rounds[0]).toEqual({ seconds: 0, replicas: min });
    expect(capacity(promising(2), { ...demand, scale: { min: min - 1, max: 200 } }).spike.late).toBeGreaterThan(0);
    // What the replicas carry anyway is where lateness begins.
    const { carries } = first.floor;
    expect(capacity(promising(2), { ...demand, spike: carries * 0.99 }).spike.late).toBe(0);
    expect(capacity(promising(2), { ...demand, spike: carries * 1.01 }).spike.late).toBeGreaterThan(0);
  });

  it('needs the warmer a floor the later new replicas are ready', () => {
    const floorOf = (loadSeconds: number) => {
      const known = { nodeSeconds: 0, fetchSeconds: 0, loadSeconds };
      return capacity(promising(2), { ratePerSecond: 20, measured: ENGINE, known, scale: { min: 1, max: 200 } });
    };
    expect(floorOf(5).ready.seconds).toBe(90);
    expect(floorOf(5).floor.replicas).toBeLessThan(floorOf(600).floor.replicas);
    expect(floorOf(5).floor.carries).toBeGreaterThan(floorOf(600).floor.carries);
  });

  it('refuses a promise that no number of replicas keeps', () => {
    expect(() => capacity(promising(0.4), { ratePerSecond: 1, measured: ENGINE })).toThrow(
      /no number of replicas keeps it/,
    );
  });

  it('refuses an ensemble, and says what to ask about', () => {
    expect(() => capacity(resnet50Image, { ratePerSecond: 1, measured: IMAGES })).toThrow(/ask about the member/);
  });
});

describe('what a model declares', () => {
  it('is checked with the model: points by rising requests, and where they come from', () => {
    const declared = (capacityOf: unknown) => () => defineModel({ ...llama31, capacity: capacityOf } as Model);
    expect(declared(ENGINE)().capacity).toEqual(ENGINE);
    expect(declared({ ...ENGINE, service: [...ENGINE.service].reverse() })).toThrow(/does not rise/);
    expect(declared({ ...ENGINE, service: [] })).toThrow(/service/);
    expect(declared({ ...ENGINE, measured: '' })).toThrow(/measured/);
  });

  it('holds where the command says nothing else', () => {
    const model = defineModel({ ...llama31, capacity: ENGINE } as Model);
    expect(measuredOf(model, { rps: '1' }, { '--rps': 1 })).toEqual(ENGINE);
    expect(measuredOf(model, { rps: '1' }, { '--rps': 1, '--cv': 0.5 })).toEqual({ ...ENGINE, cv: 0.5 });
    const stated = measuredOf(model, { rps: '1', serviceSeconds: '2' }, { '--rps': 1 });
    expect(stated.service).toEqual([{ requests: 1, seconds: 2 }]);
  });
});
