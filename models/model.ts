import { z } from 'zod';
import { ACCELERATORS, type AcceleratorName, accelerator, acceleratorsWithFp8 } from './accelerator';
import { parse, wording } from './parse';
import { InputError, type Problem } from './problem';
import { TENSORRTLLM_RELEASES, type TensorRtLlmRelease } from './versions';

/** The dimensions of a decoder-only transformer, as its Hugging Face `config.json` states them. */
export interface Architecture {
  readonly layers: number;
  readonly hidden: number;
  /** Width of the gated feed-forward layer (`intermediate_size`). */
  readonly ffn: number;
  readonly heads: number;
  /** Key-value heads; fewer than `heads` under grouped-query attention. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
}

/** TensorRT-LLM engines under Triton's `tensorrtllm` backend, batched in flight. */
export interface TensorRtLlmBackend {
  readonly kind: 'tensorrtllm';
  /** The TensorRT-LLM release that builds and runs the engine; it decides the server's image. */
  readonly release: TensorRtLlmRelease;
  readonly architecture: Architecture;
  readonly precision: 'fp16' | 'bf16' | 'fp8';
  /** @default the type of the activations: `fp16`, `bf16`; `fp8` where the weights are */
  readonly kvCache?: 'fp16' | 'bf16' | 'fp8' | 'int8';
  /** GPUs that share each layer; they are of one node. @default 1 */
  readonly tensorParallel?: number;
  /** Sequences that the engine runs at once. */
  readonly maxBatch: number;
  /** Tokens. */
  readonly maxInput: number;
  /** Tokens. */
  readonly maxOutput: number;
}

/** An ONNX model under Triton's `onnxruntime` backend. */
export interface OnnxRuntimeBackend {
  readonly kind: 'onnxruntime';
  /** Size of the model's files, bytes. */
  readonly bytes: number;
  readonly batching: DynamicBatching;
  /** Copies of the model on its GPU. @default 1 */
  readonly instances?: number;
}

/** Requests wait in Triton's queue to be joined into a batch. */
export interface DynamicBatching {
  readonly kind: 'dynamic';
  /** At least 1: Triton reads 0 as "does not batch" and ignores `dynamic_batching` then. */
  readonly maxBatch: number;
  /** Microseconds that a request may wait for others. @default 0: a batch is what waits when an instance is free */
  readonly maxQueueDelayMicros?: number;
}

export type Backend = TensorRtLlmBackend | OnnxRuntimeBackend;

/** How many replicas serve, least and most. */
export interface Scale {
  readonly min: number;
  readonly max: number;
}

/** What a model is and owes. Everything else (placement, probes, autoscaling, resources) is derived from it. */
export interface ModelSpec {
  /** Lowercase letters, digits, `-` and `.`; at most 40 characters. */
  readonly name: string;
  readonly backend: Backend;
  readonly accelerator: AcceleratorName;
  readonly scale: Scale;
  /** Seconds in which a request has to be answered; what is in flight at shutdown gets as long. @default 60 */
  readonly deadlineSeconds?: number;
  /**
   * Where the Triton model repository lies: `s3://bucket/path` or `gs://bucket/path`.
   *
   * @default the environment's model store, in a folder of the model's name
   */
  readonly repository?: string;
}

/** A checked, immutable {@link ModelSpec}. Only {@link defineModel} makes one. */
export type Model = ModelSpec & { readonly [checked]: true };
declare const checked: unique symbol;

const positive = z.int().min(1);
const architectureSchema = z.strictObject({
  layers: positive,
  hidden: positive,
  ffn: positive,
  heads: positive,
  kvHeads: positive,
  headDim: positive,
  vocab: positive,
});

const backendSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tensorrtllm'),
    release: z.enum(TENSORRTLLM_RELEASES),
    architecture: architectureSchema,
    precision: z.enum(['fp16', 'bf16', 'fp8']),
    kvCache: z.enum(['fp16', 'bf16', 'fp8', 'int8']).optional(),
    tensorParallel: positive.max(16).optional(),
    maxBatch: positive,
    maxInput: positive,
    maxOutput: positive,
  }),
  z.strictObject({
    kind: z.literal('onnxruntime'),
    bytes: positive,
    batching: z.strictObject({
      kind: z.literal('dynamic'),
      maxBatch: positive,
      maxQueueDelayMicros: z.int().min(0).optional(),
    }),
    instances: positive.optional(),
  }),
]);

