import { describe, expect, it } from 'vitest';
import { derivedMetric } from '../../../models/capacity/derived-metric';
import { llama31 } from '../../../models/catalog/llama-3.1-8b';
import { resnet50 } from '../../../models/catalog/resnet50';
import { GUARD_METRICS } from '../../../models/queue-metric';

describe('derivedMetric', () => {
  it('is the slots in use of an engine, with its guard, no more than the derived target', () => {
    expect(derivedMetric(llama31, { computed: 43.78 })).toEqual({
      kind: 'gauge',
      name: 'triton_trtllm_scheduled_requests',
      series: 'nv_trt_llm_request_metrics',
      matchers: 'request_type="scheduled"',
      target: 43.7,
      guard: GUARD_METRICS.engine,
    });
  });

  it('is nothing where no gauge tells what is computed', () => {
    expect(derivedMetric(resnet50, { computed: 4 })).toBeUndefined();
  });
});
