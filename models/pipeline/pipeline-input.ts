import { type AcceleratorName, accelerator, gpuOf } from '../accelerator';
import { engineInputs } from '../engine/engine-inputs';
import { type EngineMetadata, engineMetadata } from '../engine/engine-metadata';
import { engineOf } from '../engine/engine-of';
import { evaluationCommand } from '../engine/evaluation';
import type { Model } from '../model';
import { InputError } from '../problem';
import { sha256Of } from '../release-manifest';
import { DEFAULT_REPOSITORY } from '../repository/config-pbtxt';
import { repositoryLayout } from '../repository/layout';
import type { TensorRtLlmBackend } from '../spec/backend';
import { type PromptClass, promptClasses, type ServicePromise } from '../spec/promise';
import { fetchSeconds, loadSeconds } from '../startup';
import { imageReference, tensorRtLlmImage, versions } from '../versions';
import { type BuildFailure, type BuildFix, buildFixes } from './build-fixes';
import { type StepName, type StepResources, stepResources } from './step-resources';
import { type Training, trainingFor } from './training';

/** Where a registry of models is, to which each release is told. */
export interface Registry {
  readonly kind: 'mlflow' | 'kubeflow';
  readonly url: string;
}

/** What of a pipeline does not follow from the model. */
export interface PipelineOptions {
  /** `s3://bucket/path` or `gs://bucket/path`. @default the model's own `repository` */
  readonly store?: string;
  /** Of a store that speaks S3. @default AWS */
  readonly endpoint?: string;
  readonly region?: string;
  /** Servers' HTTP addresses; a name that stands for several pods stands for all of them. */
  readonly servers: readonly string[];
  /** The Secret that holds the key of the servers' load API, and its entry. @default none: the servers' own watch loads */
  readonly loadKey?: { readonly secretName: string; readonly key: string };
  /** The Secret that holds keys of the store (`AWS_ACCESS_KEY_ID` and the like). @default none: the step's identity */
  readonly storeSecret?: string;
  /** The Secret whose entry `HF_TOKEN` opens gated checkpoints of Hugging Face. @default none: those for everyone */
  readonly hubSecret?: string;
  /** Labels of nodes by the accelerator that they carry. @default GKE's */
  readonly nodeSelector?: (name: AcceleratorName) => Readonly<Record<string, string>>;
  /** Where servers see the repository. @default /models/repository */
  readonly servedAt?: string;
  /** Where TensorRT-LLM's examples lie in the image. @default /app/examples */
  readonly examples?: string;
  /** Where each server tells what its sync does. @default nothing is known of it */
  readonly syncMetrics?: { readonly port: number; readonly path: string };
  readonly registry?: Registry;
  /** Leaves out the fine-tune: the checkpoint is built as it is. @default false */
  readonly withoutTraining?: boolean;
}

/** Nodes that a step runs on. */
export interface StepNodes {
  readonly accelerator: AcceleratorName;
  /** Why on these. */
  readonly reason: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
}

/**
 * All that the pipeline knows of a model. Each step gets its own section alone, so that a change of one does not have the
 * steps before it run again.
 */