/** Longest model name, so that every object named after the model stays within the 63 characters of a DNS label. */
const MAX_NAME_LENGTH = 40;

/** The shape of a model's name, with what to say of one that breaks it. */
export const modelNameSchema = z
  .string()
  .max(MAX_NAME_LENGTH)
  .regex(
    /^[a-z]([a-z0-9.-]*[a-z0-9])?$/,
    wording({
      reason: 'is not a model name',
      allowed: `lowercase letters, digits, "-" and ".", a letter first, at most ${MAX_NAME_LENGTH} characters`,
    }),
  );

/** Replicas, least and most. */
export const scaleSchema = z.strictObject({ min: z.int().min(1), max: z.int().min(1) });

const specSchema = z.strictObject({
  name: modelNameSchema,
  backend: backendSchema,
  accelerator: z.enum(ACCELERATORS),
  scale: scaleSchema,
  deadlineSeconds: z.number().min(1).max(3600).optional(),
  repository: z
    .string()
    .regex(
      /^(s3|gs):\/\/[a-z0-9][a-z0-9._-]+(\/\S*)?$/,
      wording({ reason: 'is not the address of a model repository', allowed: 's3://bucket/path or gs://bucket/path' }),
    )
    .optional(),
});

/**
 * Checks a model's description and freezes it.
 *
 * @throws InputError with every problem of the description
 */
export function defineModel(spec: ModelSpec): Model {
  const source = `model ${typeof spec?.name === 'string' ? spec.name : '(without a name)'}`;
  const parsed = parse(specSchema, spec);
  if (!parsed.ok) throw new InputError(source, parsed.problems);
  const problems = [...scaleProblems(spec.scale, 'scale'), ...precisionProblems(spec), ...parallelProblems(spec)];
  if (problems.length > 0) throw new InputError(source, problems);
  return deepFreeze(structuredClone(spec)) as Model;
}

/** The same model under another name or scale. */
export function withOverrides(model: Model, overrides: Partial<Pick<ModelSpec, 'name' | 'scale'>>): Model {
  return defineModel({ ...model, ...overrides });
}

/** Problems of a scale's bounds, told against `key`. */
export function scaleProblems(scale: Scale, key: string): Problem[] {
  if (scale.min <= scale.max) return [];
  return [
    {
      key: `${key}.min`,
      value: scale.min,
      reason: `more replicas at least than at most (${key}.max is ${scale.max})`,
      allowed: `1 to ${scale.max}`,
      fix: `set ${key}.max to ${scale.min} or more, or ${key}.min to ${scale.max} or less`,
    },
  ];
}

function precisionProblems(spec: ModelSpec): Problem[] {
  const { backend } = spec;
  if (backend.kind !== 'tensorrtllm') return [];
  const withFp8 = acceleratorsWithFp8();
  if (withFp8.includes(spec.accelerator)) return [];
  const keys = (['precision', 'kvCache'] as const).filter((key) => backend[key] === 'fp8');
  return keys.map((key) => ({
    key: `backend.${key}`,
    value: 'fp8',
    reason: `${accelerator(spec.accelerator).label} has no FP8 (compute capability 8.0; FP8 needs 8.9)`,
    allowed: key === 'precision' ? 'fp16, bf16' : 'fp16, bf16, int8',
    fix: `take another type, or an accelerator with FP8: ${withFp8.join(', ')}`,
  }));
}

function parallelProblems(spec: ModelSpec): Problem[] {
  const { backend } = spec;
  if (backend.kind !== 'tensorrtllm') return [];
  const ranks = backend.tensorParallel ?? 1;
  if (backend.architecture.heads % ranks === 0) return [];
  return [
    {
      key: 'backend.tensorParallel',
      value: ranks,
      reason: `the ${backend.architecture.heads} attention heads do not divide by it`,
      allowed: [1, 2, 4, 8, 16].filter((size) => backend.architecture.heads % size === 0).join(', '),
    },
  ];
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const nested of Object.values(value)) deepFreeze(nested);
  }
  return value;
}
