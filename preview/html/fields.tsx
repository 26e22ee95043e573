import type { VNode } from 'preact';
import type { FieldChange } from '../diff/plan-diff';
import { counted } from '../format';
import { yamlText } from './yaml';

/** Above this many lines a text's diff is folded. */
const LINES = 24;
/** Above this many fields the others are folded. */
const SHOWN = 20;

export interface FieldsProps {
  readonly fields: readonly FieldChange[];
  /** Whether to say which fields force a replacement. A rename makes another one whatever else changes. */
  readonly forces: boolean;
  /** The change that shows the same differences of a text before this one, where there is one. */
  readonly shownBefore: (text: string) => { readonly id: string; readonly name: string } | undefined;
}

/** Fields before and after; those that force a replacement first. */
export function Fields({ fields, ...props }: FieldsProps): VNode {
  const sorted = [...fields].sort((a, b) => Number(b.replaces ?? false) - Number(a.replaces ?? false));
  const rest = sorted.slice(SHOWN);
  return (
    <>
      <FieldList fields={sorted.slice(0, SHOWN)} {...props} />
      {rest.length > 0 && (
        <details data-fold>
          <summary>{counted(rest.length, 'more field', 'more fields')}</summary>
          <FieldList fields={rest} {...props} />
        </details>
      )}
    </>
  );
}

function FieldList({ fields, forces, shownBefore }: FieldsProps): VNode {
  return (
    <dl class="fields">
      {fields.map((field) => (
        <div key={field.path} class="field">
          <dt>
            <code>{field.path}</code>
            {forces && field.replaces && <span class="forces">forces the replacement</span>}
          </dt>
          <dd>
            <Difference field={field} shownBefore={shownBefore} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Difference(props: { field: FieldChange; shownBefore: FieldsProps['shownBefore'] }): VNode {
  const { before, after, text } = props.field;
  if (text !== undefined) {
    const same = props.shownBefore(text);
    if (same === undefined) return <TextDifference text={text} />;
    return (
      <p class="quiet">
        as in <a href={`#${same.id}`}>{same.name}</a>
      </p>
    );
  }
  return (
    <p class="pair">
      {before !== undefined && <Value as="del" value={before} />}
      {after !== undefined && <Value as="ins" value={after} />}
    </p>
  );
}

function Value({ as: Tag, value }: { readonly as: 'del' | 'ins'; readonly value: unknown }): VNode {
  return (
    <Tag>
      <span class="unseen">{Tag === 'del' ? 'before ' : 'after '}</span>
      {valueText(value)}
    </Tag>
  );
}

/** A value as a reader of YAML writes it: a text as it is, anything larger on lines of its own. */
function valueText(value: unknown): string {
  if (value === '') return "''";
  return typeof value === 'object' && value !== null ? yamlText(value) : String(value);
}

/** A unified diff, a line an element: what is gone and what is new can be told without colour by its sign. */
function TextDifference({ text }: { readonly text: string }): VNode {
  const lines = text.replace(/\n$/, '').replace(FILES, '').split('\n');
  const shown = (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <pre class="text-diff" tabIndex={0}>
      {lines.map((line, index) => (
        <span key={index} class={SIGNS[line[0] ?? '']}>{`${line}\n`}</span>
      ))}
    </pre>
  );
  if (lines.length <= LINES) return shown;
  return (
    <details>
      <summary>{counted(lines.length, 'line')} of differences</summary>
      {shown}
    </details>
  );
}

/** The two lines that name files: here it is one text, before and after. */
const FILES = /^--- .*\n\+\+\+ .*\n/;

const SIGNS: Readonly<Record<string, string>> = { '+': 'new', '-': 'gone', '@': 'place' };
