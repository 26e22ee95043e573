import type { AcceleratorName } from '../accelerator';
import type { Problem } from '../problem';
import { allTokens, worldSize } from '../spec/backend';
import { type KvPrecision, type Precision, precisionProblems } from '../spec/precision';
import type { TensorRtLlmRelease } from '../versions';
import { releaseProblems } from './check-engine-flags';
import { CHECKPOINT_FAMILIES, type CheckpointFamily } from './release-flags';

/** Types of weights that an engine can have. */
export type EnginePrecision = Exclude<Precision, 'fp32'>;

/** What an engine is built from and for. Lengths are in tokens. */
export interface EngineBuildInput {
  readonly release: TensorRtLlmRelease;
  readonly family: CheckpointFamily;
  readonly precision: EnginePrecision;
  /** Type of the key-value cache. One of 16 bits is the type that the engine computes in where it does not quantize. */
  readonly kvCache: KvPrecision;
  /** GPUs that share each layer. */
  readonly tensorParallel: number;
  /** Groups of layers on GPUs of their own. */
  readonly pipelineParallel: number;
  /** Requests in flight. */
  readonly maxBatch: number;
  readonly maxInput: number;
  readonly maxOutput: number;
  /**
   * Tokens of one pass over all requests in flight.
   *
   * @default as trtllm-build: 8192, cut to what all requests together can hold (`maxBatch` of the longest sequences);
   * but never less than one longest prompt, for which trtllm-build would count on chunked context
   */
  readonly maxNumTokens?: number;
  /** The GPU that the engine is built on and for. */
  readonly accelerator: AcceleratorName;
  readonly paths: {
    /** The Hugging Face checkpoint. */
    readonly model: string;
    /** Where TensorRT-LLM's checkpoint goes, and is read again. */
    readonly checkpoint: string;
    readonly engine: string;
    /** The examples of the release. @default `/app/examples`, where Triton's TensorRT-LLM image has them */
    readonly examples?: string;
  };
  /**
   * Data for calibration: a name on Hugging Face or a folder.
   *
   * @default upstream's, `cnn_dailymail`, which is downloaded
   */
  readonly calibrationDataset?: string;
  /** Several TensorRT optimization profiles: faster over a range of loads, and slower to build. @default false */
  readonly multipleProfiles?: boolean;
  /**
   * What multiplies matrices: cuBLASLt in the type that the engine computes in (`auto`) or in FP8, or TensorRT's own
   * kernels (`disable`).
   *
   * @default `disable` with fp8 and nvfp4 weights, else `auto`. In FP8 the plugin pays below a batch of 4 only
   * (TensorRT-LLM's release notes, 0.11).
   */
  readonly gemmPlugin?: 'auto' | 'fp8' | 'disable';
  /** Ranks converted, and built, at once; trtllm-build takes a GPU for each. @default 1 */
  readonly workers?: number;
}

/** What `quantize.py --qformat` calls them. */
export const QFORMATS: Readonly<Record<EnginePrecision, string>> = {
  fp16: 'full_prec',
  bf16: 'full_prec',
  fp8: 'fp8',
  'int8-sq': 'int8_sq',
  'int8-wo': 'int8_wo',
  'int4-wo': 'int4_wo',
  'int4-awq': 'int4_awq',
  'w4a8-awq': 'w4a8_awq',
  nvfp4: 'nvfp4',
};
/** What `--dtype` calls types of 16 bits. */
export const DTYPES: Readonly<Record<string, string>> = { fp16: 'float16', bf16: 'bfloat16' };

/** Whether the cache is kept in less than 16 bits. */
export function hasQuantizedCache({ kvCache }: EngineBuildInput): boolean {
  return kvCache === 'fp8' || kvCache === 'int8';
}

/** Whether the checkpoint is made by quantize.py. */
export function isQuantized(input: EngineBuildInput): boolean {
  return QFORMATS[input.precision] !== 'full_prec' || hasQuantizedCache(input);
}

/**
 * Whether prompts are read through the paged cache. trtllm-build turns that off itself, with a warning, over an int8
 * cache, and over an fp8 one where the weights are not of an FP8 recipe (tensorrt_llm/builder.py, build). Said in the
 * command, so that it is no surprise.
 */
export function hasPagedContextAttention({ precision, kvCache }: EngineBuildInput): boolean {
  if (kvCache === 'fp8') return ['fp8', 'w4a8-awq', 'nvfp4'].includes(precision);
  return kvCache !== 'int8';
}

/** Every problem of the input. */
export function inputProblems(input: EngineBuildInput): Problem[] {
  const shape = [...releaseProblems(input.release), ...familyProblems(input.family), ...sizeProblems(input)];
  if (shape.length > 0) return shape;
  return [
    ...precisionProblems(input.accelerator, { precision: input.precision, kvCache: input.kvCache }),
    ...typeProblems(input),
    ...tokenProblems(input),
  ];
}

function familyProblems(family: string): Problem[] {
  if (CHECKPOINT_FAMILIES.includes(family as CheckpointFamily)) return [];
  const allowed = CHECKPOINT_FAMILIES.join(', ');
  return [{ key: 'family', value: family, reason: 'is no family whose checkpoints can be converted', allowed }];
}

function sizeProblems(input: EngineBuildInput): Problem[] {
  const { tensorParallel, pipelineParallel, maxBatch, maxInput, maxOutput, maxNumTokens, workers } = input;
  const sizes = { tensorParallel, pipelineParallel, maxBatch, maxInput, maxOutput, maxNumTokens, workers };
  return Object.entries(sizes)
    .filter(([, value]) => value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
    .map(([key, value]) => ({ key, value, reason: 'is not a count', allowed: 'whole numbers from 1' }));
}

function typeProblems(input: EngineBuildInput): Problem[] {
  const { precision, kvCache, gemmPlugin, workers } = input;
  const problems: Problem[] = [];
  if (precision in DTYPES && kvCache in DTYPES && precision !== kvCache) {
    problems.push({
      key: 'kvCache',
      value: kvCache,
      reason: `differs from the weights, ${precision}: a cache that is not quantized has the type they are computed in`,
      allowed: `${precision}, int8, fp8`,
    });
  }
  if (gemmPlugin === 'fp8' && precision !== 'fp8') {
    problems.push({
      key: 'gemmPlugin',
      value: gemmPlugin,
      reason: `needs scales that a checkpoint of precision ${precision} does not carry`,
      allowed: 'auto, disable',
      fix: 'leave it out, or take precision fp8',
    });
  }
  if (workers !== undefined && workers > worldSize(input)) {
    problems.push({
      key: 'workers',
      value: workers,
      reason: `is more than there are ranks, ${worldSize(input)}`,
      allowed: `1 to ${worldSize(input)}`,
    });
  }
  return problems;
}

function tokenProblems(input: EngineBuildInput): Problem[] {
  const { maxNumTokens: value, maxInput, kvCache } = input;
  const key = 'maxNumTokens';
  if (value === undefined) return [];
  if (value > allTokens(input)) {
    return [
      {
        key,
        value,
        reason: `is more than all requests in flight can hold, ${allTokens(input)}: trtllm-build would cut it to that`,
        allowed: `at most ${allTokens(input)}`,
      },
    ];
  }
  if (value < maxInput && !hasPagedContextAttention(input)) {
    return [
      {
        key,
        value,
        reason: `is less than one longest prompt, ${maxInput}, which the engine cannot chunk over a cache of ${kvCache}`,
        allowed: `${maxInput} to ${allTokens(input)}`,
      },
    ];
  }
  return [];
}
