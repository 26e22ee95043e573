import type { InferenceServer } from './inference-server';

/** Kinds whose pods are numbered. */
const NUMBERED = ['StatefulSet', 'LeaderWorkerSet'];

/** The alphabet of generated names, which has no vowels (kubernetes/apimachinery, pkg/util/rand). */
const GENERATED = '[bcdfghjklmnpqrstvwxz2456789]';

/**
 * The names of a server's pods and of no other's, as a regular expression: `triton-a-b` is not one of `triton-a`. Those of
 * a Deployment end in the hash of its template and five characters, and a long name loses the dash between
 * (kubernetes/apiserver, pkg/storage/names/generate.go).
 */
export function podPattern({ scaleTarget: { kind, name } }: Pick<InferenceServer, 'scaleTarget'>): string {
  return NUMBERED.includes(kind) ? `${name}-[0-9]+` : `${name}-${GENERATED}{1,10}-?${GENERATED}{5}`;
}