export interface PipelineInput {
  readonly model: string;
  /** SHA-256 of the model's description. */
  readonly specDigest: string;
  readonly engineDigest: string;
  readonly images: { readonly steps: string; readonly training: string; readonly engine: string };
  readonly nodes: { readonly engine: StepNodes; readonly training?: StepNodes };
  readonly secrets: {
    readonly store?: string;
    readonly hub?: string;
    readonly loadKey?: { readonly secretName: string; readonly key: string };
  };
  readonly resources: Readonly<Partial<Record<StepName, StepResources>>>;
  readonly fetch: StoreSection;
  readonly prepare: StoreSection & {
    readonly maxInput: number;
    readonly maxOutput: number;
    /** Records at most that are kept back for the evaluation. */
    readonly evaluationRecords: number;
  };
  readonly train?: Training;
  readonly convert: { readonly command: readonly string[]; readonly fixes: readonly BuildFix[] };
  readonly build: {
    readonly command: readonly string[];
    readonly files: readonly string[];
    readonly slowSeconds: number;
    readonly fixes: readonly BuildFix[];
  };
  readonly validate: {
    readonly release: string;
    readonly metadata: EngineMetadata;
    readonly files: readonly string[];
    readonly command: readonly string[];
    readonly maxBatch: number;
    readonly answerTokens: number;
    readonly classes: readonly PromptClass[];
    readonly vocabulary: number;
    readonly fixes: readonly BuildFix[];
  };
  readonly deploy: ServedSection & {
    readonly version: number;
    readonly config: string;
    readonly engineFiles: readonly string[];
    readonly lineage: Readonly<Record<string, unknown>>;
  };
  readonly smoke: ServedSection & {
    readonly classes: readonly PromptClass[];
    readonly promise: ServicePromise;
    readonly deadlineSeconds: number;
    readonly vocabulary: number;
    readonly streaming: boolean;
    readonly requests: number;
    readonly concurrency: number;
  };
  readonly register?: Registry & { readonly model: string; readonly store: string };
}

interface StoreSection {
  readonly endpoint?: string;
  readonly region?: string;
}

/** What a step that reaches servers has to know. */
interface ServedSection extends StoreSection {
  readonly store: string;
  readonly model: string;
  readonly servers: readonly string[];
  /** Seconds that a load, and a fetch before it, take at most. */
  readonly loadSeconds: number;
  readonly fetchSeconds: number;
  readonly syncMetrics?: { readonly port: number; readonly path: string };
}

const EXAMPLES = '/app/examples';
/** Seconds after which a build is told to be slow. A choice: builds of models of this size end within minutes. */
const SLOW_BUILD_SECONDS = 1800;
/** Tokens of an answer that an evaluation looks at. */
const EVALUATION_TOKENS = 64;
const EVALUATION_RECORDS = 200;
/** Requests of each prompt class: a 95th percentile has a sample above it from 20 on. */
const SMOKE_REQUESTS = 24;
const DEFAULT_DEADLINE = 60;

/**
 * What the pipeline of a model is made from.
 *
 * @throws InputError where no pipeline can be made of the model
 */
