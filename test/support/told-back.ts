import { JSON_SCHEMA, loadAll } from 'js-yaml';
import { normalisedObject } from '../../preview/diff/kubernetes-defaults';
import { type KubernetesObject, SECRET, UNKNOWN, WRITTEN_SECRET } from '../../preview/plan';
import type { Kubectl } from '../../sandbox/kubectl';

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

/** What the API server alone sets, whatever is asked for. */
const OF_METADATA = ['uid', 'creationTimestamp', 'generation', 'resourceVersion', 'managedFields', 'finalizers'];
const OF_SPEC: Readonly<Record<string, readonly string[]>> = {
  Service: ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'],
  Namespace: ['finalizers'],
};

/** An object, and what the API server would make of it, both as a diff compares them. */
export interface ToldBack {
  readonly asked: KubernetesObject;
  readonly told: KubernetesObject;
}

/** Asks the API server what it would make of objects, under names that are not taken. Nothing is kept. */
export async function toldBack(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<ToldBack[]> {
  const named = objects.map((object) => ({
    ...withSecrets(object),
    metadata: { ...object.metadata, name: `${object.metadata.name}-told` },
  }));
  const input = named.map((object) => JSON.stringify(object)).join('\n---\n');
  const answer = await kubectl.run(['create', '--dry-run=server', '--output=yaml', '--filename=-'], { input });
  return (loadAll(answer, undefined, { schema: JSON_SCHEMA }) as KubernetesObject[]).map((told, index) => ({
    asked: normalisedObject(named[index] as KubernetesObject),
    told: normalisedObject(withoutServersOwn(told)),
  }));
}

/** What a plan does not show of a Secret, or does not know yet, is something: the server tells it back encoded. */
function withSecrets(object: KubernetesObject): KubernetesObject {
  const { stringData } = object as Fields;
  if (object.kind !== 'Secret' || stringData === undefined) return object;
  const values = Object.entries(stringData).map(([key, value]) => [
    key,
    value === SECRET || value === UNKNOWN || value === WRITTEN_SECRET ? 'something' : value,
  ]);
  return { ...object, stringData: Object.fromEntries(values) } as KubernetesObject;
}

function withoutServersOwn(object: KubernetesObject): KubernetesObject {
  const { status, ...copy } = structuredClone(object) as Fields;
  for (const key of OF_METADATA) delete copy.metadata[key];
  for (const key of OF_SPEC[copy.kind] ?? []) delete copy.spec?.[key];
  // An address is the server's; that there is none is asked for.
  if (copy.kind === 'Service' && copy.spec.clusterIP !== 'None') delete copy.spec.clusterIP;
  if (copy.kind === 'Namespace') delete copy.spec;
  if (copy.kind === 'Job') withoutController(copy.spec);
  delete copy.metadata.annotations?.['deprecated.daemonset.template.generation'];
  if (Object.keys(copy.metadata.annotations ?? { any: true }).length === 0) delete copy.metadata.annotations;
  return copy;
}

/** A Job selects its pods by a label that the server makes up. */
function withoutController(spec: Fields): void {
  delete spec.selector;
  const { labels } = spec.template.metadata;
  for (const key of Object.keys(labels)) if (/(^|\/)(controller-uid|job-name)$/.test(key)) delete labels[key];
}
