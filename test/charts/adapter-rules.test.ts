import { expect, it } from 'vitest';
import { adapterRules } from '../../charts/adapter-rules';

it('serves the gauge of each kind of backend, for the pod that has it', () => {
  expect(adapterRules()).toEqual([
    {
      seriesQuery: 'nv_trt_llm_request_metrics{request_type="waiting",namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_trtllm_waiting_requests' },
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>,request_type="waiting"}) by (<<.GroupBy>>)',
    },
    {
      seriesQuery: 'nv_inference_pending_request_count{namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_pending_requests' },
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)',
    },
  ]);
});
