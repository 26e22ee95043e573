import { describe, expect, it } from 'vitest';
import { nimLlama31 } from '../../models/catalog/nim-llama-3.1-8b';
import { defineNim, nimGpuDemand, nimImage, nimQueueMetric } from '../../models/nim';
import { placeDemand } from '../../models/placement';
import { gpuPool } from '../support/models';

describe('a NIM', () => {
  it('is placed by the GPUs of its profile', () => {
    const two = defineNim({ ...nimLlama31, gpus: 2 });
    expect(
      placeDemand(two, nimGpuDemand(two), [gpuPool(), gpuPool({ name: 'two', gpusPerNode: 2 })], 'nim'),
    ).toMatchObject({
      pool: { name: 'two' },
      gpusPerPod: 2,
      podsPerReplica: 1,
    });
  });

  it('has an image of the versions file, and a gauge of its own', () => {
    expect(nimImage(nimLlama31).repository).toContain('nvcr.io/nim/');
    expect(nimQueueMetric(nimLlama31)).toMatchObject({ series: 'num_requests_waiting', target: 24 });
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(nimLlama31) && Object.isFrozen(nimLlama31.scale)).toBe(true);
  });

  it.each([
    ['another NIM', { nim: 'llama-3.1-8b-instruc' }, /did you mean llama-3.1-8b-instruct/],
    ['no cache', { cacheGib: 0 }, /cacheGib[\s\S]*at least 1/],
    ['min above max', { scale: { min: 3, max: 1 } }, /scale.min/],
    ['a key of a Triton model', { backend: {} }, /there is no such key/],
  ])('refuses %s', (_name, changes, message) => {
    expect(() => defineNim({ ...nimLlama31, ...changes } as never)).toThrow(message);
  });
});
