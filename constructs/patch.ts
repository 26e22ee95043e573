import { type ApiObject, JsonPatch } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { InputError } from '../models/problem';
import { afterMapping } from './after-mapping';
import { apiObjects, uniqueObjects } from './unique-objects';

/**
 * Changes to the objects that a construct makes, by their kind, or by `Kind/name` where it makes several of one: the way
 * out for whatever no prop says. They are applied to what is rendered, in the API's own words:
 * `{ Deployment: [JsonPatch.add('/spec/minReadySeconds', 10)] }`.
 */
export type Patches = Readonly<Record<string, readonly JsonPatch[]>>;

/**
 * Applies patches to the objects below a construct. The last thing that its constructor does.
 *
 * @throws InputError where they name an object that the construct does not make, or where another one makes it too
 */
export function applyPatches(construct: IConstruct, patches: Patches | undefined): void {
  uniqueObjects(construct);
  if (patches === undefined) return;
  const objects = apiObjects(construct);
  const problems = Object.keys(patches)
    .filter((key) => !objects.some((object) => matches(object, key)))
    .map((key) => ({
      key: `patch.${key}`,
      reason: 'names no object that this construct makes',
      allowed: objects.map(({ kind, name }) => `${kind}, ${kind}/${name}`).join(', '),
      fix: 'correct the kind or the name',
    }));
  if (problems.length > 0) throw new InputError(construct.node.path, problems);
  for (const object of objects) {
    const own = Object.entries(patches).flatMap(([key, each]) => (matches(object, key) ? each : []));
    if (own.length > 0) afterMapping(object, (manifest) => JsonPatch.apply(manifest, ...own));
  }
}

function matches({ kind, name }: ApiObject, key: string): boolean {
  return key === kind || key === `${kind}/${name}`;
}
