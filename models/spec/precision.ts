import type { AcceleratorName } from '../accelerator';
import { accelerator, acceleratorsWithFp8 } from '../accelerator';
import type { Problem } from '../problem';

/**
 * Types of weights. Quantized ones by the names of TensorRT-LLM (tensorrt_llm/quantization/mode.py): `int8-sq`
 * SmoothQuant, `-wo` weight only, `-awq` with activation-aware scales a group.
 */
export const PRECISIONS = [
  'fp32',
  'fp16',
  'bf16',
  'fp8',
  'int8-sq',
  'int8-wo',
  'int4-wo',
  'int4-awq',
  'w4a8-awq',
  'nvfp4',
] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Types of the key-value cache. */
export const KV_PRECISIONS = ['fp16', 'bf16', 'fp8', 'int8'] as const;
export type KvPrecision = (typeof KV_PRECISIONS)[number];

/** Groups of this many weights share a 16-bit scale under AWQ and weight-only int4 (modelopt's block size). */
const SCALE_GROUP = 128;
/** NVFP4: 4 bits and an 8-bit scale for each 16 weights. */
const NVFP4 = 0.5 + 1 / 16;

const WEIGHT_BYTES: Readonly<Record<Precision, number>> = {
  fp32: 4,
  fp16: 2,
  bf16: 2,
  fp8: 1,
  'int8-sq': 1,
  'int8-wo': 1,
  'int4-wo': 0.5,
  'int4-awq': 0.5 + 2 / SCALE_GROUP,
  'w4a8-awq': 0.5 + 2 / SCALE_GROUP,
  nvfp4: NVFP4,
};

const KV_BYTES: Readonly<Record<KvPrecision, number>> = { fp16: 2, bf16: 2, fp8: 1, int8: 1 };

/** Bytes of one weight. */
export function weightBytes(precision: Precision): number {
  return WEIGHT_BYTES[precision];
}

/** Bytes of one value of the key-value cache. */
export function kvBytes(precision: KvPrecision): number {
  return KV_BYTES[precision];
}

const NEEDS_FP8: readonly string[] = ['fp8', 'w4a8-awq'];

/** Types that the accelerator's tensor cores do not compute in. */
export function precisionProblems(
  name: AcceleratorName,
  used: Readonly<Record<string, string | undefined>>,
): Problem[] {
  const { label, computeCapability } = accelerator(name);
  return Object.entries(used).flatMap(([key, value]): Problem[] => {
    if (value === 'nvfp4') {
      return [
        {
          key,
          value,
          reason: `${label} has no FP4 (compute capability ${computeCapability.toFixed(1)}; FP4 needs 10.0, Blackwell)`,
          allowed: acceleratorsWithFp8().includes(name) ? 'fp8, int4-awq' : 'int4-awq, int8-sq, fp16, bf16',
        },
      ];
    }
    if (value === undefined || !NEEDS_FP8.includes(value) || acceleratorsWithFp8().includes(name)) return [];
    return [
      {
        key,
        value,
        reason: `${label} has no FP8 (compute capability ${computeCapability.toFixed(1)}; FP8 needs 8.9)`,
        allowed: key.endsWith('kvCache') ? 'fp16, bf16, int8' : 'fp16, bf16, int8-sq, int8-wo, int4-wo, int4-awq',
        fix: `take another type, or an accelerator with FP8: ${acceleratorsWithFp8().join(', ')}`,
      },
    ];
  });
}
