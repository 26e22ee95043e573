import { expect } from 'vitest';
import type { KubernetesObject, Plan, PlannedResource } from '../../preview/plan';
import { CHART_TYPE } from '../../stacks/chart-resource';

const DIRECTORY = 'kubernetes:kustomize/v2:Directory';
const DEPENDS_ON = 'config.kubernetes.io/depends-on';

/** One thing that the program registers: a chart, or an overlay of upstream's manifests. */
export interface Unit {
  readonly name: string;
  readonly urns: readonly string[];
  /** URNs of others that it waits for. */
  readonly after: ReadonlySet<string>;
  readonly objects: readonly KubernetesObject[];
}

/**
 * The units below the component of Kubeflow, as the program registers them and what they wait for.
 *
 * @param rendered - what each overlay gives, by the name of its resource
 */
export function unitsOf(
  plan: Plan,
  type: `triton-stack:kubeflow:${string}`,
  rendered: ReadonlyMap<string, readonly KubernetesObject[]>,
): Unit[] {
  const component = plan.resources.find((each) => each.type === type);
  const children = plan.resources.filter(({ parent }) => parent === component?.urn);
  return children.flatMap((child): Unit[] => {
    if (child.type === DIRECTORY) {
      const objects = rendered.get(child.name) ?? [];
      return [{ name: child.name, urns: [child.urn], after: new Set(child.dependencies), objects }];
    }
    if (child.type !== CHART_TYPE) return [];
    const own = plan.resources.filter(({ parent }) => parent === child.urn);
    return [
      {
        name: child.name,
        urns: [child.urn, ...own.map(({ urn }) => urn)],
        after: new Set(own.flatMap(({ dependencies }) => dependencies)),
        objects: own.map(({ inputs }: PlannedResource) => inputs as unknown as KubernetesObject),
      },
    ];
  });
}

/** In waves: each has what waits for earlier ones alone. */
export function inWaves(units: readonly Unit[]): Unit[][] {
  const known = new Set(units.flatMap(({ urns }) => urns));
  const done = new Set<string>();
  const waves: Unit[][] = [];
  let left = [...units];
  while (left.length > 0) {
    const wave = left.filter(({ after }) => [...after].every((urn) => !known.has(urn) || done.has(urn)));
    if (wave.length === 0) throw new Error(`they wait for each other: ${left.map(({ name }) => name).join(', ')}`);
    waves.push(wave);
    left = left.filter((unit) => !wave.includes(unit));
    for (const { urns } of wave) for (const urn of urns) done.add(urn);
  }
  return waves;
}

/** The objects of one overlay in waves, by what their annotations say that they wait for. */
export function byAnnotation(objects: readonly KubernetesObject[]): KubernetesObject[][] {
  const waits = ({ metadata }: KubernetesObject): string[] => {
    const { annotations } = metadata as { annotations?: Record<string, string> };
    return (annotations?.[DEPENDS_ON] ?? '').split(',').filter((each) => each !== '');
  };
  const depth = (object: KubernetesObject): number => {
    const names = waits(object).map((reference) => reference.split('/').at(-1));
    const others = objects.filter(({ kind, metadata }) => kind === 'Deployment' && names.includes(metadata.name));
    expect(others).toHaveLength(names.length);
    return others.length === 0 ? 0 : 1 + Math.max(...others.map(depth));
  };
  const waves: KubernetesObject[][] = [];
  for (const object of objects) {
    const level = depth(object);
    waves[level] = [...(waves[level] ?? []), object];
  }
  return waves;
}
