import type { ResourceOptions } from '../plan';
import { googleReplaces } from './google-replacement';
import { isKubernetes, kubernetesReplaces } from './kubernetes-replacement';
import { pathContains, pathsMeet, type Step } from './property-path';

export { consequencesOf } from './consequences';

/**
 * Whether a change of an argument replaces a resource: the old one is deleted, and one in its place is made.
 *
 * From the providers' own knowledge, of the types that the program registers: `google-replacement.ts`,
 * `kubernetes-replacement.ts`. A type that is not known is never said to be replaced, unless its options say so.
 *
 * @param type - Pulumi's type token: `gcp:container/nodePool:NodePool`
 * @param path - keys, and places in lists, to the value that differs: an argument, or any part of one
 * @param before - undefined where it is new
 * @param after - undefined where it is gone
 */
export function forcesReplacement(
  type: string,
  path: readonly Step[],
  before: unknown,
  after: unknown,
  options: ResourceOptions = {},
): boolean {
  const { ignoreChanges = [], replaceOnChanges = [] } = options;
  if (ignoreChanges.some((ignored) => pathContains(ignored, path))) return false;
  if (replaceOnChanges.some((named) => pathsMeet(named, path))) return true;
  return isKubernetes(type) ? kubernetesReplaces(type, path, before, after) : googleReplaces(type, path, before, after);
}
