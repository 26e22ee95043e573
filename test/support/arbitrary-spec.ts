import fc from 'fast-check';
import { ACCELERATORS } from '../../models/accelerator';
import { defineModel, type Model, type ModelSpec } from '../../models/model';
import { InputError } from '../../models/problem';
import { KV_PRECISIONS, PRECISIONS } from '../../models/spec/precision';
import { DATA_TYPES } from '../../models/spec/tensor';

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,18}[a-z0-9]$/);
const tensorName = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_"\\ ]{0,10}$/);
const dims = fc.array(fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 2048 })), { minLength: 1, maxLength: 4 });
const input = fc.record(
  { name: tensorName, dataType: fc.constantFrom(...DATA_TYPES), dims, optional: fc.boolean(), ragged: fc.boolean() },
  { requiredKeys: ['name', 'dataType', 'dims'] },
);
const output = fc.record({ name: tensorName, dataType: fc.constantFrom(...DATA_TYPES), dims });
const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 3 });
const policy = fc.record(
  {
    maxSize: fc.integer({ min: 1, max: 1000 }),
    timeoutMicros: fc.integer({ min: 1, max: 1e9 }),
    action: fc.constantFrom('reject', 'delay'),
    allowOverride: fc.boolean(),
  },
  { requiredKeys: [] },
);
const size = fc.integer({ min: 1, max: 64 });
const batching = fc.oneof(
  fc.constant({ kind: 'none' }),
  fc.record(
    {
      kind: fc.constant('dynamic'),
      maxBatch: size,
      preferred: fc.array(size, { minLength: 1, maxLength: 3 }),
      maxQueueDelayMicros: fc.nat(10_000),
      preserveOrdering: fc.boolean(),
      queue: fc.record(
        {
          policy,
          priorities: fc.record(
            {
              levels: fc.integer({ min: 1, max: 4 }),
              default: fc.integer({ min: 1, max: 4 }),
              policies: fc.record({ 1: policy }),
            },
            { requiredKeys: ['levels', 'default'] },
          ),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['kind', 'maxBatch'] },
  ),
  fc.record(
    {
      kind: fc.constant('sequence'),
      maxBatch: size,
      strategy: fc.constantFrom('direct', 'oldest'),
      maxCandidates: size,
      maxIdleMicros: fc.integer({ min: 1, max: 1e9 }),
      controls: fc.record(
        { start: tensorName, end: tensorName, ready: tensorName, correlationId: tensorName },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['kind', 'maxBatch', 'strategy'] },
  ),
);
const instances = some(
  fc.record(
    {
      count: fc.integer({ min: 1, max: 4 }),
      kind: fc.constantFrom('gpu', 'cpu'),
      gpus: fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 4 }),
      rateLimiter: fc.record(
        { priority: fc.integer({ min: 1, max: 9 }), resources: some(fc.record({ name: tensorName, count: size })) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['count'] },
  ),
);
/** Backends from tensors to tensors. */
export const tensorBackend = fc.record(
  {
    kind: fc.constantFrom('onnxruntime', 'pytorch', 'tensorrt', 'python'),
    bytes: fc.integer({ min: 1, max: 1e10 }),
    inputs: some(input),
    outputs: some(output),
    batching,
    instances,
    workspaceBytes: fc.nat(1e9),
  },
  { requiredKeys: ['kind', 'bytes', 'inputs', 'outputs', 'batching'] },
);
const languageModel = fc
  .record({
    base: fc.record({
      kind: fc.constantFrom('tensorrtllm', 'llmapi', 'vllm'),
      precision: fc.constantFrom(...PRECISIONS),
      maxBatch: fc.integer({ min: 1, max: 512 }),
      maxInput: fc.integer({ min: 1, max: 32_768 }),
      maxOutput: fc.integer({ min: 1, max: 8192 }),
    }),
    more: fc.record(
      {
        kvCache: fc.constantFrom(...KV_PRECISIONS),
        tensorParallel: fc.constantFrom(1, 2, 4, 8),
        pipelineParallel: fc.constantFrom(1, 2),
        kvCacheFraction: fc.double({ min: 0.1, max: 0.95, noNaN: true }),
      },
      { requiredKeys: [] },
    ),
    streaming: fc.boolean(),
    architecture: fc.record({
      layers: fc.integer({ min: 2, max: 80 }),
      hidden: fc.constantFrom(1024, 4096, 8192),
      ffn: fc.constantFrom(4096, 14_336, 28_672),
      heads: fc.constantFrom(8, 32, 64),
      kvHeads: fc.constantFrom(1, 2, 4, 8),
      headDim: fc.constantFrom(64, 128),
      vocab: fc.constantFrom(32_000, 128_256),
    }),
  })
  .map(({ base, more, architecture, streaming }) => ({
    ...base,
    ...more,
    architecture,
    ...(base.kind !== 'vllm' && { release: '1.0', streaming }),
  }));
/** Descriptions of models, most of which contradict themselves. */
export const spec = fc
  .record({
    required: fc.record({
      name,
      backend: fc.oneof(tensorBackend, languageModel),
      accelerator: fc.constantFrom(...ACCELERATORS),
      scale: fc.record({ min: fc.integer({ min: 1, max: 3 }), max: fc.integer({ min: 3, max: 9 }) }),
    }),
    optional: fc.record(
      {
        deadlineSeconds: fc.integer({ min: 1, max: 3600 }),
        versions: fc
          .uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 })
          .map((all) => all.map((version) => ({ version }))),
        versionPolicy: fc.oneof(
          fc.constant({ kind: 'all' }),
          fc.record({ kind: fc.constant('latest'), count: fc.integer({ min: 1, max: 3 }) }),
          fc.record({ kind: fc.constant('specific'), versions: fc.constant([1]) }),
        ),
        responseCache: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ required, optional }) => ({ ...required, ...optional }) as unknown as ModelSpec);

/** The model, or undefined where its description is refused: with our kind of error, or the property is broken. */
export function accepted(candidate: ModelSpec): Model | undefined {
  try {
    return defineModel(candidate);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
