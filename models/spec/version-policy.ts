import { z } from 'zod';
import type { ModelVersion } from './backend';

/** Which of a model's versions are served. */
export type VersionPolicy =
  | { readonly kind: 'all' }
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'specific'; readonly versions: readonly number[] };

export const versionPolicySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({ kind: z.literal('latest'), count: z.int().min(1) }),
  z.strictObject({ kind: z.literal('specific'), versions: z.array(z.int().min(1)).min(1) }),
]);

/** The versions that a model has: one where nothing is said. */
export function versionsOf({
  versions = [{ version: 1 }],
}: {
  readonly versions?: readonly ModelVersion[];
}): readonly ModelVersion[] {
  return versions;
}

/** The versions that are served, smallest first. */
export function servedVersions({
  versions,
  versionPolicy,
}: {
  readonly versions?: readonly ModelVersion[];
  readonly versionPolicy?: VersionPolicy;
}): number[] {
  const numbers = versionsOf({ versions })
    .map(({ version }) => version)
    .sort((a, b) => a - b);
  switch (versionPolicy?.kind) {
    case undefined:
      return numbers.slice(-1);
    case 'all':
      return numbers;
    case 'latest':
      return numbers.slice(-versionPolicy.count);
    case 'specific':
      return numbers.filter((version) => versionPolicy.versions.includes(version));
  }
}
