import { describe, expect, it } from 'vitest';
import { memoryFit } from '../../models/memory';
import { defineModel, type EnsembleBackend, type Model } from '../../models/model';
import { gpuDemand } from '../../models/placement';
import { InputError } from '../../models/problem';
import { queueMetric } from '../../models/queue-metric';
import { repositoryLayout } from '../../models/repository/layout';
import type { Input, Output } from '../../models/spec/tensor';
import { engineModel } from '../support/models';

function python(name: string, inputs: Input[], outputs: Output[], maxBatch = 8): Model {
  return defineModel({
    name,
    accelerator: 'nvidia-l4',
    scale: { min: 1, max: 1 },
    backend: {
      kind: 'python',
      bytes: 1000,
      inputs,
      outputs,
      batching: { kind: 'dynamic', maxBatch },
      instances: [{ count: 1, kind: 'cpu' }],
    },
  });
}

const text = (name: string): Input => ({ name, dataType: 'STRING', dims: [1] });
const count = (name: string): Input => ({ name, dataType: 'INT32', dims: [1] });
const ids = (name: string): Input => ({ name, dataType: 'INT32', dims: [-1] });

const engine = engineModel({ name: 'engine' }, { maxBatch: 8 });
const tokenize = python(
  'tokenize',
  [text('TEXT'), count('LENGTH')],
  [ids('IDS'), count('IDS_LENGTH'), count('OUTPUT_LENGTH')],
);
const detokenize = python(
  'detokenize',
  [{ name: 'IDS', dataType: 'INT32', dims: [-1, -1] }],
  [{ name: 'TEXT', dataType: 'STRING', dims: [-1] }],
);

function ensemble(changes: Partial<EnsembleBackend> = {}): Model {
  return defineModel({
    name: 'chat',
    accelerator: 'nvidia-l4',
    scale: { min: 1, max: 2 },
    backend: {
      kind: 'ensemble',
      maxBatch: 8,
      inputs: [text('text_input'), count('max_tokens')],
      outputs: [{ name: 'text_output', dataType: 'STRING', dims: [-1] }],
      steps: [
        {
          model: tokenize,
          inputs: { TEXT: 'text_input', LENGTH: 'max_tokens' },
          outputs: { IDS: '_ids', IDS_LENGTH: '_ids_length', OUTPUT_LENGTH: '_output_length' },
        },
        {
          model: engine,
          inputs: { input_ids: '_ids', input_lengths: '_ids_length', request_output_len: '_output_length' },
          outputs: { output_ids: '_tokens' },
        },
        { model: detokenize, inputs: { IDS: '_tokens' }, outputs: { TEXT: 'text_output' } },
      ],
      ...changes,
    },
  });
}

const [first, second, third] = (ensemble().backend as EnsembleBackend).steps as [
  EnsembleBackend['steps'][number],
  EnsembleBackend['steps'][number],
  EnsembleBackend['steps'][number],
];

describe('tokenize, model, detokenize', () => {
  it('has a repository with a folder for each', () => {
    const folders = new Set(repositoryLayout(ensemble()).map(({ path }) => path.split('/')[0]));
    expect([...folders]).toEqual(['chat', 'tokenize', 'engine', 'detokenize']);
  });

  it('takes the GPUs, the memory and the queue of its engine', () => {
    expect(gpuDemand(ensemble())).toEqual({ total: 1, together: 1 });
    expect(queueMetric(ensemble())).toEqual(queueMetric(engine));
    expect(memoryFit(ensemble()).layout.weights).toBe(memoryFit(engine).layout.weights);
  });
});

