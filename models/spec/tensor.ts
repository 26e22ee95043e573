import { z } from 'zod';

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
