import type { VNode } from 'preact';

/** What works, and should be known all the same. */
export function Warnings({ warnings }: { readonly warnings: readonly string[] }): VNode {
  return (
    <ul class="plain notes">
      {warnings.map((warning) => (
        <li key={warning}>{warning}</li>
      ))}
    </ul>
  );
}
