import type { ComponentChildren, VNode } from 'preact';
import type { Consequence } from '../diff/plan-diff';
import { wordOf } from '../diff/words';
import { counted, sentence } from '../format';
import { ActionLabel } from './actions';
import type { ChangeRow } from './change-rows';
import { Fields } from './fields';

const CONSEQUENCES: Readonly<Record<Consequence['kind'], string>> = {
  'data-loss': 'Data is lost.',
  downtime: 'Downtime.',
  restart: 'Restart.',
  blocked: 'Cannot be carried out.',
};

/** As they stand in the line, which may be folded. */
const IN_SHORT: Readonly<Record<Consequence['kind'], string>> = {
  'data-loss': 'data loss',
  downtime: 'downtime',
  restart: 'restart',
  blocked: 'blocked',
};

/** One change: a line, with what comes of it and its fields below. Where there is neither, the line is all. */
export function ChangeItem(props: {
  readonly row: ChangeRow;
  readonly open: boolean;
  /** The row that shows some differences of a text first. */
  readonly firstWith: ReadonlyMap<string, ChangeRow>;
}): VNode {
  const { row, open } = props;
  const { id, change, kind, group, consequences, consequential } = row;
  const { action, gist, fields } = change;
  const folds = fields.length > 0 || consequences.length > 0;
  return (
    <li
      id={id}
      data-item
      data-action={wordOf(action)}
      data-kind={kind}
      data-group={group}
      {...(consequential && { 'data-consequential': '' })}
    >
      {folds ? (
        <details open={open}>
          <summary>
            <Line row={row} more={fields.length > 0 ? counted(fields.length, 'field') : ''} />
          </summary>
          <div class="body">
            <Consequences consequences={consequences} />
            {(gist !== '' || row.href !== undefined) && (
              <p class="quiet">
                {gist}
                {gist !== '' && row.href !== undefined && ' · '}
                <InPlan row={row}>in the plan</InPlan>
              </p>
            )}
            {fields.length > 0 && (
              <Fields
                fields={fields}
                forces={action !== 'rename'}
                shownBefore={(text) => {
                  const first = props.firstWith.get(text);
                  return first === undefined || first === row ? undefined : { id: first.id, name: first.change.name };
                }}
              />
            )}
          </div>
        </details>
      ) : (
        <div class="line">
          <Line row={row} more={gist} linked />
        </div>
      )}
    </li>
  );
}

function Line({
  row,
  more,
  linked,
}: {
  readonly row: ChangeRow;
  readonly more: string;
  readonly linked?: true;
}): VNode {
  const { change, kind, group, consequences } = row;
  const comes = [...new Set(consequences.map((each) => IN_SHORT[each.kind]))];
  return (
    <>
      <ActionLabel action={change.action} />
      <span class="what">
        <span class="quiet">{kind}</span>{' '}
        <strong>{linked && row.href !== undefined ? <a href={row.href}>{change.name}</a> : change.name}</strong>
        {change.formerName !== undefined && <span class="quiet"> was {change.formerName}</span>}
      </span>
      <span class="where">{[...comes, group, more].filter((text) => text !== '').join(' · ')}</span>
    </>
  );
}

function InPlan({ row, children }: { readonly row: ChangeRow; readonly children: ComponentChildren }): VNode | null {
  if (row.href === undefined) return null;
  return (
    <a href={row.href}>
      {children}
      <span class="unseen">: {row.change.name}</span>
    </a>
  );
}

function Consequences({ consequences }: { readonly consequences: readonly Consequence[] }): VNode | null {
  if (consequences.length === 0) return null;
  return (
    <ul class="plain consequences">
      {consequences.map(({ kind, text }) => (
        <li key={`${kind} ${text}`} class={kind}>
          <strong>{CONSEQUENCES[kind]}</strong> {sentence(text)}
        </li>
      ))}
    </ul>
  );
}
