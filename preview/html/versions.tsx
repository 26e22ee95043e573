import type { VNode } from 'preact';
import type { VersionChange } from '../diff/plan-diff';

const KINDS: Readonly<Record<VersionChange['kind'], string>> = {
  image: 'Image',
  chart: 'Helm chart',
  upstream: 'Upstream manifests',
};

/** Versions of what is deployed, before and after. */
export function Versions({ versions }: { readonly versions: readonly VersionChange[] }): VNode {
  return (
    <ul class="plain rows">
      {versions.map(({ kind, name, before, after }) => (
        <li key={`${kind} ${name}`}>
          <p class="row-title">
            <code>{name}</code> <span class="quiet">{KINDS[kind]}</span>
          </p>
          <p class="pair">
            {before.length > 0 && (
              <del>
                <span class="unseen">before </span>
                {before.join(', ')}
              </del>
            )}
            {after.length > 0 && (
              <ins>
                <span class="unseen">after </span>
                {after.join(', ')}
              </ins>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}
