import { expect, it } from 'vitest';
import { adapterRules } from '../../charts/adapter-rules';

it('serves what each kind of backend is scaled on and its guard, for the pod that has it', () => {
  expect(adapterRules()).toEqual([
    {
      seriesQuery: 'nv_trt_llm_request_metrics{request_type="active",namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_trtllm_active_requests' },
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>,request_type="active"} >= 0) by (<<.GroupBy>>)',
    },
    {
      seriesQuery: 'nv_inference_compute_infer_duration_us{namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_computed_requests_root' },
      metricsQuery:
        'sqrt((sum(rate(<<.Series>>{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>) + sum(rate(nv_inference_compute_input_duration_us{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>) + sum(rate(nv_inference_compute_output_duration_us{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>)) / 1e6)',
    },
    {
      seriesQuery: 'nv_inference_pending_request_count{namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_pending_requests' },
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>} >= 0) by (<<.GroupBy>>)',
    },
    {
      seriesQuery: 'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'triton_trtllm_kv_cache_fraction' },
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>,kv_cache_block_type="fraction"} >= 0) by (<<.GroupBy>>)',
    },
  ]);
});
