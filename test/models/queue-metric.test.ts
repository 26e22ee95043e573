import { describe, expect, it } from 'vitest';
import { capacity } from '../../models/capacity/capacity';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { qwenLlmApi } from '../../models/catalog/qwen2.5-7b-llmapi';
import { defineModel, type Model } from '../../models/model';
import {
  GUARD_METRICS,
  perPod,
  podMetrics,
  QUEUE_METRICS,
  queueMetric,
  waitingMetric,
} from '../../models/queue-metric';
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

const MEASURED = {
  measured: 'a load test',
  service: [
    { requests: 1, seconds: 0.2 },
    { requests: 8, seconds: 0.6 },
  ],
};

/** The square root that the autoscaler reads, in thousandths. */
const root = (requests: number) => Math.round(Math.sqrt(requests) * 1000) / 1000;

describe('queueMetric', () => {
  it("takes the engine's slots under in-flight batching, and its cache as the guard", () => {
    expect(queueMetric(llama31)).toEqual({ ...QUEUE_METRICS.engine, target: 48, guard: GUARD_METRICS.engine });
  });

  it('counts a batch of slots for each stage of the pipeline', () => {
    const backend = { ...llama31.backend, pipelineParallel: 2 } as Model['backend'];
    expect(queueMetric(defineModel({ ...llama31, backend }))?.target).toBe(96);
  });

  it('takes the requests that are computed under dynamic batching, two fifths of what one pass takes', () => {
    expect(queueMetric(tensorModel('a', {}, DYNAMIC))).toEqual({ ...QUEUE_METRICS.computed, target: root(0.4 * 8) });
  });

  it('multiplies the pass by the instances of every GPU', () => {
    const instances = [{ count: 2 }];
    const target = root(0.4 * 8 * 2 * 4);
    expect(queueMetric(tensorModel('a', {}, { ...DYNAMIC, instances }), 4)).toMatchObject({ target });
  });

  it('takes what computes one request at a time for slots', () => {
    const instances = [{ count: 4 }];
    for (const batching of [{ kind: 'none' }, { kind: 'dynamic', maxBatch: 1 }]) {
      expect(queueMetric(tensorModel('a', {}, { batching, instances }))).toMatchObject({ target: root(0.75 * 4) });
    }
  });

  it('looks at the members of an ensemble: the engine, or the one that takes the fewest, each counted once more', () => {
    const one = tensorModel('a', {}, DYNAMIC);
    const small = tensorModel('small', {}, { batching: { kind: 'dynamic', maxBatch: 4 } });
    expect(queueMetric(chained(one, small))?.target).toBe(root(0.4 * 4 * 2));
    expect(queueMetric(chained(chained(one), small))?.target).toBe(root(0.4 * 4 * 2));
    expect(queueMetric(chained(chained(small), one))?.target).toBe(root(0.4 * 4 * 3));
  });

  it('takes the target from a load test that is declared, and never more than three quarters of the slots', () => {
    const declared = (seconds: number) =>
      queueMetric(tensorModel('a', { capacity: MEASURED, deadlineSeconds: seconds }, DYNAMIC))?.target as number;
    const computed = (seconds: number) => {
      const model = tensorModel('a', { deadlineSeconds: seconds }, DYNAMIC);
      return capacity(model, { ratePerSecond: 1, measured: MEASURED }).target.computed;
    };
    expect(computed(1)).toBeLessThan(6);
    expect(declared(1)).toBe(root(computed(1)));
    expect(computed(60)).toBeGreaterThan(6);
    expect(declared(60)).toBe(root(6));
  });

  it('refuses a capacity with which no number of replicas keeps the promise', () => {
    const service = [{ requests: 8, seconds: 2 }];
    const model = tensorModel('a', { capacity: { ...MEASURED, service }, deadlineSeconds: 1 }, DYNAMIC);
    expect(() => queueMetric(model)).toThrow(/no number of replicas keeps it/);
  });

  const streaming = tensorModel('streams', {}, { kind: 'python', decoupled: true });

  it.each([mistralVllm, qwenLlmApi, streaming, chained(tensorModel('a', {}, DYNAMIC), streaming)])(
    'has none for $name, which tells nobody who is in it',
    (model) => {
      expect(queueMetric(model)).toBeUndefined();
      expect(waitingMetric(model)).toBeUndefined();
    },
  );
});

describe('waitingMetric', () => {
  it('is the pending requests, one round of batches as the target', () => {
    const small = tensorModel('small', {}, { batching: { kind: 'dynamic', maxBatch: 4 } });
    expect(waitingMetric(tensorModel('a', {}, { ...DYNAMIC, instances: [{ count: 2 }] }))).toEqual({
      ...QUEUE_METRICS.pending,
      target: 16,
      single: true,
    });
    expect(waitingMetric(chained(tensorModel('a', {}, DYNAMIC), small))).toMatchObject({ target: 4, single: false });
  });

  it('knows whether a pod shows the family once', () => {
    const versions = [{ version: 1 }, { version: 2 }];
    expect(waitingMetric(tensorModel('a', { versions }, DYNAMIC))).toMatchObject({ single: true });
    expect(waitingMetric(tensorModel('a', { versions, versionPolicy: { kind: 'all' } }, DYNAMIC))).toMatchObject({
      single: false,
    });
  });

  it('is none for engines, in which Triton sees nobody wait', () => {
    expect(waitingMetric(llama31)).toBeUndefined();
  });
});

describe('a metric of each pod, in PromQL', () => {
  it('sums the children that count', () => {
    expect(perPod(GUARD_METRICS.engine, 'namespace="n"', 'pod')).toBe(
      'sum(nv_trt_llm_kv_cache_block_metrics{namespace="n",kv_cache_block_type="fraction"} >= 0) by (pod)',
    );
    expect(perPod({ ...QUEUE_METRICS.pending, target: 1 }, '', 'pod')).toBe(
      'sum(nv_inference_pending_request_count{} >= 0) by (pod)',
    );
  });

  it('is the root of the requests that spend their time in any of the counters', () => {
    const growth = (phase: string) =>
      `sum(rate(nv_inference_compute_${phase}_duration_us{namespace="n"}[60s])) by (pod)`;
    expect(perPod({ ...QUEUE_METRICS.computed, target: 1 }, 'namespace="n"', 'pod')).toBe(
      `sqrt((${growth('infer')} + ${growth('input')} + ${growth('output')}) / 1e6)`,
    );
  });
});

it('podMetrics are the queue and its guard, each once', () => {
  const { guard, ...alone } = queueMetric(llama31) ?? {};
  expect(podMetrics({ ...alone, guard } as never).map(({ name }) => name)).toEqual([
    'triton_trtllm_active_requests',
    'triton_trtllm_kv_cache_fraction',
  ]);
  expect(podMetrics(alone as never)).toHaveLength(1);
});
