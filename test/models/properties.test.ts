import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalog } from '../../models/catalog';
import { explain } from '../../models/explain';
import { memoryFit } from '../../models/memory';
import { defineModel, type ModelSpec } from '../../models/model';
import { gpuDemand } from '../../models/placement';
import { configProblems } from '../../models/repository/check-config';
import { configPbtxt, modelConfig } from '../../models/repository/config-pbtxt';
import { repositoryLayout } from '../../models/repository/layout';
import { configText, parseConfig } from '../../models/repository/model-config';
import { isLanguageModel } from '../../models/spec/backend';
import { accepted, spec } from '../support/arbitrary-spec';

const RUNS = 700;

describe('any description that is accepted', () => {
  it('gives a config.pbtxt that reads back as it was, that our own check accepts, and the same bytes again', () => {
    let models = 0;
    fc.assert(
      fc.property(spec, (candidate) => {
        const model = accepted(candidate);
        if (model === undefined) return;
        models += 1;
        const text = configPbtxt(model);
        expect(configText(parseConfig(text, 'config.pbtxt'))).toBe(text);
        expect(configProblems(parseConfig(text, 'config.pbtxt'), model.name)).toEqual([]);
        expect(configPbtxt(defineModel(structuredClone(candidate)))).toBe(text);
        expect(JSON.stringify(repositoryLayout(model))).toBe(JSON.stringify(repositoryLayout(model)));
      }),
      { numRuns: RUNS },
    );
    // The generator is of use only while a good part of what it makes is accepted.
    expect(models).toBeGreaterThan(RUNS / 10);
  });

  it('has sizes that agree, and a memory layout that adds up', () => {
    fc.assert(
      fc.property(spec, (candidate) => {
        const model = accepted(candidate);
        if (model === undefined) return;
        const { backend } = model;
        const { total, together } = gpuDemand(model);
        expect(total % together).toBe(0);
        if (isLanguageModel(backend)) {
          expect(total).toBe((backend.tensorParallel ?? 1) * (backend.pipelineParallel ?? 1));
          expect(together).toBe(backend.tensorParallel ?? 1);
        }
        if (backend.kind === 'tensorrtllm') {
          const ranks = repositoryLayout(model).filter(({ path }) => path.endsWith('.engine'));
          expect(ranks).toHaveLength(total * (model.versions?.length ?? 1));
        }
        const groups = (modelConfig(model).instance_group ?? []) as { gpus?: number[] }[];
        for (const gpu of groups.flatMap(({ gpus = [] }) => gpus)) expect(gpu).toBeLessThan(total);

        const { layout } = memoryFit(model);
        const { gpu, weights, activations, context, kvCache, free } = layout;
        for (const part of [weights, activations, context, kvCache]) expect(part).toBeGreaterThanOrEqual(0);
        expect(Math.abs(weights + activations + context + kvCache + free - gpu)).toBeLessThan(1);
        const { memory, changes } = explain(model);
        if (memory.fits) {
          expect(free).toBeGreaterThanOrEqual(0);
          expect(changes).toEqual([]);
        } else {
          expect(memory.missing).toBeGreaterThan(0);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('any change of a description', () => {
  const models = [...catalog.values()].map((model) => JSON.parse(JSON.stringify(model)) as object);

  /** Puts a value at the n-th place of a tree. */
  function mutate(tree: unknown, place: { left: number }, value: unknown): unknown {
    if (place.left-- === 0) return value;
    if (Array.isArray(tree)) return tree.map((each) => mutate(each, place, value));
    if (tree === null || typeof tree !== 'object') return tree;
    return Object.fromEntries(Object.entries(tree).map(([key, each]) => [key, mutate(each, place, value)]));
  }

  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(undefined, Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1.5, '', '\u0000', 2 ** 53),
    fc.constantFrom('none', 'dynamic', 'ensemble', 'python', 'vllm', 'all', 'latest'),
  );

  it('throws nothing but our own error, and what it accepts has a config.pbtxt', () => {
    fc.assert(
      fc.property(fc.constantFrom(...models), fc.nat(120), value, (model, left, changed) => {
        const candidate = accepted(mutate(model, { left }, changed) as ModelSpec);
        if (candidate !== undefined) configPbtxt(candidate);
      }),
      { numRuns: RUNS * 2 },
    );
  });
});
