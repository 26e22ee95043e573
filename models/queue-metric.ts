import type { Model } from './model';
import { isLanguageModel, type WorkingBackend, workingBackends } from './spec/backend';
import { maxBatchSize } from './spec/batching';
import { instanceCount, instancesOf } from './spec/instances';

/** The metric of waiting requests that a model's replicas are scaled on. */
export interface QueueMetric {
  /** The name under which the custom metrics API serves it. */
  readonly name: string;
  /** Triton's metric family. */
  readonly series: string;
  /** Label matchers that select the right children of the family, in PromQL; empty for all. */
  readonly matchers: string;
  /** Requests waiting per pod at which another replica is due. */
  readonly target: number;
}

/** Waiting requests by family, each once however many models use it. */
export const QUEUE_METRICS = {
  engine: {
    name: 'triton_trtllm_waiting_requests',
    series: 'nv_trt_llm_request_metrics',
    matchers: 'request_type="waiting"',
  },
  pending: {
    name: 'triton_pending_requests',
    series: 'nv_inference_pending_request_count',
    matchers: '',
  },
} as const;

/**
 * The queue signal of a model's backend, or undefined where Triton has none: vLLM and the LLM API take every request at
 * once and tell nobody how many wait inside.
 *
 * Under in-flight batching `nv_inference_pending_request_count` reads 0 while requests wait inside the engine, so the
 * engine's own gauge is taken there; with dynamic batching the pending count is right. It is wrong for an ensemble
 * (triton server #6494), whose members are looked at instead: an engine where there is one, else the member that takes
 * the fewest at a time.
 *
 * The target before a load test has replaced it is one full round of batches: while no more than that waits, the next
 * pass of the instances takes all of it.
 *
 * @param gpusPerPod - GPUs of one pod, each of which has its own instances
 */
export function queueMetric({ backend }: Pick<Model, 'backend'>, gpusPerPod = 1): QueueMetric | undefined {
  const members = workingBackends(backend);
  const engines = members.filter(isLanguageModel);
  if (engines.some(({ kind }) => kind !== 'tensorrtllm')) return undefined;
  if (engines.length > 0) {
    return { ...QUEUE_METRICS.engine, target: Math.min(...engines.map(({ maxBatch }) => maxBatch)) };
  }
  return { ...QUEUE_METRICS.pending, target: Math.min(...members.map((member) => roundOf(member, gpusPerPod))) };
}

/** Requests that all instances take in one pass. */
function roundOf(backend: WorkingBackend, gpusPerPod: number): number {
  if (isLanguageModel(backend)) return backend.maxBatch;
  return Math.max(1, maxBatchSize(backend.batching)) * instanceCount(instancesOf(backend), gpusPerPod);
}
