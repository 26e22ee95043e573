import { describe, expect, it } from 'vitest';
import { catalog } from '../../models/catalog';
import { defineModel, type ModelSpec, withOverrides } from '../../models/model';
import { InputError } from '../../models/problem';
import { engineModel } from '../support/models';

function problemsOf(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ key }) => key);
    throw error;
  }
  return [];
}

describe('defineModel', () => {
  it('gives a model that nobody can change', () => {
    const model = engineModel();
    expect(Object.isFrozen(model)).toBe(true);
    expect(Object.isFrozen((model.backend as { architecture: object }).architecture)).toBe(true);
  });

  it('is not moved by what happens to its argument', () => {
    const spec = { ...engineModel(), scale: { min: 1, max: 2 } } as ModelSpec & { scale: { max: number } };
    const model = defineModel(spec);
    spec.scale.max = 9;
    expect(model.scale.max).toBe(2);
  });

  it.each<[string, () => unknown, string[]]>([
    [
      'FP8 weights on A100',
      () => engineModel({ accelerator: 'nvidia-tesla-a100' }, { precision: 'fp8' }),
      ['backend.precision'],
    ],
    [
      'FP8 cache on A100',
      () => engineModel({ accelerator: 'nvidia-a100-80gb' }, { kvCache: 'fp8' }),
      ['backend.kvCache'],
    ],
    ['heads that do not divide', () => engineModel({}, { tensorParallel: 3 }), ['backend.tensorParallel']],
    ['min above max', () => engineModel({ scale: { min: 3, max: 2 } }), ['scale.min']],
    ['no replica and nothing that wakes one', () => engineModel({ scale: { min: 0, max: 2 } }), ['scale.min']],
    [
      'something that wakes what never sleeps',
      () => engineModel({ scale: { min: 1, max: 2, wake: { kind: 'prometheus', query: 'up' } } }),
      ['scale.wake'],
    ],
    ['a batch of 0', () => engineModel({}, { maxBatch: 0 }), ['backend.maxBatch']],
    ['a name with capitals', () => engineModel({ name: 'Llama' }), ['name']],
    ['a name that is too long', () => engineModel({ name: 'x'.repeat(41) }), ['name']],
    ['an address without a scheme', () => engineModel({ repository: 'bucket/path' }), ['repository']],
    ['a release nobody knows', () => engineModel({}, { release: '0.7' }), ['backend.release']],
    [
      'several at once',
      () => engineModel({ name: '', scale: { min: -1, max: 0 } }),
      ['name', 'scale.min', 'scale.max'],
    ],
  ])('refuses %s', (_name, make, keys) => {
    expect(problemsOf(make)).toEqual(expect.arrayContaining(keys));
  });

  it('names the GPUs that have FP8', () => {
    expect(() => engineModel({ accelerator: 'nvidia-tesla-a100' }, { precision: 'fp8' })).toThrow(/nvidia-l4/);
  });
});

it('withOverrides changes name and scale alone', () => {
  const model = withOverrides(engineModel(), { name: 'other', scale: { min: 2, max: 3 } });
  expect(model).toEqual({ ...engineModel(), name: 'other', scale: { min: 2, max: 3 } });
});

it('the catalogue holds models under their own names', () => {
  expect([...catalog].every(([name, model]) => model.name === name)).toBe(true);
  expect(catalog.size).toBe(6);
});
