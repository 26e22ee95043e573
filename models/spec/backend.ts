import { z } from 'zod';
import { CHECKPOINT_FAMILIES, type CheckpointFamily } from '../engine/release-flags';
import type { Model } from '../model';
import { wording } from '../parse';
import { TENSORRTLLM_RELEASES, type TensorRtLlmRelease } from '../versions';
import { type Architecture, architectureSchema } from './architecture';
import { type Batching, batchingSchema } from './batching';
import { isChecked } from './checked';
import { type InstanceGroup, instanceGroupSchema } from './instances';
import { KV_PRECISIONS, type KvPrecision, PRECISIONS, type Precision } from './precision';
import { type Queue, queueSchema } from './queue';
import { type Input, inputSchema, type Output, outputSchema } from './tensor';

/** What every engine for language models needs to know. Batching is in flight by nature. */
interface LanguageModel {
  readonly architecture: Architecture;
  /** Type of the weights. */
  readonly precision: Precision;
  /** Type of the key-value cache. @default 16 bits: bf16 with bf16 weights, else fp16 */
  readonly kvCache?: KvPrecision;
  /** GPUs that share each layer, within one node. @default 1 */
  readonly tensorParallel?: number;
  /** Groups of layers on GPUs, or nodes, of their own. @default 1 */
  readonly pipelineParallel?: number;
  /** Requests in flight. */
  readonly maxBatch: number;
  /** Tokens of a prompt. */
  readonly maxInput: number;
  /** Tokens of an answer. */
  readonly maxOutput: number;
  /** Tokens of one pass over all requests: bounds activations. @default 8192, or one longest prompt where that is more, or all requests in flight where that is less */
  readonly maxNumTokens?: number;
  /** Part of the free GPU memory that the key-value cache takes. @default 0.9 */
  readonly kvCacheFraction?: number;
}

/** An engine that TensorRT-LLM built, under Triton's `tensorrtllm` backend. */
export interface TensorRtLlmBackend extends LanguageModel {
  readonly kind: 'tensorrtllm';
  readonly release: TensorRtLlmRelease;
  /** Whose conversion script reads the checkpoint. @default llama */
  readonly family?: CheckpointFamily;
  /** Answers stream token by token: Triton's decoupled transaction policy. @default true */
  readonly streaming?: boolean;
  /** Bounds of the queue in front of the engine. Levels of priority do not reach into it. */
  readonly queue?: Pick<Queue, 'policy'>;
  /** Whether a request that was started can be evicted for others. @default guaranteed-no-evict */
  readonly scheduler?: 'guaranteed-no-evict' | 'max-utilization';
}

/** TensorRT-LLM's LLM API and PyTorch runtime on a Hugging Face checkpoint, under the python backend. */
export interface LlmApiBackend extends LanguageModel {
  readonly kind: 'llmapi';
  readonly release: TensorRtLlmRelease;
  /** Answers stream token by token: Triton's decoupled transaction policy. @default true */
  readonly streaming?: boolean;
}

/** vLLM on a Hugging Face checkpoint, under Triton's vLLM backend: always decoupled, requests ask for a stream or not. */
export interface VllmBackend extends LanguageModel {
  readonly kind: 'vllm';
}

/** A version of a model, with what distinguishes it. */
export interface ModelVersion {
  /** The name of its folder. */
  readonly version: number;
  /** @default what the file says */
  readonly precision?: Precision;
}

/** A model from tensors to tensors. */
interface TensorModel {
  /** Size of the model's files, bytes. */
  readonly bytes: number;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly batching: Batching;
  /** @default one instance on each GPU, or one on the CPU where there is none */
  readonly instances?: readonly InstanceGroup[];
  /** GPU memory of an instance beside its weights, bytes: activations and workspace, as measured. @default weights again */
  readonly workspaceBytes?: number;
}

/** An ONNX model. */
export interface OnnxRuntimeBackend extends TensorModel {
  readonly kind: 'onnxruntime';
}
/** A TorchScript model. */
export interface PyTorchBackend extends TensorModel {
  readonly kind: 'pytorch';
}
/** A TensorRT plan: for the GPU it was built on alone. */
export interface TensorRtBackend extends TensorModel {
  readonly kind: 'tensorrt';
}
/** A `model.py`. */
export interface PythonBackend extends TensorModel {
  readonly kind: 'python';
  /** Any number of responses to a request. @default false */
  readonly decoupled?: boolean;
}

