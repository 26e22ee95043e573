import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GUARD_METRICS, perPod, QUEUE_METRICS } from '../../models/queue-metric';
import { Promtool } from '../support/promtool';

const KV = perPod(GUARD_METRICS.engine, 'namespace="n"', 'pod');
const COMPUTED = perPod({ ...QUEUE_METRICS.computed, target: 1 }, 'namespace="n"', 'pod');
const blocks = (kind: string, pod = 'a') =>
  `nv_trt_llm_kv_cache_block_metrics{namespace="n",pod="${pod}",kv_cache_block_type="${kind}"}`;
const computing = (part: string, model: string) =>
  `nv_inference_compute_${part}_duration_us{namespace="n",pod="a",model="${model}"}`;

/** Each: what Prometheus has, as promtool writes series, and what it answers five minutes later, by pod. */
const CASES: readonly (readonly [
  name: string,
  query: string,
  series: Readonly<Record<string, string>>,
  answer: Readonly<Record<string, number>>,
])[] = [
  [
    'a gauge of each pod',
    KV,
    { [blocks('fraction')]: '0.5x30', [blocks('fraction', 'b')]: '0.25x30' },
    { a: 0.5, b: 0.25 },
  ],
  ['only the children that count', KV, { [blocks('fraction')]: '0.5x30', [blocks('max')]: '900x30' }, { a: 0.5 }],
  // TensorRT-LLM divides by the blocks that there are.
  ['nothing for a gauge that is not a number', KV, { [blocks('fraction')]: 'NaN '.repeat(31).trim() }, {}],
  ['nothing where there is nothing', KV, {}, {}],
  [
    'the root of what is computed, over all models of a pod',
    COMPUTED,
    {
      // In 10 s, 40 s of computing: 4 requests at a time.
      ...Object.fromEntries(['infer', 'input', 'output'].map((part) => [computing(part, 'm'), '0+10000000x30'])),
      ...Object.fromEntries(
        ['infer', 'input', 'output'].map((part) => [computing(part, 'n'), part === 'infer' ? '0+10000000x30' : '0x30']),
      ),
    },
    { a: 2 },
  ],
  ['nothing of counters that are missing in part', COMPUTED, { [computing('infer', 'm')]: '0+1x30' }, {}],
  [
    'none for a server that does nothing',
    COMPUTED,
    Object.fromEntries(['infer', 'input', 'output'].map((part) => [computing(part, 'm'), '7x30'])),
    { a: 0 },
  ],
];

describe('what autoscalers ask, answered by Prometheus', () => {
  let promtool: Promtool;
  beforeAll(async () => {
    promtool = await Promtool.open();
  });
  afterAll(() => promtool?.close());

  it.each(CASES)('is %s', (_name, query, series, answer) => {
    const { status, said } = promtool.test(series, {
      interval: '10s',
      promql_expr_test: [
        {
          expr: query,
          eval_time: '5m',
          exp_samples: Object.entries(answer).map(([pod, value]) => ({ labels: `{pod="${pod}"}`, value })),
        },
      ],
    });
    expect({ status, said: status === 0 ? '' : said }).toEqual({ status: 0, said: '' });
  });
});
