import type { VNode } from 'preact';
import type { PlanDiff } from '../diff/plan-diff';
import { sentence, usdAMonth, usdAMonthMore, usdAnHour, whole } from '../format';
import type { PlannedCost, PlannedPoolCost } from '../plan';
import { anchor } from './anchor';
import { ScrollBox } from './scroll-box';

const SIZES = ['idle', 'serving', 'most'] as const;
type Size = (typeof SIZES)[number];

const MEANINGS: Readonly<Record<Size, string>> = {
  idle: 'every pool at its least size',
  serving: 'the least replicas of each model',
  most: 'every pool fully grown',
};

/** Costs of the environment and of each pool, before and after where they differ. */
export function Cost(props: {
  readonly after?: PlannedCost | undefined;
  readonly compared?: PlanDiff | undefined;
}): VNode {
  const { after } = props;
  const before = props.compared?.cost.before;
  const shown = after ?? before;
  return (
    <>
      <dl class="glance">
        {SIZES.map((size) => (
          <Total key={size} size={size} before={before} after={after} />
        ))}
      </dl>
      <ScrollBox label="Cost by pool">
        <table>
          <caption class="unseen">Cost by pool</caption>
          <thead>
            <tr>
              <th scope="col">Pool</th>
              <th scope="col">Machine</th>
              <th scope="col" class="number">
                A node, $/h
              </th>
              {SIZES.map((size) => (
                <th key={size} scope="col" class="number">
                  {sentence(size)}, $/month
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {poolNames(before, after).map((name) => (
              <Pool key={name} name={name} before={poolOf(before, name)} after={poolOf(after, name)} />
            ))}
          </tbody>
        </table>
      </ScrollBox>
      {shown !== undefined && (
        <p class="quiet">
          Not counted: {shown.notCounted.join('; ')}. Prices: {shown.sources.join('; ')}.
        </p>
      )}
    </>
  );
}

interface BeforeAfter<T> {
  readonly before?: T | undefined;
  readonly after?: T | undefined;
}

function Total({ size, before, after }: { readonly size: Size } & BeforeAfter<PlannedCost>): VNode {
  const cost = after?.[size] ?? 0;
  return (
    <div>
      <dt>{sentence(size)}</dt>
      <dd class="value">{usdAMonth(cost)}</dd>
      <dd class="more">
        {usdAnHour(cost)} an hour: {MEANINGS[size]}
        {before !== undefined && before[size] !== cost && (
          <span class="was">
            was {usdAMonth(before[size])}, {usdAMonthMore(before[size], cost)}
          </span>
        )}
      </dd>
    </div>
  );
}

function poolNames(before: PlannedCost | undefined, after: PlannedCost | undefined): readonly string[] {
  return [...new Set([...(after?.pools ?? []), ...(before?.pools ?? [])].map(({ name }) => name))];
}

function poolOf(cost: PlannedCost | undefined, name: string): PlannedPoolCost | undefined {
  return cost?.pools.find((pool) => pool.name === name);
}

function Pool({ name, before, after }: { readonly name: string } & BeforeAfter<PlannedPoolCost>): VNode | null {
  const pool = after ?? before;
  if (pool === undefined) return null;
  const machine = machineOf(pool);
  return (
    <tr>
      <th scope="row">
        {after === undefined ? name : <a href={`#${anchor('pool', name)}`}>{name}</a>}
        {after === undefined && <span class="badge">gone</span>}
      </th>
      <td>
        {machine}
        {before !== undefined && machineOf(before) !== machine && <span class="was">was {machineOf(before)}</span>}
      </td>
      <td class="number">
        {pool.usdPerHour === undefined ? 'no price' : usdAnHour(pool.usdPerHour)}
        {before?.usdPerHour !== undefined && before.usdPerHour !== pool.usdPerHour && (
          <span class="was">was {usdAnHour(before.usdPerHour)}</span>
        )}
      </td>
      {SIZES.map((size) => (
        <td key={size} class="number">
          {monthly(pool, size)}
          <span class="quiet block">{nodes(pool, size)}</span>
          {before !== undefined && monthly(before, size) !== monthly(pool, size) && (
            <span class="was">
              was {monthly(before, size)}, {nodes(before, size)}
            </span>
          )}
        </td>
      ))}
    </tr>
  );
}

function machineOf({ machineType, gpus, spot }: PlannedPoolCost): string {
  return [machineType, ...(gpus > 0 ? [`${gpus} GPU${gpus === 1 ? '' : 's'}`] : []), ...(spot ? ['spot'] : [])].join(
    ', ',
  );
}

function monthly({ usdPerHour, ...pool }: PlannedPoolCost, size: Size): string {
  return usdPerHour === undefined ? 'no price' : usdAMonth(usdPerHour * pool[size]);
}

function nodes(pool: PlannedPoolCost, size: Size): string {
  return `${whole(pool[size])} node${pool[size] === 1 ? '' : 's'}`;
}
