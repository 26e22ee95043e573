import type { Model } from './model';

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
  tensorrtllm: {
    name: 'triton_trtllm_waiting_requests',
    series: 'nv_trt_llm_request_metrics',
    matchers: 'request_type="waiting"',
  },
  onnxruntime: {
    name: 'triton_pending_requests',
    series: 'nv_inference_pending_request_count',
    matchers: '',
  },
} as const;

/**
 * The queue signal of a model's backend.
 *
 * Under in-flight batching `nv_inference_pending_request_count` reads 0 while requests wait inside the engine, so the
 * engine's own gauge is taken there; with dynamic batching the pending count is right.
 *
 * The target before a load test has replaced it is one full round of batches: while no more than that waits, the next
 * pass of the instances takes all of it.
 */
export function queueMetric(model: Model): QueueMetric {
  const { backend } = model;
  const family = QUEUE_METRICS[backend.kind];
  const target =
    backend.kind === 'tensorrtllm' ? backend.maxBatch : backend.batching.maxBatch * (backend.instances ?? 1);
  return { ...family, target };
}
