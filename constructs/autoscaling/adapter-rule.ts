import { type ExternalMetric, joined, type PodMetric, perPod } from '../../models/queue-metric';

/** A rule under `rules` of prometheus-adapter's configuration (prometheus-adapter, docs/config.md). */
export interface AdapterRule {
  readonly seriesQuery: string;
  readonly resources: { readonly overrides: Readonly<Record<string, { readonly resource: string }>> };
  readonly name: { readonly as: string };
  readonly metricsQuery: string;
}

/** A rule under `externalRules` (prometheus-adapter, docs/externalmetrics.md). */
export interface ExternalAdapterRule {
  readonly seriesQuery: string;
  readonly resources: { readonly namespaced: false };
  readonly name: { readonly as: string };
  readonly metricsQuery: string;
}

/**
 * The rule that serves a metric of pods to autoscalers, whichever server the pods are of. A guard has a rule of its own:
 * `podMetrics(metric).map(adapterRule)`. Without it an autoscaler still scales up, and never down.
 */
export function adapterRule(metric: PodMetric): AdapterRule {
  const matchers = metric.kind === 'gauge' ? metric.matchers : undefined;
  return {
    seriesQuery: `${metric.series}{${joined(matchers, 'namespace!=""', 'pod!=""')}}`,
    resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
    name: { as: metric.name },
    metricsQuery: perPod(metric, '<<.LabelMatchers>>', '<<.GroupBy>>', '<<.Series>>'),
  };
}

/**
 * The rule that serves a query of one's own to autoscalers of every namespace. One server alone answers for external
 * metrics in a cluster: where KEDA is installed, it is KEDA.
 */
export function externalAdapterRule({ name, query }: ExternalMetric): ExternalAdapterRule {
  return {
    // The adapter offers a rule's metric while it finds a series for it: one that every Prometheus has.
    seriesQuery: 'up',
    resources: { namespaced: false },
    name: { as: name },
    metricsQuery: query,
  };
}
