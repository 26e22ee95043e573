import type { VNode } from 'preact';
import type { Rollout } from '../diff/plan-diff';
import { duration } from '../diff/words';
import { counted, whole } from '../format';
import type { Plan } from '../plan';
import { objectAnchor } from './anchor';
import { anchorsByUrn } from './links';
import { ScrollBox } from './scroll-box';

/** Above this many rollouts the others are folded. */
const SHOWN = 12;

/** Rollouts as a table, the longest first. */
export function Rollouts({ rollouts, plan }: { readonly rollouts: readonly Rollout[]; readonly plan: Plan }): VNode {
  const there = new Set(anchorsByUrn(plan).values());
  const sorted = [...rollouts].sort((a, b) => b.seconds - a.seconds);
  const rest = sorted.slice(SHOWN);
  return (
    <>
      <RolloutTable label="Table of restarts" rollouts={sorted.slice(0, SHOWN)} there={there} />
      {rest.length > 0 && (
        <details class="more-items" data-fold>
          <summary>{counted(rest.length, 'more restart')}</summary>
          <RolloutTable label="Table of more restarts" rollouts={rest} there={there} />
        </details>
      )}
    </>
  );
}

function RolloutTable(props: {
  readonly label: string;
  readonly rollouts: readonly Rollout[];
  readonly there: ReadonlySet<string>;
}): VNode {
  const { label, rollouts, there } = props;
  return (
    <ScrollBox label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">Workload</th>
            <th scope="col" class="number">
              Pods
            </th>
            <th scope="col" class="number">
              GPUs
            </th>
            <th scope="col" class="number">
              Extra GPUs
            </th>
            <th scope="col" class="number">
              Away at once
            </th>
            <th scope="col" class="number">
              Takes
            </th>
            <th scope="col">Because of the pod's</th>
          </tr>
        </thead>
        <tbody>
          {rollouts.map((rollout) => (
            <tr key={`${rollout.chart} ${rollout.kind} ${rollout.name}`}>
              <th scope="row">
                <Linked target={objectAnchor(rollout.chart, rollout)} there={there} name={rollout.name} />
                <span class="quiet block">{rollout.kind}</span>
              </th>
              <td class="number">{whole(rollout.pods)}</td>
              <td class="number">{whole(rollout.pods * rollout.gpusPerPod)}</td>
              <td class="number">{whole(rollout.surgeGpus)}</td>
              <td class="number">{whole(rollout.unavailable)}</td>
              <td class="number">
                <Time {...rollout} />
              </td>
              <td>
                <Reasons because={rollout.because} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

function Linked(props: { target: string; there: ReadonlySet<string>; name: string }): VNode {
  const { target, there, name } = props;
  return there.has(target) ? <a href={`#${target}`}>{name}</a> : <span>{name}</span>;
}

function Time({ seconds, longestSeconds }: Rollout): VNode {
  // No server of ours, whose start could be reckoned.
  if (longestSeconds === 0) return <>not known</>;
  return (
    <>
      {duration(seconds)}
      {longestSeconds > seconds && <span class="quiet block">up to {duration(longestSeconds)}</span>}
    </>
  );
}

/** Fields of this many are named. */
const REASONS = 3;
/** Where all of them stand. */
const TEMPLATE = /^spec\.template\./;

function Reasons({ because }: Pick<Rollout, 'because'>): VNode {
  return (
    <ul class="plain">
      {because.slice(0, REASONS).map((path) => (
        <li key={path}>
          <code>{path.replace(TEMPLATE, '')}</code>
        </li>
      ))}
      {because.length > REASONS && (
        <li class="quiet">and {counted(because.length - REASONS, 'more field', 'more fields')}</li>
      )}
    </ul>
  );
}
