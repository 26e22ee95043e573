import type { VNode } from 'preact';
import type { Action } from '../diff/plan-diff';

/** How an action is told: a sign for those who scan, a word for everybody. */
export const ACTIONS: Readonly<Record<Action, { readonly sign: string; readonly done: string }>> = {
  replace: { sign: '\u00b1', done: 'replaced' },
  delete: { sign: '\u2212', done: 'deleted' },
  rename: { sign: '\u2192', done: 'renamed' },
  update: { sign: '~', done: 'changed' },
  create: { sign: '+', done: 'created' },
};

/** An action as a small label. */
export function ActionLabel({ action }: { readonly action: Action }): VNode {
  const { sign, done } = ACTIONS[action];
  return (
    <span class={`action ${action}`}>
      <span class="sign" aria-hidden="true">
        {sign}
      </span>
      {done}
    </span>
  );
}
