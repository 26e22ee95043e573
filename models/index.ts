// What a program of its own describes models with: `triton-stack/models` of the package.
export { type Accelerator, type AcceleratorName, accelerator, type Hardware } from './accelerator';
export { type Capacity, type CapacityDemand, capacity } from './capacity/capacity';
export type { MeasuredCapacity } from './capacity/measured';
export { catalog } from './catalog';
export { llama31 } from './catalog/llama-3.1-8b';
export { llama31Large } from './catalog/llama-3.1-70b';
export { mistralVllm } from './catalog/mistral-7b-vllm';
export { nimLlama31 } from './catalog/nim-llama-3.1-8b';
export { qwenLlmApi } from './catalog/qwen2.5-7b-llmapi';
export { resnet50 } from './catalog/resnet50';
export { resnet50Image } from './catalog/resnet50-image';
export { type Explanation, explain } from './explain';
export { type GkeNodePool, gkeNodePool } from './gke-node-pool';
export {
  type Backend,
  defineModel,
  type EnsembleStep,
  type Model,
  type ModelSpec,
  type ModelVersion,
  type Scale,
  type Warmup,
  withOverrides,
} from './model';
export { defineNim, type Nim, type NimSpec, placeNimOn } from './nim';
export { type GpuPool, type Placement, placeOn } from './placement';
export { InputError, type Problem } from './problem';
export {
  type ExternalMetric,
  type PodMetric,
  podMetrics,
  type QueueMetric,
  queueMetric,
  type ScaleMetric,
  waitingMetric,
} from './queue-metric';
export type { HuggingFaceModel } from './repository/layout';
export { type Architecture, architectureFromHuggingFace } from './spec/architecture';
export type { PromptClass, ServicePromise } from './spec/promise';
export type { WakeSource } from './spec/wake-source';
