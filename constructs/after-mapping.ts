import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';

/** A Kubernetes object as it is rendered. */
// biome-ignore lint/suspicious/noExplicitAny: a rendered manifest is open-ended JSON, and its schema checks are done on the result
export type Manifest = Record<string, any>;

/**
 * Changes a rendered object after cdk8s-plus has mapped it: the place for what cdk8s-plus cannot say (extended
 * resources, volume claim templates, topology spread, fields newer than its Kubernetes).
 *
 * A JsonPatch on the ApiObject would run before that mapping, which drops fields that it does not know and turns
 * quantities into null without an error (cdk8s #1184, #908).
 *
 * @param edit - changes the manifest in place, or returns another; edits run in the order in which they were added
 */
export function afterMapping(construct: IConstruct, edit: (manifest: Manifest) => Manifest | undefined): void {
  const object = ApiObject.of(construct);
  const mapped = object.toJson.bind(object);
  object.toJson = () => {
    const manifest = mapped() as Manifest;
    // A copy without parts in common: a patch of one would change the other, and YAML would write anchors.
    return JSON.parse(JSON.stringify(edit(manifest) ?? manifest));
  };
}

/** Takes the namespace away from an object of the whole cluster: a chart gives its own to all that it holds. */
export function clusterScoped(construct: IConstruct): void {
  afterMapping(construct, ({ metadata }) => {
    delete metadata.namespace;
  });
}
