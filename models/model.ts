import { z } from 'zod';
import { ACCELERATORS, type Hardware } from './accelerator';
import { type MeasuredCapacity, measuredCapacitySchema } from './capacity/measured';
import { parseAll, wording } from './parse';
import { InputError } from './problem';
import { RELEASE_NAME, RELEASE_NAME_ALLOWED } from './release-manifest';
import { type Backend, backendSchema, type ModelVersion } from './spec/backend';
import { isChecked, markChecked } from './spec/checked';
import { modelProblems } from './spec/model-checks';
import { PRECISIONS } from './spec/precision';
import { promiseSchema, type ServicePromise } from './spec/promise';
import { DATA_TYPES, type DataType } from './spec/tensor';
import { type VersionPolicy, versionPolicySchema } from './spec/version-policy';
import { type WakeSource, wakeSourceSchema } from './spec/wake-source';

export type {
  Backend,
  EnsembleBackend,
  EnsembleStep,
  LanguageModelBackend,
  LlmApiBackend,
  ModelVersion,
  OnnxRuntimeBackend,
  PyTorchBackend,
  PythonBackend,
  TensorBackend,
  TensorRtBackend,
  TensorRtLlmBackend,
  VllmBackend,
} from './spec/backend';

/** How many replicas serve, least and most. */
export interface Scale {
  /** 0 only with {@link Scale.wake}: where no pod is left, none can tell that work has come. */
  readonly min: number;
  readonly max: number;
  /** What starts the first replica. @default none: a replica always runs */
  readonly wake?: WakeSource;
}

/** A request that the server runs before the model takes others. */
export interface Warmup {
  readonly name: string;
  /** @default 1 */
  readonly batchSize?: number;
  /** @default 1 */
  readonly count?: number;
  readonly inputs: Readonly<
    Record<string, { readonly dataType: DataType; readonly dims: readonly number[]; readonly data: 'zero' | 'random' }>
  >;
}

/** What a model is and owes. Everything else (placement, probes, autoscaling, resources) is derived from it. */
export interface ModelSpec {
  /** Lowercase letters, digits, `-` and `.`; at most 40 characters. */
  readonly name: string;
  readonly backend: Backend;
  /** `none` for what runs on the CPU alone. */
  readonly accelerator: Hardware;
  readonly scale: Scale;
  /** Seconds in which a request has to be answered; what is in flight at shutdown gets as long. @default 60 */
  readonly deadlineSeconds?: number;
  /** Times that a language model's answers keep. The pipeline's smoke test judges by it. @default none: times are measured alone */
  readonly promise?: ServicePromise;
  /** How long one replica takes, as a load test showed it. @default unknown: `npm run model -- capacity` asks for it */
  readonly capacity?: MeasuredCapacity;
  /**
   * Where the Triton model repository lies: `s3://bucket/path` or `gs://bucket/path`.
   *
   * @default the environment's model store, in a folder of the model's name
   */
  readonly repository?: string;
  /**
   * The release of the repository that servers take, as `npm run model -- publish` named it; another one is another rollout.
   *
   * @default the one that was published or promoted last, at the start of each pod
   */
  readonly release?: string;
  /** Versions that the repository holds. @default version 1 */
  readonly versions?: readonly ModelVersion[];
  /** @default the latest one */
  readonly versionPolicy?: VersionPolicy;
  /** Answers to equal requests come from a cache. @default false */
  readonly responseCache?: boolean;
  readonly warmup?: readonly Warmup[];
}

/** A checked, immutable {@link ModelSpec}. Only {@link defineModel} makes one. */
export type Model = ModelSpec & { readonly [checked]: true };
declare const checked: unique symbol;

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
export const scaleSchema = z.strictObject({
  min: z.int().min(0),
  max: z.int().min(1),
  wake: wakeSourceSchema.optional(),
});

/** What a published release is called. */
export const releaseSchema = z
  .string()
  .regex(RELEASE_NAME, wording({ reason: 'is no name for a release', allowed: RELEASE_NAME_ALLOWED }));

const positive = z.int().min(1);

const specSchema = z.strictObject({
  name: modelNameSchema,
  backend: backendSchema,
  accelerator: z.enum([...ACCELERATORS, 'none']),
  scale: scaleSchema,
  deadlineSeconds: z.number().min(1).max(3600).optional(),
  promise: promiseSchema.optional(),
  capacity: measuredCapacitySchema.optional(),
  repository: z
    .string()
    .regex(
      /^(s3|gs):\/\/[a-z0-9][a-z0-9._-]+(\/\S*)?$/,
      wording({ reason: 'is not the address of a model repository', allowed: 's3://bucket/path or gs://bucket/path' }),
    )
    .optional(),
  release: releaseSchema.optional(),
  versions: z
    .array(z.strictObject({ version: positive, precision: z.enum(PRECISIONS).optional() }))
    .min(1)
    .optional(),
  versionPolicy: versionPolicySchema.optional(),
  responseCache: z.boolean().optional(),
  warmup: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        batchSize: positive.optional(),
        count: positive.optional(),
        inputs: z.record(
          z.string().min(1),
          z.strictObject({
            dataType: z.enum(DATA_TYPES),
            dims: z.array(positive).min(1),
            data: z.enum(['zero', 'random']),
          }),
        ),
      }),
    )
    .min(1)
    .optional(),
});

/**
 * Checks a model's description and freezes it.
 *
 * @throws InputError with every problem of the description
 */
export function defineModel(spec: ModelSpec): Model {
  const source = `model ${typeof spec?.name === 'string' ? spec.name : '(without a name)'}`;
  parseAll(source, specSchema, spec);
  const problems = modelProblems(spec);
  if (problems.length > 0) throw new InputError(source, problems);
  return markChecked(deepFreeze(completed(copy(spec)))) as Model;
}

/** Without an accelerator an instance is on the CPU, said or not. */
function completed(spec: ModelSpec): ModelSpec {
  const { accelerator, backend } = spec;
  if (accelerator !== 'none' || !('batching' in backend) || backend.instances !== undefined) return spec;
  return { ...spec, backend: { ...backend, instances: [{ count: 1, kind: 'cpu' }] } };
}

/** The same model under another name or scale, or in another release. */
export function withOverrides(model: Model, overrides: Partial<Pick<ModelSpec, 'name' | 'scale' | 'release'>>): Model {
  return defineModel({ ...model, ...overrides });
}

/** A copy that shares nothing with the original but models that are frozen already. */
function copy<T>(value: T): T {
  if (value === null || typeof value !== 'object' || isChecked(value)) return value;
  if (Array.isArray(value)) return value.map(copy) as T;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [key, copy(each)]),
  ) as T;
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const nested of Object.values(value)) deepFreeze(nested);
  }
  return value;
}
