import type { VNode } from 'preact';

/**
 * A list of which the first items show and the others are folded. Filters and links open the fold.
 *
 * @param children - `<li>` each
 */
export function ListWithMore(props: {
  readonly items: readonly VNode[];
  readonly shown: number;
  readonly class?: string;
  /** What the others are called: `models`. */
  readonly what: string;
}): VNode {
  const { items, shown, what } = props;
  const rest = items.slice(shown);
  return (
    <>
      <ul class={props.class}>{items.slice(0, shown)}</ul>
      {rest.length > 0 && (
        <details class="more-items" data-fold>
          <summary>{`${rest.length} more ${what}`}</summary>
          <ul class={props.class}>{rest}</ul>
        </details>
      )}
    </>
  );
}
