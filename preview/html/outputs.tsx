import type { VNode } from 'preact';
import { counted } from '../format';
import { Yaml } from './yaml';

/** Above this many entries an output is folded. */
const SHOWN = 12;

/** What the stack exports. */
export function Outputs({ outputs }: { readonly outputs: Readonly<Record<string, unknown>> }): VNode {
  return (
    <dl class="outputs">
      {Object.entries(outputs).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Output value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Output({ value }: { readonly value: unknown }): VNode {
  if (typeof value !== 'object' || value === null) return <code>{String(value)}</code>;
  const entries = Object.keys(value).length;
  if (entries <= SHOWN) return <Yaml value={value} />;
  return (
    <details>
      <summary>{counted(entries, 'entry', 'entries')}</summary>
      <Yaml value={value} />
    </details>
  );
}
