import { accelerator } from './accelerator';
import type { Model } from './model';
import { languageModelBytes } from './size';
import {
  isLanguageModel,
  kvCacheFraction,
  kvPrecision,
  type LanguageModelBackend,
  maxNumTokens,
  maxSequence,
  type TensorBackend,
  workingBackends,
  worldSize,
} from './spec/backend';
import { instancesOf } from './spec/instances';
import { kvBytes } from './spec/precision';
import { sum } from './sum';

export const GIB = 1024 ** 3;

/** Memory of the fullest GPU of a pod, bytes. The parts add up to `gpu`; `free` is below 0 where they are too many. */
export interface MemoryLayout {
  /** What CUDA offers of the GPU. */
  readonly gpu: number;
  readonly weights: number;
  /** Activations of one pass, and workspaces. */
  readonly activations: number;
  /** CUDA context, cuBLAS and NCCL of the server process, and what it captures as CUDA graphs. */
  readonly context: number;
  /** Key-value cache: 0 without a language model. */
  readonly kvCache: number;
  /** Left over. */
  readonly free: number;
}

/** What the key-value cache of a language model holds. */
export interface KvCapacity {
  /** Bytes of one token on one GPU. */
  readonly bytesPerToken: number;
  readonly tokens: number;
  /** Tokens of the longest prompt with the longest answer. */
  readonly longestSequence: number;
  /** Longest sequences at a time. */
  readonly sequences: number;
}

export type MemoryFit =
  | { readonly fits: true; readonly layout: MemoryLayout; readonly kv?: KvCapacity }
  /** `missing`: bytes of one GPU that are lacking, for one longest sequence where there is a key-value cache. */
  | { readonly fits: false; readonly layout: MemoryLayout; readonly kv?: KvCapacity; readonly missing: number };

/**
 * CUDA context, libraries and fragmentation of one server process.
 *
 * 0.8 GiB: what TensorRT-LLM and vLLM servers were seen to take beside weights and cache.
 */
const CONTEXT = 0.8 * GIB;

/**
 * CUDA graphs that vLLM captures beside what it counts: "can take additional 1~3 GiB memory per GPU" by its own log
 * (seen in vllm #7593), of which later versions take the lower end.
 */
const VLLM_GRAPHS = 1 * GIB;

/** Of a GPU that is not there. */
const NOTHING: MemoryLayout = { gpu: 0, weights: 0, activations: 0, context: 0, kvCache: 0, free: 0 };

/** How a model fills the GPUs that it is placed on. */
export function memoryFit(model: Pick<Model, 'backend' | 'accelerator'>): MemoryFit {
  if (model.accelerator === 'none') return { fits: true, layout: NOTHING };
  const gpu = accelerator(model.accelerator).usableGib * GIB;
  const members = workingBackends(model.backend);
  const engines = members.filter(isLanguageModel);
  const beside = members.filter((member) => !isLanguageModel(member)).map(tensorModelMemory);
  const weights = sum(beside.map((each) => each.weights)) + sum(engines.map(engineWeights));
  const activations = sum(beside.map((each) => each.activations)) + sum(engines.map(engineActivations));
  const context = CONTEXT + (engines.some(({ kind }) => kind === 'vllm') ? VLLM_GRAPHS : 0);
  const unused = gpu - context - weights - activations;
  if (engines.length === 0) {
    const layout = { gpu, weights, activations, context, kvCache: 0, free: unused };
    return unused >= 0 ? { fits: true, layout } : { fits: false, layout, missing: -unused };
  }
  // Several engines on one GPU would share what is free; each takes its part of what it finds.
  const [engine] = engines as [LanguageModelBackend, ...LanguageModelBackend[]];
  const fraction = kvCacheFraction(engine);
  const kvCache = Math.max(0, unused) * fraction;
  const layout = { gpu, weights, activations, context, kvCache, free: unused - kvCache };
  const bytesPerToken = kvBytesPerToken(engine);
  const tokens = Math.floor(kvCache / engines.length / bytesPerToken);
  const longestSequence = maxSequence(engine);
  const kv = { bytesPerToken, tokens, longestSequence, sequences: Math.floor(tokens / longestSequence) };
  if (kv.sequences >= 1) return { fits: true, layout, kv };
  const needed = (longestSequence * bytesPerToken * engines.length) / fraction;
  return { fits: false, layout, kv, missing: needed - unused };
}

/**
 * Bytes that one token takes in the key-value cache of one GPU: a key and a value for each of its layers and
 * key-value heads. With more ranks than such heads each rank keeps one.
 */
export function kvBytesPerToken(backend: LanguageModelBackend): number {
  const { architecture, tensorParallel = 1, pipelineParallel = 1 } = backend;
  const { layers, kvHeads, headDim } = architecture;
  const heads = Math.max(1, kvHeads / tensorParallel);
  return 2 * Math.ceil(layers / pipelineParallel) * heads * headDim * kvBytes(kvPrecision(backend));
}

function engineWeights(backend: LanguageModelBackend): number {
  return languageModelBytes(backend, backend.precision) / worldSize(backend);
}

const ACTIVATION_BYTES = 2;
const LOGIT_BYTES = 4;

/**
 * An upper bound of what one pass keeps at a time: two residual streams, queries, keys and values, gate and up
 * projection of one layer for all its tokens in 16 bits, and the logits of every request in 32.
 */
function engineActivations(backend: LanguageModelBackend): number {
  const { architecture, tensorParallel = 1, maxBatch } = backend;
  const { hidden, heads, kvHeads, headDim, ffn, vocab, activeExperts = 1 } = architecture;
  const perToken = 2 * hidden + ((heads + 2 * kvHeads) * headDim + 2 * ffn * activeExperts) / tensorParallel;
  return maxNumTokens(backend) * perToken * ACTIVATION_BYTES + maxBatch * vocab * LOGIT_BYTES;
}

/** Weights and workspace of all instances on one GPU. What runs on the CPU takes nothing. */
function tensorModelMemory(backend: TensorBackend): { weights: number; activations: number } {
  const groups = instancesOf(backend).filter(({ kind }) => kind !== 'cpu');
  const gpus = new Set(groups.flatMap(({ gpus: named }) => named ?? []));
  const on = (gpu: number | undefined) =>
    groups.reduce((count, group) => {
      const here = group.gpus === undefined || (gpu !== undefined && group.gpus.includes(gpu));
      return here ? count + group.count : count;
    }, 0);
  const instances = Math.max(on(undefined), ...[...gpus].map(on));
  return {
    weights: backend.bytes * instances,
    activations: (backend.workspaceBytes ?? backend.bytes) * instances,
  };
}
