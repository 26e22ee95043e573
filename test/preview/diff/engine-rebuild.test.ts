import { describe, expect, it } from 'vitest';
import { catalog } from '../../../models/catalog';
import { engineInputs } from '../../../models/engine/engine-inputs';
import { defineModel, type Model, type ModelSpec } from '../../../models/model';
import { modelChanges, modelPairs } from '../../../preview/diff/model-changes';
import { modelLines } from '../../../preview/diff/words';
import type { PlannedModel } from '../../../preview/plan';
import { engineModel, tensorModel } from '../../support/models';

const llama = catalog.get('llama-3.1-8b') as Model;

/** A planned model with its engine, and what else lines are told of. */
function planned(model: Model, changes: Partial<PlannedModel> = {}): PlannedModel {
  const engine = engineInputs(model);
  return {
    name: model.name,
    backend: model.backend.kind,
    accelerator: model.accelerator,
    gpusPerPod: 1,
    pool: 'l4',
    replicas: model.scale,
    workload: 'deployment',
    source: 'gs://models',
    startupSeconds: 1,
    loadSeconds: 1,
    ...(engine !== undefined && { engine }),
    ...changes,
  };
}

function changed(changes: Partial<ModelSpec>, backend: object = {}): Model {
  return defineModel({ ...llama, ...changes, backend: { ...llama.backend, ...backend } } as ModelSpec);
}

function told(before: PlannedModel | undefined, after: PlannedModel): string[] {
  const matched = modelPairs(before === undefined ? [] : [before], [after]);
  return modelChanges(matched).flatMap(modelLines);
}

describe('whether an engine has to be built again', () => {
  it.each<[string, Model, string]>([
    ['a longer prompt', changed({}, { maxInput: 3072 }), 'backend.maxInput 4096 → 3072'],
    ['fewer requests', changed({}, { maxBatch: 8 }), 'backend.maxBatch 64 → 8'],
    ['another cache', changed({}, { kvCache: 'bf16' }), 'backend.kvCache fp8 → bf16'],
    [
      'several',
      changed({}, { maxOutput: 512, maxNumTokens: 4096 }),
      'backend.maxNumTokens 8192 → 4096, backend.maxOutput 1024 → 512',
    ],
  ])('tells %s by its field', (_, model, fields) => {
    expect(told(planned(llama), planned(model))).toContain(`its engine has to be built again: ${fields}`);
  });

  it('names another GPU', () => {
    const fp16 = { precision: 'fp16' };
    const [on, to] = [engineModel({}, fp16), engineModel({ accelerator: 'nvidia-a100-80gb' }, fp16)];
    expect(told(planned(on), planned(to))).toContain(
      'its engine has to be built again: accelerator nvidia-l4 → nvidia-a100-80gb',
    );
  });

  it('says that it stays where nothing changes that it is built from', () => {
    const other = changed({ deadlineSeconds: 30, promise: {} }, { kvCacheFraction: 0.8, scheduler: 'max-utilization' });
    expect(engineInputs(other)).toEqual(engineInputs(llama));
    const lines = told(planned(llama), planned(other, { replicas: { min: 2, max: 4 } }));
    expect(lines).toContain('its engine stays: nothing that it is built from changes');
  });

  it('takes a default that is written out for what it was', () => {
    const written = changed({}, { maxNumTokens: 8192, family: 'llama', tensorParallel: 1 });
    expect(told(planned(llama), planned(written))).toEqual([]);
  });

  it('tells of a new model, and of one that becomes an engine, that it is to be built', () => {
    expect(told(undefined, planned(llama))).toContain('its engine is to be built');
    const { engine: _, ...before } = planned(llama);
    expect(told({ ...before, backend: 'vllm' }, planned(llama))).toContain(
      'its engine is to be built: it had none before',
    );
  });

  it('finds no change where an older version of the project told nothing of engines', () => {
    const { engine: _, ...before } = planned(llama);
    expect(told(before, planned(llama))).toEqual([]);
    expect(told({ ...before, pool: 'other' }, planned(llama))).toEqual(['pool other → l4']);
  });

  it('has nothing to say of what has no engine', () => {
    const model = tensorModel('resnet');
    expect(engineInputs(model)).toBeUndefined();
    expect(told(planned(model), planned(model, { pool: 'other' }))).toEqual(['pool l4 → other']);
  });

  it("knows the engines of an ensemble's members", () => {
    const member = engineModel({ name: 'llm' });
    const ensemble = defineModel({
      name: 'chain',
      accelerator: 'nvidia-l4',
      scale: { min: 1, max: 1 },
      backend: {
        kind: 'ensemble',
        maxBatch: 8,
        inputs: [
          { name: 'IDS', dataType: 'INT32', dims: [-1] },
          { name: 'LENGTH', dataType: 'INT32', dims: [1] },
          { name: 'MOST', dataType: 'INT32', dims: [1] },
        ],
        outputs: [{ name: 'OUT', dataType: 'INT32', dims: [-1, -1] }],
        steps: [
          {
            model: member,
            inputs: { input_ids: 'IDS', input_lengths: 'LENGTH', request_output_len: 'MOST' },
            outputs: { output_ids: 'OUT' },
          },
        ],
      },
    });
    expect(Object.keys(engineInputs(ensemble)?.inputs ?? {})).toContain('llm: backend.maxInput');
  });
});
