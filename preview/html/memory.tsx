import type { VNode } from 'preact';
import type { ModelChange, PlanDiff } from '../diff/plan-diff';
import { gib, range, whole } from '../format';
import type { Plan, PlannedMemory, PlannedModel } from '../plan';
import { anchor } from './anchor';
import { FilterBar } from './filter-bar';
import { ListWithMore } from './more';
import { PART_NAMES, PARTS, Swatch } from './patterns';

/** Above this many models the others are folded. */
const SHOWN = 12;
/** Above this many models their numbers are folded: the bars can be looked through. */
const IN_FULL = 12;
/** Above this many models they can be filtered. */
const FILTERED = 8;

/** A model after the change, and how it was where its memory or its scale was another. */
interface Row {
  readonly model: PlannedModel;
  readonly before?: PlannedModel;
  readonly fate?: 'new' | 'gone';
}

/** Bars of GPU memory, the fullest first, with their numbers beside them. */
export function MemorySection({ plan, diff }: { readonly plan: Plan; readonly diff?: PlanDiff }): VNode {
  const rows = rowsOf(plan, diff);
  return (
    <>
      <ul class="plain legend" aria-label="Legend">
        {PARTS.map((part) => (
          <li key={part}>
            <Swatch part={part} /> {PART_NAMES[part]}
          </li>
        ))}
      </ul>
      {rows.length > FILTERED && (
        <FilterBar list="memory-list" title="GPU memory" item={['model', 'models']} count={rows.length} />
      )}
      <div id="memory-list">
        <ListWithMore
          class="plain memory"
          shown={SHOWN}
          what="models"
          items={rows.map((row) => (
            <Item key={row.model.name} row={row} open={rows.length <= IN_FULL || row.before !== undefined} />
          ))}
        />
      </div>
    </>
  );
}

function rowsOf({ summary }: Plan, diff: PlanDiff | undefined): readonly Row[] {
  const changes = new Map((diff?.models ?? []).map((change) => [change.name, change]));
  const rows: Row[] = summary.models.map((model) => ({ model, ...changeOf(changes.get(model.name)) }));
  const gone = (diff?.models ?? []).flatMap(({ before, after }): Row[] =>
    before !== undefined && after === undefined ? [{ model: before, fate: 'gone' }] : [],
  );
  // The fullest first; models without a GPU and those that are gone last.
  const room = ({ model, fate }: Row) =>
    fate === 'gone' ? 3 : model.memory === undefined ? 2 : model.memory.free / model.memory.gpu;
  return [...rows, ...gone].sort((a, b) => room(a) - room(b));
}

function changeOf(change: ModelChange | undefined): Pick<Row, 'before' | 'fate'> {
  if (change?.before !== undefined) return { before: change.before };
  return change === undefined ? {} : { fate: 'new' };
}

function Item({ row, open }: { readonly row: Row; readonly open: boolean }): VNode {
  const { model, before, fate } = row;
  const { memory } = model;
  const earlier = differs(before?.memory, memory) ? before?.memory : undefined;
  return (
    <li id={anchor('model', model.name)} data-item class={fate}>
      <p class="row-title">
        <strong>{model.name}</strong>
        {fate !== undefined && <span class="badge">{fate}</span>}
        {before !== undefined && <span class="badge">changed</span>}
        <span class="quiet">
          {memory === undefined ? 'no GPU' : `${model.gpusPerPod} × ${model.accelerator} a pod`}, {model.backend},{' '}
          {range(model.replicas.min, model.replicas.max)} {model.replicas.max === 1 ? 'replica' : 'replicas'}
          {before !== undefined && scaleBefore(before, model)}
        </span>
      </p>
      {memory !== undefined && (
        <>
          {earlier !== undefined && <Bar memory={earlier} label="before" />}
          <Bar memory={memory} {...(earlier !== undefined && { label: 'after' })} />
          <details open={open}>
            <summary>
              {`${gib(memory.free)} of ${gib(memory.gpu)} GiB free`}
              {memory.kv !== undefined &&
                `, KV cache for ${whole(memory.kv.tokens)} tokens or ${whole(memory.kv.sequences)} longest sequences`}
            </summary>
            <Numbers memory={memory} before={earlier} />
          </details>
        </>
      )}
    </li>
  );
}

function scaleBefore(before: PlannedModel, { replicas, gpusPerPod }: PlannedModel): string {
  const was = [
    ...(before.replicas.min !== replicas.min || before.replicas.max !== replicas.max
      ? [`${range(before.replicas.min, before.replicas.max)} replicas`]
      : []),
    ...(before.gpusPerPod !== gpusPerPod ? [`${before.gpusPerPod} GPUs a pod`] : []),
  ];
  return was.length === 0 ? '' : ` (was ${was.join(', ')})`;
}

function differs(before: PlannedMemory | undefined, after: PlannedMemory | undefined): boolean {
  return before !== undefined && JSON.stringify(before) !== JSON.stringify(after);
}

/** One bar, as long as the GPU's memory. The numbers beside it say the same in words. */
function Bar({ memory, label }: { readonly memory: PlannedMemory; readonly label?: string }): VNode {
  let start = 0;
  const percent = (amount: number) => `${(Math.max(0, amount / memory.gpu) * 100).toFixed(2)}%`;
  const parts = PARTS.map((part) => {
    const x = percent(start);
    start += memory[part];
    return { part, x, width: percent(memory[part]) };
  });
  return (
    <div class="bar-line">
      {label !== undefined && <span class="bar-label">{label}</span>}
      <svg class="bar" width="100%" height="22" aria-hidden="true" focusable="false">
        {parts.map(({ part, x, width }) => (
          <rect key={part} class={`part ${part}`} x={x} width={width} height="22" />
        ))}
      </svg>
    </div>
  );
}

function Numbers({ memory, before }: { readonly memory: PlannedMemory; readonly before?: PlannedMemory | undefined }) {
  const { kv } = memory;
  return (
    <dl class="numbers">
      {PARTS.map((part) => (
        <div key={part}>
          <dt>
            <Swatch part={part} /> {PART_NAMES[part]}
          </dt>
          <dd>
            {gib(memory[part])} GiB
            <Was value={before?.[part]} now={memory[part]} write={gib} />
          </dd>
        </div>
      ))}
      {kv !== undefined && (
        <>
          <div>
            <dt>KV tokens</dt>
            <dd>
              {whole(kv.tokens)}
              <Was value={before?.kv?.tokens} now={kv.tokens} write={whole} />
            </dd>
          </div>
          <div>
            <dt>Longest sequences</dt>
            <dd>
              {whole(kv.sequences)}
              <Was value={before?.kv?.sequences} now={kv.sequences} write={whole} />
            </dd>
          </div>
        </>
      )}
    </dl>
  );
}

function Was(props: { value: number | undefined; now: number; write: (amount: number) => string }): VNode | null {
  const { value, now, write } = props;
  return value === undefined || value === now ? null : <span class="was">was {write(value)}</span>;
}
