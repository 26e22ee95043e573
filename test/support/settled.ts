import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../preview/plan';
import type { Kubectl } from '../../sandbox/kubectl';
import { eventually } from './test-sandbox';

interface ManagedField {
  readonly manager: string;
  readonly subresource?: string;
  readonly time?: string;
}
interface Held extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & {
    readonly resourceVersion: string;
    readonly managedFields: readonly ManagedField[];
  };
  readonly status?: unknown;
}

/**
 * Objects as the API server holds them, once controllers have done with them: without what these report, and without when
 * something was.
 */
export async function settled(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<unknown[]> {
  let held: unknown[] = [];
  await eventually(
    async () => {
      const before = held;
      held = await look(kubectl, objects);
      return isDeepStrictEqual(held, before);
    },
    (same) => same,
  );
  return held;
}

async function look(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<unknown[]> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const said = await kubectl.run(['get', '--filename=-', '--output=json', '--show-managed-fields'], { input });
  return (JSON.parse(said) as { items: Held[] }).items.map(({ status, metadata, ...object }) => {
    const { resourceVersion, managedFields, ...rest } = metadata;
    const managers = managedFields
      .filter(({ subresource }) => subresource !== 'status')
      .map(({ time, ...fields }) => fields);
    return { ...object, metadata: rest, managers };
  });
}
