import { describe, expect, it } from 'vitest';
import { nimLlama31 } from '../../models/catalog/nim-llama-3.1-8b';
import { defineNim, nimImage, nimLocalDiskGib, nimParallelism, nimQueueMetric, placeNimOn } from '../../models/nim';
import { gpuPool } from '../support/models';

describe('a NIM', () => {
  it('is placed by the GPUs of its profile', () => {
    const two = defineNim({ ...nimLlama31, gpus: 2 });
    expect(placeNimOn(two, gpuPool(), gpuPool({ name: 'two', gpusPerNode: 2 }))).toMatchObject({
      pool: { name: 'two' },
      gpusPerPod: 2,
      podsPerReplica: 1,
    });
    expect(() => placeNimOn(two, gpuPool())).toThrow(/NIM nim-llama-3.1-8b[\s\S]*needs 2 x nvidia-l4 on one node/);
  });

  it('is spread over all GPUs of its pod, or as its profile says', () => {
    expect(nimParallelism(nimLlama31)).toEqual({ NIM_TENSOR_PARALLEL_SIZE: '1' });
    expect(nimParallelism(defineNim({ ...nimLlama31, gpus: 4 }))).toEqual({ NIM_TENSOR_PARALLEL_SIZE: '4' });
    const profile = '07cd4f2bddd7a14ca84bab0a32602889fd0ae0eb76dc2eb0fc32594d065011a4';
    expect(nimParallelism(defineNim({ ...nimLlama31, gpus: 4, profile }))).toEqual({ NIM_MODEL_PROFILE: profile });
  });

  it('may fill as much disk beside its cache as the cache has', () => {
    expect(nimLocalDiskGib(nimLlama31)).toBeGreaterThan(nimLlama31.cacheGib);
  });

  it('has an image of the versions file, and a gauge of its own', () => {
    expect(nimImage(nimLlama31).repository).toContain('nvcr.io/nim/');
    expect(nimQueueMetric(nimLlama31)).toMatchObject({
      series: 'num_requests_running',
      target: 18,
      guard: { series: 'gpu_cache_usage_perc', target: 0.8 },
    });
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(nimLlama31) && Object.isFrozen(nimLlama31.scale)).toBe(true);
    const scale = { min: 0, max: 1, wake: { kind: 'prometheus', query: 'x' } } as const;
    expect(Object.isFrozen(defineNim({ ...nimLlama31, scale }).scale.wake)).toBe(true);
  });

  it.each([
    ['another NIM', { nim: 'llama-3.1-8b-instruc' }, /did you mean llama-3.1-8b-instruct/],
    ['no cache', { cacheGib: 0 }, /cacheGib[\s\S]*at least 1/],
    ['min above max', { scale: { min: 3, max: 1 } }, /scale.min/],
    ['the name of a profile', { profile: 'vllm-bf16-tp1-pp1' }, /not the id of a profile[\s\S]*64 hexadecimal/],
    ['zero without a wake source', { scale: { min: 0, max: 1 } }, /scale/],
    ['a key of a Triton model', { backend: {} }, /there is no such key/],
  ])('refuses %s', (_name, changes, message) => {
    expect(() => defineNim({ ...nimLlama31, ...changes } as never)).toThrow(message);
  });
});
