import { CHART_TYPE } from '../../stacks/chart-resource';
import type { KubernetesObject, Plan } from '../plan';
import { anchor, objectAnchor, resourceAnchor } from './anchor';

/** Where resources of the plan stand in the page: ids by URN. Objects of charts stand with their charts. */
export function anchorsByUrn({ resources }: Plan): ReadonlyMap<string, string> {
  const charts = new Map(resources.filter(({ type }) => type === CHART_TYPE).map(({ urn, name }) => [urn, name]));
  return new Map(
    resources
      .filter(({ parent }) => parent !== '')
      .map(({ urn, parent, inputs }) => {
        const own = charts.get(urn);
        if (own !== undefined) return [urn, anchor('chart', own)];
        const chart = charts.get(parent);
        return [urn, chart === undefined ? resourceAnchor(urn) : anchorOfObject(chart, inputs as KubernetesObject)];
      }),
  );
}

/** The id of an object, from its manifest. */
export function anchorOfObject(chart: string, { kind, metadata: { name, namespace } }: KubernetesObject): string {
  return objectAnchor(chart, { kind, name, ...(namespace !== undefined && { namespace }) });
}
