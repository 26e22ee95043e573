import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalog } from '../../../models/catalog';
import { memoryFit } from '../../../models/memory';
import { defineModel } from '../../../models/model';
import { configPbtxt, modelConfig } from '../../../models/repository/config-pbtxt';
import { repositoryLayout } from '../../../models/repository/layout';
import { configText, parseConfig } from '../../../models/repository/model-config';
import { tensorModel } from '../../support/models';

describe.each([...catalog])('%s', (name, model) => {
  it('has the repository that it had', async () => {
    const text = repositoryLayout(model)
      .map((entry) => `== ${entry.path}\n${'content' in entry ? entry.content : `(${entry.artifact})\n`}`)
      .join('');
    await expect(text).toMatchFileSnapshot(join(import.meta.dirname, '__goldens__', `${name}.txt`));
  });

  it('reads back as it was written', () => {
    expect(configText(parseConfig(configPbtxt(model), 'config.pbtxt'))).toBe(configPbtxt(model));
  });

  it('fits its GPU', () => {
    expect(memoryFit(model).fits).toBe(true);
  });
});

describe('config.pbtxt', () => {
  it('does not batch where nothing is to be batched', () => {
    expect(modelConfig(tensorModel('m', {}))).toMatchObject({ max_batch_size: 0 });
    expect(configPbtxt(tensorModel('m', {}))).not.toContain('dynamic_batching');
  });

  it('says what becomes of requests by their priority', () => {
    const model = tensorModel(
      'm',
      {},
      {
        batching: {
          kind: 'dynamic',
          maxBatch: 8,
          preferred: [4, 8],
          maxQueueDelayMicros: 500,
          queue: {
            policy: { maxSize: 64, timeoutMicros: 1_000_000, action: 'delay' },
            priorities: {
              levels: 2,
              default: 2,
              policies: { 1: { maxSize: 8, timeoutMicros: 7, action: 'reject', allowOverride: true } },
            },
          },
        },
      },
    );
    expect(modelConfig(model).dynamic_batching).toEqual({
      preferred_batch_size: [4, 8],
      max_queue_delay_microseconds: '500',
      default_queue_policy: { max_queue_size: 64, default_timeout_microseconds: '1000000', timeout_action: 'DELAY' },
      priority_levels: '2',
      default_priority_level: '2',
      priority_queue_policy: {
        1: {
          max_queue_size: 8,
          default_timeout_microseconds: '7',
          timeout_action: 'REJECT',
          allow_timeout_override: true,
        },
      },
    });
    expect(configText(parseConfig(configPbtxt(model), 'f'))).toBe(configPbtxt(model));
  });

  it('keeps sequences together', () => {
    const model = tensorModel(
      'm',
      {},
      {
        batching: {
          kind: 'sequence',
          maxBatch: 4,
          strategy: 'oldest',
          maxCandidates: 16,
          controls: { start: 'START', correlationId: 'ID' },
        },
      },
    );
    expect(modelConfig(model).sequence_batching).toMatchObject({
      oldest: { max_candidate_sequences: 16 },
      control_input: [{ name: 'START' }, { name: 'ID', control: [{ data_type: 'TYPE_UINT64' }] }],
    });
    expect(() => configPbtxt(model)).not.toThrow();
  });

  it('places instances, limits their rate, warms up, caches, and serves the versions asked for', () => {
    const model = tensorModel(
      'm',
      {
        versions: [{ version: 1 }, { version: 2, precision: 'fp16' }, { version: 3, precision: 'fp8' }],
        versionPolicy: { kind: 'specific', versions: [1, 3] },
        responseCache: true,
        warmup: [{ name: 'zeros', inputs: { IN: { dataType: 'FP32', dims: [4], data: 'zero' } } }],
      },
      {
        instances: [
          { count: 2, gpus: [0, 1], rateLimiter: { priority: 2, resources: [{ name: 'R', count: 4, global: true }] } },
          { count: 1, kind: 'cpu' },
        ],
      },
    );
    expect(modelConfig(model)).toMatchObject({
      version_policy: { specific: { versions: ['1', '3'] } },
      response_cache: { enable: true },
      instance_group: [
        {
          count: 2,
          kind: 'KIND_GPU',
          gpus: [0, 1],
          rate_limiter: { priority: 2, resources: [{ name: 'R', count: 4, global: true }] },
        },
        { count: 1, kind: 'KIND_CPU' },
      ],
      model_warmup: [{ name: 'zeros', batch_size: 1, inputs: { IN: { zero_data: true } } }],
    });
    expect(repositoryLayout(model).map(({ path }) => path)).toEqual([
      'm/config.pbtxt',
      'm/1/model.onnx',
      'm/2/model.onnx',
      'm/3/model.onnx',
    ]);
  });

  it('names the engine by the whole path of the version that is served', () => {
    const llama = catalog.get('llama-3.1-8b');
    if (llama === undefined) throw new Error('no llama');
    const two = defineModel({ ...llama, versions: [{ version: 1 }, { version: 2 }] });
    expect(modelConfig(two, { repository: '/repo' }).parameters).toMatchObject({
      gpt_model_path: { string_value: '/repo/llama-3.1-8b/2' },
    });
  });
});

describe('parseConfig', () => {
  it.each([
    ['name: "a"\nmax_batchsize: 3\n', 'line 2, column 1', 'did you mean max_batch_size?'],
    ['name: "a"\ninput [ { data_type: TYPE_FP33 } ]\n', 'line 2, column 22', 'did you mean TYPE_FP32?'],
    ['name: "a\n', 'line 1, column 7', 'invalid'],
    ['max_batch_size: "x"', 'line 1, column 17', 'expected an integer'],
    ['dynamic_batching { }\nsequence_batching { }', 'line 2, column 1', 'already set'],
    ['input [ { dims: [ 1, 2 ] }', 'line 1', 'end of input'],
  ])('%j', (text, where, what) => {
    expect(() => parseConfig(text, 'config.pbtxt')).toThrow(
      new RegExp(`${where}[\\s\\S]*${what.replaceAll('?', '\\?')}`),
    );
  });
});