export function pipelineInput(model: Model, options: PipelineOptions): PipelineInput {
  const { backend } = model;
  const engine = engineInputs(model);
  if (backend.kind !== 'tensorrtllm' || engine === undefined) throw noEngine(model);
  const store = options.store ?? model.repository;
  if (store === undefined) throw noStore(model);
  const gpu = gpuOf(model.accelerator);
  const examples = options.examples ?? EXAMPLES;
  const paths = { model: '{model}', checkpoint: '{checkpoint}', engine: '{engine}', examples };
  const { steps, runsOn, engineFiles } = engineOf(backend, gpu, paths);
  const [convert, build] = steps.map(({ command }) => command) as [string[], string[]];
  const training = options.withoutTraining ? undefined : trainingFor(backend);
  const nodeSelector = options.nodeSelector ?? gkeSelector;
  const at: StoreSection = {
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.region !== undefined && { region: options.region }),
  };
  const classes = promptClasses(model.promise, backend);
  const fixes = buildFixes(model, backend);
  const fixesOf = (...failures: readonly BuildFailure[]) => fixes.filter(({ failure }) => failures.includes(failure));
  const deadlineSeconds = model.deadlineSeconds ?? DEFAULT_DEADLINE;
  const served = {
    store,
    model: model.name,
    servers: options.servers,
    loadSeconds: Math.ceil(loadSeconds(model)),
    fetchSeconds: fetchSeconds(model),
    ...(options.syncMetrics !== undefined && { syncMetrics: options.syncMetrics }),
  };
  const layout = repositoryLayout(model, { repository: options.servedAt ?? DEFAULT_REPOSITORY });
  const specDigest = sha256Of(JSON.stringify(sorted(model)));
  const image = imageReference(tensorRtLlmImage(backend.release));
  return {
    model: model.name,
    specDigest,
    engineDigest: engine.digest,
    images: {
      steps: imageReference(versions.images.python),
      training: imageReference(versions.images.pytorch),
      engine: image,
    },
    nodes: {
      engine: { accelerator: gpu, reason: runsOn.reason, nodeSelector: nodeSelector(gpu) },
      ...(training !== undefined && {
        training: {
          accelerator: training.accelerator,
          reason: `${training.gpus} x ${accelerator(training.accelerator).label} hold weights, gradients and optimizer`,
          nodeSelector: nodeSelector(training.accelerator),
        },
      }),
    },
    secrets: {
      ...(options.storeSecret !== undefined && { store: options.storeSecret }),
      ...(options.hubSecret !== undefined && { hub: options.hubSecret }),
      ...(options.loadKey !== undefined && { loadKey: options.loadKey }),
    },
    resources: stepResources(backend, { trainingGpus: training?.gpus, registered: options.registry !== undefined }),
    fetch: at,
    prepare: {
      ...at,
      maxInput: backend.maxInput,
      maxOutput: backend.maxOutput,
      evaluationRecords: EVALUATION_RECORDS,
    },
    ...(training !== undefined && { train: training }),
    convert: { command: convert, fixes: fixesOf('gpu-memory', 'unsupported') },
    build: {
      command: build,
      files: engineFiles,
      slowSeconds: SLOW_BUILD_SECONDS,
      fixes: fixesOf('gpu-memory', 'unsupported'),
    },
    validate: {
      release: backend.release,
      metadata: engineMetadata(backend, gpu),
      files: engineFiles,
      command: evaluation(backend, examples),
      maxBatch: backend.maxBatch,
      answerTokens: Math.min(EVALUATION_TOKENS, backend.maxOutput),
      classes,
      vocabulary: backend.architecture.vocab,
      fixes: fixesOf('gpu-memory', 'accuracy'),
    },
    deploy: {
      ...at,
      ...served,
      version: Number(layout.find(({ path }) => path.endsWith('/config.json'))?.path.split('/')[1]),
      config: layout.flatMap((entry) => ('content' in entry ? [entry.content] : []))[0] ?? '',
      engineFiles,
      lineage: { model: model.name, specDigest, engine, image, builtOn: gpu },
    },
    smoke: {
      ...at,
      ...served,
      classes,
      promise: model.promise ?? {},
      deadlineSeconds,
      vocabulary: backend.architecture.vocab,
      streaming: backend.streaming ?? true,
      requests: SMOKE_REQUESTS,
      concurrency: Math.min(backend.maxBatch, 8),
    },
    ...(options.registry !== undefined && { register: { ...options.registry, model: model.name, store } }),
  };
}

function evaluation(backend: TensorRtLlmBackend, examples: string): string[] {
  const paths = { engine: '{engine}', tokenizer: '{model}', prompts: '{prompts}', answers: '{answers}', examples };
  return evaluationCommand(backend, paths, Math.min(EVALUATION_TOKENS, backend.maxOutput));
}

function gkeSelector(name: AcceleratorName): Record<string, string> {
  return { 'cloud.google.com/gke-accelerator': name };
}

function noEngine({ name, backend }: Model): InputError {
  return new InputError(`model ${name}`, [
    {
      key: 'backend.kind',
      value: backend.kind,
      reason: 'has no engine to build: what it serves is published as it is',
      allowed: 'tensorrtllm',
      fix: 'publish its repository: npm run model -- publish FOLDER STORE',
    },
  ]);
}

function noStore({ name }: Model): InputError {
  return new InputError(`model ${name}`, [
    {
      key: 'repository',
      reason: 'is missing: the pipeline has nowhere to publish to',
      allowed: 's3://bucket/path or gs://bucket/path',
      fix: 'name an environment whose store it is (--environment), or the store (--store)',
    },
  ]);
}

/** Keys in their order, whatever order the description has them in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
