import { dump } from 'js-yaml';
import { gpuOf } from '../accelerator';
import { engineOf } from '../engine/engine-of';
import { memoryFit } from '../memory';
import type { Model, ModelVersion } from '../model';
import {
  kvCacheFraction,
  kvPrecision,
  type LanguageModelBackend,
  type LlmApiBackend,
  maxNumTokens,
  maxSequence,
  memberModels,
  type VllmBackend,
} from '../spec/backend';
import type { Precision } from '../spec/precision';
import { versionsOf } from '../spec/version-policy';
import { type ConfigOptions, configPbtxt, DEFAULT_REPOSITORY } from './config-pbtxt';

/** A file or folder of a model repository. */
export type RepositoryEntry =
  | {
      /** From the repository's root. */
      readonly path: string;
      /** What stands in it: this file follows from the model's description. */
      readonly content: string;
    }
  | {
      readonly path: string;
      /** What has to be put there, and where it comes from. */
      readonly artifact: string;
    };

/** A model of the Hugging Face Hub, at one commit. */
export interface HuggingFaceModel {
  /** `organisation/name`. */
  readonly model: string;
  /** The commit, 40 hexadecimal digits: a branch or a tag can be moved. */
  readonly revision: string;
}

export interface LayoutOptions extends ConfigOptions {
  /** Where vLLM fetches weights and tokenizer from, at the server's start. @default a checkpoint in the repository */
  readonly huggingFace?: HuggingFaceModel;
}

const UPSTREAM_LLMAPI =
  'NVIDIA/TensorRT-LLM, triton_backend/all_models/llmapi/tensorrt_llm/1, at the release of the image';

/** Everything that the model repository of one server holds: the model's folder, and its members' where it is an ensemble. */
export function repositoryLayout(model: Model, options: LayoutOptions = {}): RepositoryEntry[] {
  return [
    { path: `${model.name}/config.pbtxt`, content: configPbtxt(model, options) },
    ...versionEntries(model, options),
    ...memberModels(model.backend).flatMap((member) => repositoryLayout(member, options)),
  ];
}

function versionEntries(model: Model, options: LayoutOptions): RepositoryEntry[] {
  return versionsOf(model).flatMap((version) => filesOf(model, version, options));
}

function filesOf(model: Model, { version, precision }: ModelVersion, options: LayoutOptions): RepositoryEntry[] {
  const { backend } = model;
  const folder = `${model.name}/${version}`;
  const type = precision === undefined ? '' : ` (${precision})`;
  switch (backend.kind) {
    case 'ensemble':
      return [{ path: `${folder}/`, artifact: 'an empty folder: Triton wants one, the models are the members' }];
    case 'tensorrtllm':
      return engineOf(backend, gpuOf(model.accelerator)).engineFiles.map((file) => ({
        path: `${folder}/${file}`,
        artifact: `of the engine${type}, built on ${model.accelerator}`,
      }));
    case 'llmapi':
      return [
        { path: `${folder}/model.yaml`, content: llmapiYaml(backend, folder, precision, options) },
        { path: `${folder}/model.py`, artifact: UPSTREAM_LLMAPI },
        { path: `${folder}/helpers.py`, artifact: UPSTREAM_LLMAPI },
        { path: `${folder}/checkpoint/`, artifact: `the Hugging Face checkpoint${type}` },
      ];
    case 'vllm':
      return [
        { path: `${folder}/model.json`, content: vllmJson(model, backend, folder, precision, options) },
        ...(options.huggingFace === undefined
          ? [{ path: `${folder}/checkpoint/`, artifact: `the Hugging Face checkpoint${type}` }]
          : []),
      ];
    default:
      return [{ path: `${folder}/${MODEL_FILES[backend.kind]}`, artifact: `the model${type}` }];
  }
}

/** The file that each backend looks for where the configuration names none. */
const MODEL_FILES = {
  onnxruntime: 'model.onnx',
  pytorch: 'model.pt',
  tensorrt: 'model.plan',
  python: 'model.py',
} as const;

function checkpoint(folder: string, { repository = DEFAULT_REPOSITORY }: ConfigOptions): string {
  return `${repository}/${folder}/checkpoint`;
}

const DTYPE: Readonly<Partial<Record<Precision, string>>> = { fp32: 'float32', fp16: 'float16', bf16: 'bfloat16' };

/** Arguments of `tensorrt_llm.llmapi.LLM`. Of a quantized checkpoint its own config says how it is quantized. */
function llmapiYaml(
  backend: LlmApiBackend,
  folder: string,
  precision: Precision = backend.precision,
  options: ConfigOptions,
): string {
  return dump({
    model: checkpoint(folder, options),
    backend: 'pytorch',
    dtype: DTYPE[precision] ?? 'auto',
    tensor_parallel_size: backend.tensorParallel ?? 1,
    pipeline_parallel_size: backend.pipelineParallel ?? 1,
    max_batch_size: backend.maxBatch,
    max_seq_len: maxSequence(backend),
    max_num_tokens: maxNumTokens(backend),
    kv_cache_config: {
      dtype: kvPrecision(backend) === 'fp8' ? 'fp8' : 'auto',
      free_gpu_memory_fraction: kvCacheFraction(backend),
    },
    // Triton hands requests over one by one; they are batched in flight.
    triton_config: { max_batch_size: 0, decoupled: backend.streaming ?? true },
  });
}

/**
 * Arguments of vLLM's `AsyncEngineArgs`, which the backend makes of this file as it stands (triton-inference-server/vllm_backend,
 * src/model.py). The tokenizer has a revision of its own (vllm-project/vllm, vllm/engine/arg_utils.py).
 */
function vllmJson(
  model: Model,
  backend: VllmBackend,
  folder: string,
  precision: Precision = backend.precision,
  options: LayoutOptions,
): string {
  const quantization = { fp8: 'fp8', 'int4-awq': 'awq' }[precision as string];
  const { huggingFace } = options;
  return `${JSON.stringify(
    {
      ...(huggingFace === undefined
        ? { model: checkpoint(folder, options) }
        : { model: huggingFace.model, revision: huggingFace.revision, tokenizer_revision: huggingFace.revision }),
      dtype: DTYPE[precision] ?? 'auto',
      ...(quantization !== undefined && { quantization }),
      kv_cache_dtype: kvPrecision(backend) === 'fp8' ? 'fp8' : 'auto',
      tensor_parallel_size: backend.tensorParallel ?? 1,
      pipeline_parallel_size: backend.pipelineParallel ?? 1,
      max_model_len: maxSequence(backend),
      max_num_seqs: backend.maxBatch,
      max_num_batched_tokens: maxNumTokens(backend),
      gpu_memory_utilization: gpuMemoryUtilization(model, backend),
      disable_log_stats: false,
    },
    null,
    2,
  )}\n`;
}

/** vLLM's fraction is of the whole GPU, with weights and activations in it, without CUDA graphs; rounded down. */
function gpuMemoryUtilization({ accelerator }: Model, backend: LanguageModelBackend): number {
  const { layout } = memoryFit({ accelerator, backend });
  return Math.floor(((layout.weights + layout.activations + layout.kvCache) / layout.gpu) * 100) / 100;
}
