import type { VNode } from 'preact';
import { counted } from '../format';

/** One choice among the values of a property of list items. */
export interface FilterChoice {
  /** The items' attribute, without `data-`: `action`. */
  readonly property: string;
  readonly label: string;
  /** Values, with how many items have them. */
  readonly options: ReadonlyMap<string, number>;
}

export interface FilterBarProps {
  /** The id of the element that holds the items. */
  readonly list: string;
  /** What is filtered: `Changes`. */
  readonly title: string;
  /** What one item is called, and several are. */
  readonly item: readonly [string, string];
  readonly count: number;
  readonly choices?: readonly FilterChoice[];
  /** A property that only some items have, to keep those alone. */
  readonly only?: { readonly property: string; readonly label: string };
}

/**
 * Controls that leave some items of a list. Without JavaScript there are none; page/filters.ts shows them, and says how
 * many items are left.
 */
export function FilterBar({ list, title, item, count, choices = [], only }: FilterBarProps): VNode {
  const id = (name: string) => `${list}-filter-${name}`;
  return (
    <search class="filters" aria-label={`Filter: ${title}`} data-filters={list} data-item={item.join('|')} hidden>
      <p>
        <label for={id('text')}>Text</label>
        <input type="search" id={id('text')} data-filter="text" autocomplete="off" spellcheck={false} />
      </p>
      {choices.map(({ property, label, options }) => (
        <p key={property}>
          <label for={id(property)}>{label}</label>
          <select id={id(property)} data-filter={property}>
            <option value="">all</option>
            {[...options].map(([value, items]) => (
              <option key={value} value={value}>{`${value} (${items})`}</option>
            ))}
          </select>
        </p>
      ))}
      {only !== undefined && (
        <p class="only">
          <input type="checkbox" id={id(only.property)} data-filter={only.property} />
          <label for={id(only.property)}>{only.label}</label>
        </p>
      )}
      <p class="result">
        <output aria-live="polite" data-result>
          {counted(count, ...item)}
        </output>
        <button type="button" data-clear hidden>
          Clear
        </button>
      </p>
    </search>
  );
}

/** How many items have each value, in the order of the values. */
export function tally(values: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
