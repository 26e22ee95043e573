import { setTimeout } from 'node:timers/promises';
import type { KubernetesObject } from '../preview/plan';
import { SandboxFailure } from './failure';
import type { Kubectl } from './kubectl';

const WAIT_MS = 180_000;
const LOOK_MS = 250;

/**
 * Waits until the kinds are served whose definitions are among objects that were applied. A definition may be established,
 * and kubectl is told of its kind a moment later.
 */
export async function untilServed(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<void> {
  await untilThere('kinds that are not served', namesOf('CustomResourceDefinition', objects), async () => {
    // It fails, and still says the rest, where what serves another group does not answer.
    const { stdout } = await kubectl.try(['api-resources', '--output=name']);
    return stdout.split('\n');
  });
}

/** Waits until the namespaces among objects that were applied have the account without which they take no pods. */
export async function untilAccounts(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<void> {
  await untilThere('namespaces without an account for pods', namesOf('Namespace', objects), async () => {
    const accounts = await kubectl.list<KubernetesObject>('serviceaccounts');
    return accounts.flatMap(({ metadata: { name, namespace } }) => (name === 'default' ? (namespace ?? []) : []));
  });
}

function namesOf(kind: string, objects: readonly KubernetesObject[]): string[] {
  return objects.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name);
}

/** @param what - what is told of names that do not come */
async function untilThere(what: string, names: readonly string[], look: () => Promise<string[]>): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; names.length > 0; await setTimeout(LOOK_MS)) {
    const there = new Set(await look());
    const missing = names.filter((name) => !there.has(name));
    if (missing.length === 0) return;
    if (Date.now() > deadline) throw new SandboxFailure(`${what} after ${WAIT_MS / 1000} s: ${missing.join(', ')}`);
  }
}
