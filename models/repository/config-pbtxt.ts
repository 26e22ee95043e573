import { gpuOf } from '../accelerator';
import { engineOf } from '../engine/engine-of';
import type { Model } from '../model';
import {
  type EnsembleBackend,
  isDecoupled,
  isLanguageModel,
  kvCacheFraction,
  type TensorBackend,
  type TensorRtLlmBackend,
} from '../spec/backend';
import { type Batching, maxBatchSize, type SequenceBatching } from '../spec/batching';
import { type InstanceGroup, instancesOf } from '../spec/instances';
import type { Queue, QueuePolicy } from '../spec/queue';
import type { Input, Output } from '../spec/tensor';
import { LLMAPI_INPUTS, LLMAPI_OUTPUTS, modelInputs, modelOutputs, VLLM_INPUTS, VLLM_OUTPUTS } from '../spec/tensors';
import { servedVersions } from '../spec/version-policy';
import { configText, type ModelConfig } from './model-config';

/** The folder that a server reads its models from: parameters of engines name files by their whole path. */
export const DEFAULT_REPOSITORY = '/models/repository';

export interface ConfigOptions {
  /** Where the server sees the repository. @default /models/repository */
  readonly repository?: string;
}

/** A model's config.pbtxt as a message. */
export function modelConfig(model: Model, options: ConfigOptions = {}): ModelConfig {
  const { backend } = model;
  const common = {
    name: model.name,
    ...versionPolicy(model),
    ...(model.responseCache && { response_cache: { enable: true } }),
  };
  if (backend.kind === 'ensemble') return { ...common, ...ensemble(backend) };
  if (backend.kind === 'tensorrtllm') return { ...common, ...engine(model, backend, options) };
  if (isLanguageModel(backend)) return { ...common, ...(backend.kind === 'vllm' ? VLLM : LLMAPI) };
  return { ...common, ...tensorModel(model, backend) };
}

/** The text of a model's config.pbtxt. */
export function configPbtxt(model: Model, options: ConfigOptions = {}): string {
  return configText(modelConfig(model, options));
}

function versionPolicy({ versionPolicy: policy }: Model): ModelConfig {
  switch (policy?.kind) {
    case undefined:
      return {};
    case 'all':
      return { version_policy: { all: {} } };
    case 'latest':
      return { version_policy: { latest: { num_versions: policy.count } } };
    case 'specific':
      return { version_policy: { specific: { versions: policy.versions.map(String) } } };
  }
}

function tensors(all: readonly (Input | Output)[]): ModelConfig[] {
  return all.map((tensor) => ({
    name: tensor.name,
    data_type: `TYPE_${tensor.dataType}`,
    dims: tensor.dims.map(String),
    ...(tensor.reshape !== undefined && { reshape: { shape: tensor.reshape.map(String) } }),
    ...('optional' in tensor && tensor.optional && { optional: true }),
    ...('ragged' in tensor && tensor.ragged && { allow_ragged_batch: true }),
  }));
}

function parameters(values: Readonly<Record<string, string>>): ModelConfig {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { string_value: value }]));
}

/** The folder of an engine: that of the one version that is served. */
export function engineFolder(model: Model, { repository = DEFAULT_REPOSITORY }: ConfigOptions = {}): string {
  return `${repository}/${model.name}/${servedVersions(model).at(-1)}`;
}

/**
 * As in the template of NVIDIA/TensorRT-LLM, triton_backend/all_models/inflight_batcher_llm/tensorrt_llm/config.pbtxt.
 * The backend throws where the three parameters of guided decoding are missing, empty or not
 * (model_instance_state.cc, getGuidedDecodingConfigFromParams).
 */
function engine(model: Model, backend: TensorRtLlmBackend, options: ConfigOptions): ModelConfig {
  return {
    backend: 'tensorrtllm',
    max_batch_size: backend.maxBatch,
    model_transaction_policy: { decoupled: isDecoupled(backend) },
    dynamic_batching: { preferred_batch_size: [backend.maxBatch], ...queue(backend.queue) },
    input: tensors(modelInputs(backend)),
    output: tensors(modelOutputs(backend)),
    // The engine takes the GPUs by its ranks.
    instance_group: [{ count: 1, kind: 'KIND_CPU' }],
    parameters: parameters({
      ...contextParameters(model, backend),
      batch_scheduler_policy: (backend.scheduler ?? 'guaranteed-no-evict').replaceAll('-', '_'),
      exclude_input_in_output: 'true',
      FORCE_CPU_ONLY_INPUT_TENSORS: 'no',
      gpt_model_path: engineFolder(model, options),
      gpt_model_type: 'inflight_fused_batching',
      guided_decoding_backend: '',
      kv_cache_free_gpu_mem_fraction: String(kvCacheFraction(backend)),
      max_beam_width: '1',
      tokenizer_dir: '',
      xgrammar_tokenizer_info_path: '',
    }),
  };
}

/** Reuse of cached prefixes and prompts in pieces need attention over the paged cache, which not every engine has. */
function contextParameters({ accelerator }: Model, backend: TensorRtLlmBackend): Record<string, string> {
  const paged = String(engineOf(backend, gpuOf(accelerator)).pagedContextAttention);
  return { enable_chunked_context: paged, enable_kv_cache_reuse: paged };
}

/** Batch size and streaming stand in model.yaml, which its model.py completes the configuration from. */
const LLMAPI: ModelConfig = {
  backend: 'python',
  input: tensors(LLMAPI_INPUTS),
  output: tensors(LLMAPI_OUTPUTS),
  instance_group: [{ count: 1, kind: 'KIND_CPU' }],
};

