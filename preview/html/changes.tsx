import type { VNode } from 'preact';
import type { PlanDiff } from '../diff/plan-diff';
import { wordOf } from '../diff/words';
import type { Plan } from '../plan';
import { type AlikeRows, alikeRows } from './alike';
import { ChangeItem } from './change-item';
import { type ChangeRow, changeRows, weight } from './change-rows';
import { FilterBar, tally } from './filter-bar';
import { ListWithMore } from './more';

/** Above this many changes of one group the others are folded. */
const SHOWN = 30;
/** Up to this many changes of a group show their fields. */
const OPEN = 8;

/** Everything that differs: what has consequences first, then the cloud, then the cluster. */
export function Changes({ diff, plan }: { readonly diff: PlanDiff; readonly plan: Plan }): VNode {
  const { resources, objects } = changeRows(diff, plan);
  const rows = [...resources, ...objects];
  if (rows.length === 0) return <p>{`${plan.environment} stays as it is.`}</p>;
  const calm = ({ consequential }: ChangeRow) => !consequential;
  const groups = [
    {
      title: 'Replaced, deleted, or with consequences',
      rows: rows.filter(({ consequential }) => consequential).sort((a, b) => weight(a) - weight(b)),
    },
    { title: 'Cloud and add-ons', rows: resources.filter(calm) },
    { title: 'Kubernetes objects', rows: objects.filter(calm) },
  ]
    .filter((group) => group.rows.length > 0)
    .map((group) => ({ ...group, alike: alikeRows(group.rows) }));
  const firstWith = firstWithText(groups.flatMap((group) => group.rows));
  return (
    <>
      <FilterBar
        list="change-list"
        title="Changes"
        item={['change', 'changes']}
        count={rows.length}
        choices={[
          {
            property: 'action',
            label: 'Action',
            options: tally(rows.map(({ change }) => wordOf(change.action))),
          },
          { property: 'kind', label: 'Kind', options: tally(rows.map(({ kind }) => kind)) },
          { property: 'group', label: 'Group or chart', options: tally(rows.map(({ group }) => group)) },
        ]}
        only={{ property: 'consequential', label: 'With consequences only' }}
      />
      <div id="change-list">
        {groups.map((group) => (
          <div key={group.title} data-group-of-items>
            <h3>
              {group.title} <span class="count">{group.rows.length}</span>
            </h3>
            <ListWithMore
              class="plain changes"
              shown={SHOWN}
              what="changes"
              items={group.alike.flatMap(({ first, others }) => [
                <ChangeItem key={first.id} row={first} open={showsFields(group.alike)} firstWith={firstWith} />,
                ...(others.length === 0
                  ? []
                  : [<Others key={`others ${first.id}`} rows={others} firstWith={firstWith} />]),
              ])}
            />
          </div>
        ))}
      </div>
    </>
  );
}

/** The first row with each difference of a text: a script that many charts hold is read once. */
function firstWithText(rows: readonly ChangeRow[]): ReadonlyMap<string, ChangeRow> {
  const first = new Map<string, ChangeRow>();
  for (const row of rows) {
    for (const { text } of row.change.fields) if (text !== undefined && !first.has(text)) first.set(text, row);
  }
  return first;
}

/** Whether there is room for the fields of all: what is created or deleted has none. */
function showsFields(rows: readonly AlikeRows[]): boolean {
  return rows.filter(({ first }) => first.change.fields.length > 0).length <= OPEN;
}

/** Changes as the one before them, folded. */
function Others(props: { rows: readonly ChangeRow[]; firstWith: ReadonlyMap<string, ChangeRow> }): VNode {
  const { rows, firstWith } = props;
  return (
    <li data-group-of-items>
      <details class="more-items" data-fold>
        <summary>{`the same for ${rows.length} more`}</summary>
        <ul class="plain changes">
          {rows.map((row) => (
            <ChangeItem key={row.id} row={row} open={false} firstWith={firstWith} />
          ))}
        </ul>
      </details>
    </li>
  );
}
