import { z } from 'zod';
import { ACCELERATORS, type AcceleratorName } from './accelerator';
import { parse, wording } from './parse';
import { InputError, type Problem } from './problem';
import { architectureProblems } from './spec/architecture';
import {
  type Backend,
  backendSchema,
  isLanguageModel,
  type LanguageModelBackend,
  type ModelVersion,
} from './spec/backend';
import { batchingProblems } from './spec/batching';
import { ensembleProblems } from './spec/ensemble';
import { instanceProblems } from './spec/instances';
import { PRECISIONS, precisionProblems } from './spec/precision';
import { DATA_TYPES, type DataType } from './spec/tensor';

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
  readonly min: number;
  readonly max: number;
}

/** Which of a model's versions are served. */
export type VersionPolicy =
  | { readonly kind: 'all' }
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'specific'; readonly versions: readonly number[] };

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
export const scaleSchema = z.strictObject({ min: z.int().min(1), max: z.int().min(1) });

const positive = z.int().min(1);

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
  versions: z
    .array(z.strictObject({ version: positive, precision: z.enum(PRECISIONS).optional() }))
    .min(1)
    .optional(),
  versionPolicy: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('all') }),
      z.strictObject({ kind: z.literal('latest'), count: positive }),
      z.strictObject({ kind: z.literal('specific'), versions: z.array(positive).min(1) }),
    ])
    .optional(),
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
  const parsed = parse(specSchema, spec);
  if (!parsed.ok) throw new InputError(source, parsed.problems);
  const problems = modelProblems(spec);
  if (problems.length > 0) throw new InputError(source, problems);
  return deepFreeze(copy(spec)) as Model;
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

function modelProblems(spec: ModelSpec): Problem[] {
  return [
    ...scaleProblems(spec.scale, 'scale'),
    ...backendProblems(spec),
    ...versionProblems(spec),
    ...cacheProblems(spec),
    ...warmupProblems(spec),
  ];
}

function backendProblems({ backend, accelerator }: ModelSpec): Problem[] {
  if (isLanguageModel(backend)) return languageModelProblems(backend, accelerator);
  if (backend.kind === 'ensemble') return ensembleProblems(backend);
  return [
    ...batchingProblems(backend.batching, 'backend.batching'),
    ...instanceProblems(backend.instances ?? [], 'backend.instances'),
    ...nameProblems(backend.inputs, 'backend.inputs'),
    ...nameProblems(backend.outputs, 'backend.outputs'),
    ...decoupledProblems(backend),
  ];
}

function languageModelProblems(backend: LanguageModelBackend, accelerator: AcceleratorName): Problem[] {
  const { architecture, precision, kvCache, maxInput, tensorParallel = 1, pipelineParallel = 1 } = backend;
  const problems = [
    ...architectureProblems(architecture, 'backend.architecture'),
    ...precisionProblems(accelerator, { 'backend.precision': precision, 'backend.kvCache': kvCache }),
  ];
  if (architecture.heads % tensorParallel !== 0) {
    problems.push({
      key: 'backend.tensorParallel',
      value: tensorParallel,
      reason: `the ${architecture.heads} attention heads do not divide by it`,
      allowed: [1, 2, 4, 8, 16].filter((size) => architecture.heads % size === 0).join(', '),
    });
  }
  if (pipelineParallel > architecture.layers) {
    problems.push({
      key: 'backend.pipelineParallel',
      value: pipelineParallel,
      reason: `there are ${architecture.layers} layers to share out`,
      allowed: `1 to ${architecture.layers}`,
    });
  }
  if (backend.maxNumTokens !== undefined && backend.maxNumTokens < maxInput && backend.kind === 'tensorrtllm') {
    problems.push({
      key: 'backend.maxNumTokens',
      value: backend.maxNumTokens,
      reason: `a prompt of ${maxInput} tokens (maxInput) passes the engine in one piece, since chunked context is not built in`,
      allowed: `${maxInput} or more`,
    });
  }
  return problems;
}

function nameProblems(tensors: readonly { readonly name: string }[], key: string): Problem[] {
  const names = tensors.map(({ name }) => name);
  return names.flatMap((name, index): Problem[] =>
    names.indexOf(name) === index ? [] : [{ key: `${key}[${index}].name`, value: name, reason: 'stands there twice' }],
  );
}