/** One model of an ensemble, and where its tensors come from and go to. */
export interface EnsembleStep {
  readonly model: Model;
  /** The model's inputs by name: a tensor of the ensemble each. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The model's outputs by name: the tensor of the ensemble that each becomes. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Models that hand tensors on to each other inside the server. */
export interface EnsembleBackend {
  readonly kind: 'ensemble';
  /** Largest batch; 0 where a member does not batch. */
  readonly maxBatch: number;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly steps: readonly EnsembleStep[];
}

export type LanguageModelBackend = TensorRtLlmBackend | LlmApiBackend | VllmBackend;
export type TensorBackend = OnnxRuntimeBackend | PyTorchBackend | TensorRtBackend | PythonBackend;
export type Backend = LanguageModelBackend | TensorBackend | EnsembleBackend;

const positive = z.int().min(1);
const languageModel = {
  architecture: architectureSchema,
  precision: z.enum(PRECISIONS),
  kvCache: z.enum(KV_PRECISIONS).optional(),
  tensorParallel: positive.max(16).optional(),
  pipelineParallel: positive.max(16).optional(),
  maxBatch: positive.max(4096),
  maxInput: positive,
  maxOutput: positive,
  maxNumTokens: positive.optional(),
  kvCacheFraction: z.number().gt(0).max(0.98).optional(),
};
const tensorModel = {
  bytes: positive,
  inputs: z.array(inputSchema).min(1),
  outputs: z.array(outputSchema).min(1),
  batching: batchingSchema,
  instances: z.array(instanceGroupSchema).min(1).optional(),
  workspaceBytes: z.int().min(0).optional(),
};

export const backendSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tensorrtllm'),
    release: z.enum(TENSORRTLLM_RELEASES),
    family: z.enum(CHECKPOINT_FAMILIES).optional(),
    ...languageModel,
    streaming: z.boolean().optional(),
    queue: queueSchema.pick({ policy: true }).optional(),
    scheduler: z.enum(['guaranteed-no-evict', 'max-utilization']).optional(),
  }),
  z.strictObject({
    kind: z.literal('llmapi'),
    release: z.enum(TENSORRTLLM_RELEASES),
    ...languageModel,
    streaming: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal('vllm'), ...languageModel }),
  z.strictObject({ kind: z.literal('onnxruntime'), ...tensorModel }),
  z.strictObject({ kind: z.literal('pytorch'), ...tensorModel }),
  z.strictObject({ kind: z.literal('tensorrt'), ...tensorModel }),
  z.strictObject({ kind: z.literal('python'), ...tensorModel, decoupled: z.boolean().optional() }),
  z.strictObject({
    kind: z.literal('ensemble'),
    maxBatch: z.int().min(0),
    inputs: z.array(inputSchema).min(1),
    outputs: z.array(outputSchema).min(1),
    steps: z
      .array(
        z.strictObject({
          model: z.custom<Model>(
            isChecked,
            wording({
              reason: 'is no model',
              allowed: 'what defineModel({...}) returns',
              fix: 'define the member first',
            }),
          ),
          inputs: z.record(z.string().min(1), z.string().min(1)),
          outputs: z.record(z.string().min(1), z.string().min(1)),
        }),
      )
      .min(1),
  }),
]);

/** Whether the backend runs a language model, with a key-value cache. */
export function isLanguageModel(backend: Backend): backend is LanguageModelBackend {
  return backend.kind === 'tensorrtllm' || backend.kind === 'llmapi' || backend.kind === 'vllm';
}

/** A backend that does the work itself. */
export type WorkingBackend = Exclude<Backend, { kind: 'ensemble' }>;

/** The backends that do the work: those of an ensemble's members, whatever its depth. */
export function workingBackends(backend: Backend): WorkingBackend[] {
  return backend.kind === 'ensemble' ? backend.steps.flatMap(({ model }) => workingBackends(model.backend)) : [backend];
}

/** The models of an ensemble's steps, each once; none of any other backend. */
export function memberModels(backend: Backend): Model[] {
  return backend.kind === 'ensemble' ? [...new Set(backend.steps.map(({ model }) => model))] : [];
}

/** The model itself, and all that it is made of, whatever its depth: ensembles among them, each once. */
export function allModels(model: Model): Model[] {
  return [...new Set([model, ...memberModels(model.backend).flatMap(allModels)])];
}

/** GPUs that one copy of the model is spread over. */
export function worldSize({
  tensorParallel = 1,
  pipelineParallel = 1,
}: Pick<LanguageModelBackend, 'tensorParallel' | 'pipelineParallel'>): number {
  return tensorParallel * pipelineParallel;
}

/** The type of the key-value cache where none is named. */
export function kvPrecision(backend: LanguageModelBackend): KvPrecision {
  return backend.kvCache ?? (backend.precision === 'bf16' ? 'bf16' : 'fp16');
}

/** Part of the free memory that the key-value cache takes (TensorRT-LLM, `kv_cache_free_gpu_mem_fraction`). */
export function kvCacheFraction({ kvCacheFraction = 0.9 }: Pick<LanguageModelBackend, 'kvCacheFraction'>): number {
  return kvCacheFraction;
}

/** What bounds the tokens of a language model. */
type Lengths = Pick<LanguageModelBackend, 'maxBatch' | 'maxInput' | 'maxOutput' | 'maxNumTokens'>;

/** Tokens of a prompt and its answer. */
export function maxSequence({ maxInput, maxOutput }: Pick<Lengths, 'maxInput' | 'maxOutput'>): number {
  return maxInput + maxOutput;
}

/** What all requests in flight hold at most: trtllm-build's bound (tensorrt_llm/_common.py, check_max_num_tokens). */
export function allTokens(lengths: Lengths): number {
  return maxSequence(lengths) * lengths.maxBatch;
}

/** BuildConfig's default of max_num_tokens since 0.11 (tensorrt_llm/builder.py; release notes, 0.11). */
const DEFAULT_NUM_TOKENS = 8192;

/** Tokens of one pass over all requests in flight: never more than all of them together can hold. */
export function maxNumTokens(lengths: Lengths): number {
  return lengths.maxNumTokens ?? Math.min(Math.max(DEFAULT_NUM_TOKENS, lengths.maxInput), allTokens(lengths));
}

/** Whether a request may have any number of responses. */
export function isDecoupled(backend: Backend): boolean {
  if (isLanguageModel(backend)) return backend.kind === 'vllm' || (backend.streaming ?? true);
  if (backend.kind === 'ensemble') return backend.steps.some(({ model }) => isDecoupled(model.backend));
  return backend.kind === 'python' && backend.decoupled === true;
}
