import type { VNode } from 'preact';
import type { Action } from '../diff/plan-diff';
import { signOf, wordOf } from '../diff/words';

/** An action as a small label: a sign for those who scan, a word for everybody. */
export function ActionLabel({ action }: { readonly action: Action }): VNode {
  return (
    <span class={`action ${action}`}>
      <span class="sign" aria-hidden="true">
        {signOf(action)}
      </span>
      {wordOf(action)}
    </span>
  );
}