/** A decoupled model answers when it likes: what counts one answer a request does not go with it. */
function decoupledProblems(backend: Exclude<Backend, LanguageModelBackend | { kind: 'ensemble' }>): Problem[] {
  if (backend.kind !== 'python' || !backend.decoupled) return [];
  if (backend.batching.kind !== 'dynamic' || !backend.batching.preserveOrdering) return [];
  return [
    {
      key: 'backend.batching.preserveOrdering',
      value: true,
      reason: 'a decoupled model has any number of responses to a request, which have no order among requests',
      fix: 'remove it, or decoupled',
    },
  ];
}

function versionProblems({ versions = [{ version: 1 }], versionPolicy, backend, accelerator }: ModelSpec): Problem[] {
  const numbers = versions.map(({ version }) => version);
  const problems = numbers.flatMap((version, index): Problem[] =>
    numbers.indexOf(version) === index
      ? []
      : [{ key: `versions[${index}].version`, value: version, reason: 'stands there twice' }],
  );
  for (const [index, { precision }] of versions.entries()) {
    problems.push(...precisionProblems(accelerator, { [`versions[${index}].precision`]: precision }));
  }
  if (versionPolicy?.kind === 'specific') {
    for (const [index, version] of versionPolicy.versions.entries()) {
      if (numbers.includes(version)) continue;
      problems.push({
        key: `versionPolicy.versions[${index}]`,
        value: version,
        reason: 'there is no such version',
        allowed: numbers.join(', '),
      });
    }
  }
  if (backend.kind === 'tensorrtllm' && servedVersions({ versions, versionPolicy }).length > 1) {
    problems.push({
      key: 'versionPolicy',
      value: versionPolicy,
      reason:
        'the backend reads one gpt_model_path for all versions of a model (TensorRT-LLM, model_instance_state.cc): they would all run one engine',
      allowed: 'one served version',
      fix: 'serve the latest alone, or define a model for each engine',
    });
  }
  return problems;
}

/** The versions that are served, smallest first. */
export function servedVersions({
  versions = [{ version: 1 }],
  versionPolicy,
}: Pick<ModelSpec, 'versions' | 'versionPolicy'>): number[] {
  const numbers = versions.map(({ version }) => version).sort((a, b) => a - b);
  switch (versionPolicy?.kind) {
    case undefined:
      return numbers.slice(-1);
    case 'all':
      return numbers;
    case 'latest':
      return numbers.slice(-versionPolicy.count);
    case 'specific':
      return numbers.filter((version) => versionPolicy.versions.includes(version));
  }
}

/** Whether a request may have any number of responses. */
export function isDecoupled(backend: Backend): boolean {
  if (isLanguageModel(backend)) return backend.streaming ?? true;
  if (backend.kind === 'ensemble') return backend.steps.some(({ model }) => isDecoupled(model.backend));
  return backend.kind === 'python' && backend.decoupled === true;
}

function cacheProblems({ responseCache, backend }: ModelSpec): Problem[] {
  if (!responseCache || !isDecoupled(backend)) return [];
  return [
    {
      key: 'responseCache',
      value: true,
      reason: 'a decoupled model has any number of responses to a request, and the cache keeps one',
      fix: isLanguageModel(backend) ? 'remove it, or set backend.streaming to false' : 'remove it',
    },
  ];
}

function warmupProblems({ warmup = [], backend }: ModelSpec): Problem[] {
  if (warmup.length === 0) return [];
  if (isLanguageModel(backend) || backend.kind === 'ensemble') {
    return [
      {
        key: 'warmup',
        value: warmup.map(({ name }) => name),
        reason: `a model of backend ${backend.kind} is not warmed up by Triton`,
        fix: backend.kind === 'ensemble' ? 'warm up its members' : 'send it a request after start',
      },
    ];
  }
  const known = new Map(backend.inputs.map((input) => [input.name, input]));
  return warmup.flatMap(({ inputs }, index) =>
    Object.entries(inputs).flatMap(([name, { dataType }]): Problem[] => {
      const input = known.get(name);
      const key = `warmup[${index}].inputs.${name}`;
      if (input === undefined) {
        return [{ key, reason: 'the model has no such input', allowed: [...known.keys()].join(', ') }];
      }
      if (input.dataType === dataType) return [];
      return [
        { key: `${key}.dataType`, value: dataType, reason: 'the input has another type', allowed: input.dataType },
      ];
    }),
  );
}

/** A copy that shares nothing with the original but models that are frozen already. */
function copy<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
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
