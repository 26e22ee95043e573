import type { Model } from '../model';
import { type QueueMetric, queueMetric } from '../queue-metric';
import type { CapacityTarget } from './capacity';

/**
 * The slots that an engine has in use, with the derived target: what `QueueAutoscaler` takes as its `metric`. Undefined
 * where the backend has no such gauge.
 *
 * Waiting requests alone say nothing until a replica is full, and nothing again once it has caught up: replicas come late
 * and go too early (docs/autoscaling.md has the figures).
 */
export function derivedMetric(
  model: Pick<Model, 'backend' | 'versions' | 'versionPolicy'>,
  { computed }: Pick<CapacityTarget, 'computed'>,
): QueueMetric | undefined {
  if (model.backend.kind !== 'tensorrtllm') return undefined;
  const guard = queueMetric(model)?.guard;
  return {
    kind: 'gauge',
    name: 'triton_trtllm_scheduled_requests',
    series: 'nv_trt_llm_request_metrics',
    matchers: 'request_type="scheduled"',
    target: Math.max(0.1, Math.floor(computed * 10) / 10),
    ...(guard !== undefined && { guard }),
  };
}