it('a chain of retrieval and generation hands documents on to the engine', () => {
  const embed = python('embed', [text('QUERY')], [{ name: 'VECTOR', dataType: 'FP32', dims: [384] }]);
  const search = python(
    'search',
    [{ name: 'VECTOR', dataType: 'FP32', dims: [-1] }],
    [{ name: 'DOCUMENTS', dataType: 'STRING', dims: [-1] }],
  );
  const prompt = python(
    'prompt',
    [text('QUERY'), { name: 'DOCUMENTS', dataType: 'STRING', dims: [-1] }],
    [text('PROMPT')],
  );
  const chain = ensemble({
    steps: [
      { model: embed, inputs: { QUERY: 'text_input' }, outputs: { VECTOR: '_vector' } },
      { model: search, inputs: { VECTOR: '_vector' }, outputs: { DOCUMENTS: '_documents' } },
      { model: prompt, inputs: { QUERY: 'text_input', DOCUMENTS: '_documents' }, outputs: { PROMPT: '_prompt' } },
      { ...first, inputs: { TEXT: '_prompt', LENGTH: 'max_tokens' } },
      second,
      third,
    ],
  });
  expect((chain.backend as EnsembleBackend).steps).toHaveLength(6);
});

describe('an ensemble that cannot run', () => {
  it.each<[string, Partial<EnsembleBackend>, string, RegExp]>([
    [
      'a tensor that nobody makes',
      { steps: [first, { ...second, inputs: { ...second.inputs, input_ids: '_idz' } }, third] },
      'backend.steps[1].inputs.input_ids',
      /nothing makes/,
    ],
    [
      'an input that nothing is handed to',
      { steps: [first, { ...second, inputs: { input_ids: '_ids', input_lengths: '_ids_length' } }, third] },
      'backend.steps[1].inputs',
      /needs request_output_len/,
    ],
    [
      'an input that the model has not',
      { steps: [first, { ...second, inputs: { ...second.inputs, temprature: 'max_tokens' } }, third] },
      'backend.steps[1].inputs.temprature',
      /no such input/,
    ],
    [
      'an output that the model has not',
      { steps: [first, { ...second, outputs: { tokens: '_tokens' } }, third] },
      'backend.steps[1].outputs.tokens',
      /no such output/,
    ],
    [
      'another type at the other end',
      { steps: [first, { ...second, inputs: { ...second.inputs, input_ids: 'text_input' } }, third] },
      'backend.steps[1].inputs.input_ids',
      /another type/,
    ],
    [
      'another shape at the other end',
      { outputs: [{ name: 'text_output', dataType: 'STRING', dims: [2, 2] }] },
      'backend.outputs[0]',
      /another shape/,
    ],
    [
      'a tensor that is made twice',
      { steps: [first, { ...second, outputs: { output_ids: '_ids' } }, third] },
      'backend.steps[1].outputs.output_ids',
      /made already/,
    ],
    [
      'a tensor that nobody takes',
      { steps: [first, { ...second, outputs: { ...second.outputs, sequence_length: '_spare' } }, third] },
      'backend.steps[1].outputs.sequence_length',
      /nobody takes/,
    ],
    [
      'an input that nobody takes',
      { inputs: [text('text_input'), count('max_tokens'), count('spare')] },
      'backend.inputs[2].name',
      /nobody takes/,
    ],
    [
      'an output that no step makes',
      { outputs: [{ name: 'else', dataType: 'STRING', dims: [-1] }] },
      'backend.outputs[0].name',
      /no step makes/,
    ],
    ['larger batches than a member takes', { maxBatch: 16 }, 'backend.maxBatch', /batches of 8 at most/],
    [
      'two members of one name',
      { steps: [first, second, { ...third, model: defineModel({ ...detokenize, name: 'tokenize' }) }] },
      'backend.steps[2].model.name',
      /name of another model/,
    ],
    [
      'a member that nobody checked',
      { steps: [{ ...first, model: { ...tokenize } as Model }, second, third] },
      'backend.steps[0].model',
      /is no model/,
    ],
  ])('%s', (_name, changes, key, reason) => {
    let problems: readonly { key: string; reason: string }[] = [];
    try {
      ensemble(changes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems = error.problems;
    }
    expect(problems).toContainEqual(expect.objectContaining({ key, reason: expect.stringMatching(reason) }));
  });
});
