/**
 * The id that a part of the page is linked by: `object/triton-resnet50/Service/triton/triton-resnet50`. Different parts
 * have different ids, whatever characters names consist of.
 */
export function anchor(kind: AnchorKind, ...names: readonly string[]): string {
  return [kind, ...names.map(escaped)].join('/');
}

/** What can be linked to. */
export type AnchorKind = 'change' | 'chart' | 'finding' | 'model' | 'object' | 'pool' | 'resource' | 'text';

function escaped(name: string): string {
  return name.replace(/[^A-Za-z0-9.:$-]/gu, (character) => `_${character.codePointAt(0)?.toString(16)}_`);
}

/** The id of a resource of the plan, from its URN. */
export function resourceAnchor(urn: string): string {
  // `urn:pulumi:<stack>::<project>::<types>::<name>`: the first two are the same for all.
  return anchor('resource', ...urn.split('::').slice(2));
}

/** The id of an object of the plan. */
export function objectAnchor(
  chart: string,
  object: { readonly kind: string; readonly namespace?: string; readonly name: string },
): string {
  return anchor('object', chart, object.kind, object.namespace ?? '', object.name);
}
