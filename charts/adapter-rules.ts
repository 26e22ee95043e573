import { QUEUE_METRICS } from '../models/queue-metric';

/** A rule of prometheus-adapter's configuration (prometheus-adapter, docs/config.md). */
export interface AdapterRule {
  readonly seriesQuery: string;
  readonly resources: { readonly overrides: Readonly<Record<string, { readonly resource: string }>> };
  readonly name: { readonly as: string };
  readonly metricsQuery: string;
}

/** The rules that serve the queue metrics of every backend to the autoscaler: per pod, whichever model it serves. */
export function adapterRules(): AdapterRule[] {
  return Object.values(QUEUE_METRICS).map(({ name, series, matchers }) => ({
    seriesQuery: `${series}{${[matchers, 'namespace!=""', 'pod!=""'].filter((text) => text !== '').join(',')}}`,
    resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
    name: { as: name },
    metricsQuery: `sum(<<.Series>>{${['<<.LabelMatchers>>', matchers].filter((text) => text !== '').join(',')}}) by (<<.GroupBy>>)`,
  }));
}
