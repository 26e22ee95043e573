import { describe, expect, it } from 'vitest';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { qwenLlmApi } from '../../models/catalog/qwen2.5-7b-llmapi';
import { defineModel, type Model } from '../../models/model';
import { GUARD_METRICS, perPod, podMetrics, QUEUE_METRICS, queueMetric } from '../../models/queue-metric';
import { tensorModel } from '../support/models';

const DYNAMIC = { batching: { kind: 'dynamic', maxBatch: 8 } };

/** An ensemble of these models, one after the other. */
function chained(...models: Model[]): Model {
  return defineModel({
    name: 'ensemble',
    accelerator: 'nvidia-l4',
    scale: { min: 1, max: 1 },
    backend: {
      kind: 'ensemble',
      maxBatch: 0,
      inputs: [{ name: 'IN', dataType: 'FP32', dims: [2] }],
      outputs: [{ name: 'OUT', dataType: 'FP32', dims: [2] }],
      steps: models.map((model, index) => ({
        model,
        inputs: { IN: index === 0 ? 'IN' : `t${index}` },
        outputs: { OUT: index === models.length - 1 ? 'OUT' : `t${index + 1}` },
      })),
    },
  });
}

describe('queueMetric', () => {
  it("takes the engine's own gauge under in-flight batching, and its cache as the guard", () => {
    expect(queueMetric(llama31)).toEqual({ ...QUEUE_METRICS.engine, target: 64, guard: GUARD_METRICS.engine });
  });

  it('takes the pending requests under dynamic batching, one round of batches as the target', () => {
    expect(queueMetric(tensorModel('a', {}, DYNAMIC))).toMatchObject({
      series: 'nv_inference_pending_request_count',
      target: 8,
      guard: { series: 'nv_inference_queue_duration_us', per: 'nv_inference_compute_infer_duration_us', target: 1 },
    });
  });

  it('multiplies the round by the instances of every GPU', () => {
    const instances = [{ count: 2 }];
    expect(queueMetric(tensorModel('a', {}, { ...DYNAMIC, instances }), 4)).toMatchObject({ target: 8 * 2 * 4 });
  });

  it('looks at the members of an ensemble: the engine, or the one that takes the fewest', () => {
    const small = tensorModel('small', {}, { batching: { kind: 'dynamic', maxBatch: 4 } });
    expect(queueMetric(chained(tensorModel('a', {}, DYNAMIC), small))).toMatchObject({ target: 4 });
  });

  it.each([mistralVllm, qwenLlmApi])('has none for $backend.kind, which tells nobody who waits', (model) => {
    expect(queueMetric(model)).toBeUndefined();
  });

  it('has no guard where a batcher lets requests wait on purpose', () => {
    const waiting = tensorModel('a', {}, { batching: { ...DYNAMIC.batching, maxQueueDelayMicros: 500 } });
    const hurried = tensorModel('b', {}, { batching: { ...DYNAMIC.batching, maxQueueDelayMicros: 0 } });
    expect(queueMetric(waiting)).not.toHaveProperty('guard');
    expect(queueMetric(hurried)).toHaveProperty('guard');
    expect(queueMetric(chained(hurried, waiting))).not.toHaveProperty('guard');
  });

  it('has a lower guard for an ensemble, which counts the computing of its members twice', () => {
    const one = tensorModel('a', {}, DYNAMIC);
    const two = chained(one, tensorModel('b', {}, DYNAMIC));
    expect(queueMetric(two)?.guard).toEqual({ ...GUARD_METRICS.pending, target: 1 / 2 });
    expect(queueMetric(chained(two))?.guard?.target).toBe(1 / 3);
  });

  it('knows whether a pod shows the family once', () => {
    const one = tensorModel('a', {}, DYNAMIC);
    const versions = [{ version: 1 }, { version: 2 }];
    expect(queueMetric(one)).toMatchObject({ single: true });
    expect(queueMetric(tensorModel('a', { versions }, DYNAMIC))).toMatchObject({ single: true });
    expect(queueMetric(tensorModel('a', { versions, versionPolicy: { kind: 'all' } }, DYNAMIC))).toMatchObject({
      single: false,
    });
    expect(queueMetric(chained(one, tensorModel('b', {}, DYNAMIC)))).toMatchObject({ single: false });
  });
});

describe('a metric of each pod, in PromQL', () => {
  it('sums the children that count', () => {
    expect(perPod(GUARD_METRICS.engine, 'namespace="n"', 'pod')).toBe(
      'sum(nv_trt_llm_kv_cache_block_metrics{namespace="n",kv_cache_block_type="fraction"}) by (pod)',
    );
    expect(perPod({ ...QUEUE_METRICS.pending, target: 1 }, '', 'pod')).toBe(
      'sum(nv_inference_pending_request_count{}) by (pod)',
    );
  });

  it('divides sums of rates, and never by zero', () => {
    expect(perPod(GUARD_METRICS.pending, 'namespace="n"', 'pod')).toBe(
      'sum(rate(nv_inference_queue_duration_us{namespace="n"}[1m])) by (pod) / clamp_min(sum(rate(nv_inference_compute_infer_duration_us{namespace="n"}[1m])) by (pod), 1)',
    );
  });
});

it('podMetrics are the queue and its guard, each once', () => {
  const { guard, ...alone } = queueMetric(llama31) ?? {};
  expect(podMetrics({ ...alone, guard } as never).map(({ name }) => name)).toEqual([
    'triton_trtllm_waiting_requests',
    'triton_trtllm_kv_cache_fraction',
  ]);
  expect(podMetrics(alone as never)).toHaveLength(1);
});
