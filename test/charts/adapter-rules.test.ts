import { expect, it } from 'vitest';
import { adapterRules } from '../../charts/adapter-rules';

it('serves the queue of each kind of backend and its guard, for the pod that has it', () => {
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
    {
      seriesQuery: 'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_trtllm_kv_cache_fraction' },
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>,kv_cache_block_type="fraction"}) by (<<.GroupBy>>)',
    },
    {
      seriesQuery: 'nv_inference_queue_duration_us{namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_queue_compute_ratio' },
      metricsQuery:
        'sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>) / clamp_min(sum(rate(nv_inference_compute_infer_duration_us{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>), 1)',
    },
  ]);
});