/** As in triton-inference-server/vllm_backend, samples/model_repository: its model.py fills in inputs and outputs. */
const VLLM: ModelConfig = {
  backend: 'vllm',
  max_batch_size: 0,
  model_transaction_policy: { decoupled: true },
  input: tensors(VLLM_INPUTS),
  output: tensors(VLLM_OUTPUTS),
  instance_group: [{ count: 1, kind: 'KIND_MODEL' }],
  parameters: parameters({ REPORT_CUSTOM_METRICS: 'true' }),
};

function tensorModel(model: Model, backend: TensorBackend): ModelConfig {
  return {
    backend: backend.kind,
    max_batch_size: maxBatchSize(backend.batching),
    ...(isDecoupled(backend) && { model_transaction_policy: { decoupled: true } }),
    ...scheduling(backend.batching),
    input: tensors(backend.inputs),
    output: tensors(backend.outputs),
    instance_group: instancesOf(backend).map(instanceGroup),
    ...(model.warmup !== undefined && { model_warmup: model.warmup.map(warmup) }),
  };
}

function instanceGroup({ count, kind, gpus, rateLimiter }: InstanceGroup): ModelConfig {
  return {
    count,
    kind: kind === 'cpu' ? 'KIND_CPU' : 'KIND_GPU',
    ...(gpus !== undefined && { gpus: [...gpus] }),
    ...(rateLimiter !== undefined && {
      rate_limiter: {
        ...(rateLimiter.priority !== undefined && { priority: rateLimiter.priority }),
        resources: (rateLimiter.resources ?? []).map((resource) => ({
          name: resource.name,
          count: resource.count,
          ...(resource.global && { global: true }),
        })),
      },
    }),
  };
}

function warmup({ name, batchSize, count, inputs }: NonNullable<Model['warmup']>[number]): ModelConfig {
  return {
    name,
    batch_size: batchSize ?? 1,
    count: count ?? 1,
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([input, { dataType, dims, data }]) => [
        input,
        {
          data_type: `TYPE_${dataType}`,
          dims: dims.map(String),
          ...(data === 'zero' ? { zero_data: true } : { random_data: true }),
        },
      ]),
    ),
  };
}

function scheduling(batching: Batching): ModelConfig {
  switch (batching.kind) {
    case 'none':
      return {};
    case 'dynamic':
      return {
        dynamic_batching: {
          ...(batching.preferred !== undefined && { preferred_batch_size: [...batching.preferred] }),
          ...(batching.maxQueueDelayMicros !== undefined && {
            max_queue_delay_microseconds: String(batching.maxQueueDelayMicros),
          }),
          ...(batching.preserveOrdering && { preserve_ordering: true }),
          ...queue(batching.queue),
        },
      };
    case 'sequence':
      return { sequence_batching: sequence(batching) };
  }
}

function queue({ policy, priorities }: Queue = {}): ModelConfig {
  return {
    ...(policy !== undefined && { default_queue_policy: queuePolicy(policy) }),
    ...(priorities !== undefined && {
      priority_levels: String(priorities.levels),
      default_priority_level: String(priorities.default),
      priority_queue_policy: Object.fromEntries(
        Object.entries(priorities.policies ?? {}).map(([level, each]) => [level, queuePolicy(each)]),
      ),
    }),
  };
}

function queuePolicy({ maxSize, timeoutMicros, action, allowOverride }: QueuePolicy): ModelConfig {
  return {
    ...(action !== undefined && { timeout_action: action === 'reject' ? 'REJECT' : 'DELAY' }),
    ...(timeoutMicros !== undefined && { default_timeout_microseconds: String(timeoutMicros) }),
    ...(allowOverride && { allow_timeout_override: true }),
    ...(maxSize !== undefined && { max_queue_size: maxSize }),
  };
}

function sequence({ strategy, maxCandidates, maxIdleMicros, controls = {} }: SequenceBatching): ModelConfig {
  const flag = (name: string, kind: string): ModelConfig => ({
    name,
    control: [{ kind, fp32_false_true: [0, 1] }],
  });
  return {
    ...(maxIdleMicros !== undefined && { max_sequence_idle_microseconds: String(maxIdleMicros) }),
    ...(strategy === 'direct'
      ? { direct: {} }
      : { oldest: maxCandidates === undefined ? {} : { max_candidate_sequences: maxCandidates } }),
    control_input: [
      ...(controls.start === undefined ? [] : [flag(controls.start, 'CONTROL_SEQUENCE_START')]),
      ...(controls.end === undefined ? [] : [flag(controls.end, 'CONTROL_SEQUENCE_END')]),
      ...(controls.ready === undefined ? [] : [flag(controls.ready, 'CONTROL_SEQUENCE_READY')]),
      ...(controls.correlationId === undefined
        ? []
        : [
            {
              name: controls.correlationId,
              control: [{ kind: 'CONTROL_SEQUENCE_CORRID', data_type: 'TYPE_UINT64' }],
            },
          ]),
    ],
  };
}

function ensemble(backend: EnsembleBackend): ModelConfig {
  return {
    platform: 'ensemble',
    max_batch_size: backend.maxBatch,
    input: tensors(backend.inputs),
    output: tensors(backend.outputs),
    ensemble_scheduling: {
      step: backend.steps.map(({ model, inputs, outputs }) => ({
        model_name: model.name,
        model_version: '-1',
        input_map: { ...inputs },
        output_map: { ...outputs },
      })),
    },
  };
}
