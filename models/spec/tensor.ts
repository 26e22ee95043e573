import { z } from 'zod';
import type { Problem } from '../problem';

/** Triton's data types, without the `TYPE_` in front that config.pbtxt writes (common, protobuf/model_config.proto). */
export const DATA_TYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'STRING',
  'BF16',
] as const;
export type DataType = (typeof DATA_TYPES)[number];

/** An output of a model. */
export interface Output {
  readonly name: string;
  readonly dataType: DataType;
  /** Without the batch dimension where the model batches; -1 for a dimension that varies. */
  readonly dims: readonly number[];
  /** The shape that the model itself has, where it differs from what clients see. */
  readonly reshape?: readonly number[];
}

/** An input of a model. */
export interface Input extends Output {
  /** Requests may leave it out. @default false */
  readonly optional?: boolean;
  /** Requests of a batch may have different shapes. @default false */
  readonly ragged?: boolean;
}

const dimension = z.int().refine((value) => value === -1 || value >= 1, 'is neither a size nor -1');
const output = {
  name: z.string().min(1),
  dataType: z.enum(DATA_TYPES),
  dims: z.array(dimension).min(1),
  reshape: z.array(dimension).optional(),
};

export const outputSchema = z.strictObject(output);
export const inputSchema = z.strictObject({
  ...output,
  optional: z.boolean().optional(),
  ragged: z.boolean().optional(),
});

/**
 * Tensors that the server's core refuses: two of one name, and reshapes that do not hold the same elements (core,
 * src/model_config_utils.cc, ValidateIOShape).
 *
 * @param batches - whether the model batches: without a batch dimension a tensor cannot be a scalar
 */
export function tensorProblems(tensors: readonly Output[], batches: boolean, key: string): Problem[] {
  const names = tensors.map(({ name }) => name);
  return tensors.flatMap(({ name, dims, reshape }, index): Problem[] => {
    const problems: Problem[] = [];
    if (names.indexOf(name) !== index) {
      problems.push({ key: `${key}[${index}].name`, value: name, reason: 'stands there twice' });
    }
    if (reshape === undefined) return problems;
    const at = `${key}[${index}].reshape`;
    if (reshape.length === 0 && !batches) {
      problems.push({ key: at, value: reshape, reason: 'is a scalar, which a model without batches cannot have' });
    } else if (!sameElements(dims, reshape)) {
      problems.push({ key: at, value: reshape, reason: `does not hold the elements of dims, ${JSON.stringify(dims)}` });
    }
    return problems;
  });
}

/** Sizes between dimensions that vary are equal on both sides. */
function sameElements(dims: readonly number[], reshape: readonly number[]): boolean {
  return JSON.stringify(chunkSizes(dims)) === JSON.stringify(chunkSizes(reshape));
}

function chunkSizes(shape: readonly number[]): number[] {
  const sizes = [1];
  for (const size of shape) {
    if (size === -1) sizes.push(1);
    else sizes.push((sizes.pop() ?? 1) * size);
  }
  return sizes;
}
