import { CHART_TYPE } from '../../stacks/chart-resource';
import { byParent, isComponent } from '../build-plan';
import type { KubernetesObject, Plan, PlannedResource } from '../plan';
import { anchor, objectAnchor, resourceAnchor } from './anchor';

/**
 * The cloud's resources and the components that hold some, by URN: what stands in the tree of resources. The stack itself,
 * charts, and their objects do not.
 */
export function treeOf({ resources }: Plan): ReadonlyMap<string, PlannedResource> {
  const children = byParent(resources);
  const tree = new Map<string, PlannedResource>();
  const add = (resource: PlannedResource): boolean => {
    if (resource.type === CHART_TYPE) return false;
    const holds = (children.get(resource.urn) ?? []).filter(add).length > 0;
    const stands = holds || !isComponent(resource);
    if (stands && resource.parent !== '') tree.set(resource.urn, resource);
    return stands;
  };
  for (const resource of children.get('') ?? []) add(resource);
  return tree;
}

/** Where resources of the plan stand in the page: ids by URN. Objects of charts stand with their charts. */
export function anchorsByUrn(plan: Plan): ReadonlyMap<string, string> {
  const children = byParent(plan.resources);
  const charts = plan.resources
    .filter(({ type }) => type === CHART_TYPE)
    .flatMap(({ urn, name }) => [
      [urn, anchor('chart', name)] as const,
      ...(children.get(urn) ?? []).map(
        (object) => [object.urn, anchorOfObject(name, object.inputs as KubernetesObject)] as const,
      ),
    ]);
  return new Map([...[...treeOf(plan).keys()].map((urn) => [urn, resourceAnchor(urn)] as const), ...charts]);
}

/** The id of an object, from its manifest. */
export function anchorOfObject(chart: string, { kind, metadata: { name, namespace } }: KubernetesObject): string {
  return objectAnchor(chart, { kind, name, ...(namespace !== undefined && { namespace }) });
}
