import type { VNode } from 'preact';
import type { Action, ObjectChange, PlanDiff, ResourceChange } from '../diff/plan-diff';
import type { Plan } from '../plan';
import { ACTIONS, ActionLabel } from './actions';
import { anchor, objectAnchor, resourceAnchor } from './anchor';
import { Fields } from './fields';
import { FilterBar, tally } from './filter-bar';
import { counted } from './format';
import { anchorsByUrn } from './links';
import { ListWithMore } from './more';

/** Above this many changes of one group the others are folded. */
const SHOWN = 30;
/** Up to this many changes, all of them show their fields. */
const OPEN = 8;

/** A change of either kind, as the list shows it. */
interface Row {
  readonly id: string;
  readonly change: ResourceChange | ObjectChange;
  readonly kind: string;
  /** The component or the chart. */
  readonly group: string;
  /** Where it stands in the plan. A deleted one stands nowhere. */
  readonly href?: string;
  /** It is replaced or deleted, or something comes of it. */
  readonly consequential: boolean;
}

/** Everything that differs: what has consequences first, then the cloud, then the cluster. */
export function Changes({ diff, plan }: { readonly diff: PlanDiff; readonly plan: Plan }): VNode {
  const there = new Set(anchorsByUrn(plan).values());
  const resources = diff.resources.map((change) => resourceRow(change, there));
  const objects = diff.objects.map((change) => objectRow(change, there));
  const rows = [...resources, ...objects];
  if (rows.length === 0) return <p>{`${plan.environment} stays as it is.`}</p>;
  const open = rows.length <= OPEN;
  const grave = rows.filter(({ consequential }) => consequential);
  grave.sort((a, b) => weight(a) - weight(b));
  const groups = [
    { title: 'Replaced, deleted, or with consequences', rows: grave, open: open || grave.length <= OPEN },
    { title: 'Cloud and add-ons', rows: resources.filter(({ consequential }) => !consequential), open },
    { title: 'Kubernetes objects', rows: objects.filter(({ consequential }) => !consequential), open },
  ].filter((group) => group.rows.length > 0);
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
            options: tally(rows.map(({ change }) => ACTIONS[change.action].done)),
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
              items={group.rows.map((row) => <Item key={row.id} row={row} open={group.open} />)}
            />
          </div>
        ))}
      </div>
    </>
  );
}

/** Replaced and deleted ones first, and of those what loses data or is away. */
function weight({ change }: Row): number {
  const lost = change.consequences.some(({ kind }) => kind === 'data-loss' || kind === 'blocked') ? 0 : 1;
  return lost * 10 + Object.keys(ACTIONS).indexOf(change.action);
}

/** A rename deletes one and creates one: where that matters, a consequence says so. */
const GRAVE: readonly Action[] = ['replace', 'delete'];

function isConsequential({ action, consequences }: ResourceChange | ObjectChange): boolean {
  return GRAVE.includes(action) || consequences.length > 0;
}

function resourceRow(change: ResourceChange, there: ReadonlySet<string>): Row {
  const target = resourceAnchor(change.urn);
  return {
    id: anchor('change', 'resource', ...change.urn.split('::').slice(2)),
    change,
    kind: change.type.startsWith('pulumi:providers:')
      ? 'Provider'
      : change.type.slice(change.type.lastIndexOf(':') + 1),
    group: change.group,
    ...(there.has(target) && { href: `#${target}` }),
    consequential: isConsequential(change),
  };
}

function objectRow(change: ObjectChange, there: ReadonlySet<string>): Row {
  const target = objectAnchor(change.chart, change);
  return {
    id: anchor('change', change.chart, change.kind, change.namespace ?? '', change.name),
    change,
    kind: change.kind,
    group: change.chart,
    ...(there.has(target) && { href: `#${target}` }),
    consequential: isConsequential(change),
  };
}

function Item({ row, open }: { readonly row: Row; readonly open: boolean }): VNode {
  const { id, change, kind, group, href } = row;
  const { action, name, formerName, gist, fields, consequences } = change;
  return (
    <li
      id={id}
      data-item
      data-action={ACTIONS[action].done}
      data-kind={kind}
      data-group={group}
      {...(row.consequential && { 'data-consequential': '' })}
    >
      <details open={open && action !== 'create'}>
        <summary>
          <ActionLabel action={action} />
          <span class="what">
            <span class="quiet">{kind}</span> <strong>{name}</strong>
            {formerName !== undefined && <span class="quiet"> was {formerName}</span>}
          </span>
          <span class="where">
            {group}
            {fields.length > 0 && ` · ${counted(fields.length, 'field')}`}
          </span>
        </summary>
        <div class="body">
          {consequences.length > 0 && (
            <ul class="plain consequences">
              {consequences.map(({ kind: what, text }) => (
                <li key={`${what} ${text}`} class={what}>
                  <strong>{CONSEQUENCES[what]}</strong> {text}
                </li>
              ))}
            </ul>
          )}
          {(gist !== '' || href !== undefined) && (
            <p class="quiet">
              {gist}
              {gist !== '' && href !== undefined && ' · '}
              {href !== undefined && (
                <a href={href}>
                  in the plan<span class="unseen">: {name}</span>
                </a>
              )}
            </p>
          )}
          {fields.length > 0 && <Fields fields={fields} />}
        </div>
      </details>
    </li>
  );
}

const CONSEQUENCES = {
  'data-loss': 'Data is lost.',
  downtime: 'Downtime.',
  restart: 'Restart.',
  blocked: 'Cannot be carried out.',
} as const;
