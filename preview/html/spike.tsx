import type { VNode } from 'preact';
import { duration, whole } from '../format';
import type { Plan, PlannedModel, PlannedSpike } from '../plan';
import { ScrollBox } from './scroll-box';

/** Models whose spike is known. */
export function spikingModels({ summary }: Plan): readonly SpikingModel[] {
  return summary.models.filter((model): model is SpikingModel => model.spike !== undefined);
}

type SpikingModel = PlannedModel & { readonly spike: PlannedSpike };

/** What waits in a spike until new nodes are there, as a picture and as a table of the same points. */
export function SpikeSection({ models }: { readonly models: readonly SpikingModel[] }): VNode {
  return (
    <ul class="plain spikes">
      {models.map(({ name, spike }) => (
        <li key={name}>
          <h3>{name}</h3>
          <p>{inWords(spike)}</p>
          {spike.curve.length > 1 && (
            <>
              <Picture spike={spike} />
              <Points name={name} spike={spike} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function inWords({ times, ratePerSecond: [before, after], rounds, needed, floor, gone, curve }: PlannedSpike): string {
  const [ready, most] = [rounds[0]?.replicas, rounds.at(-1)?.replicas];
  const comes = `${rate(after)} requests a second in place of ${rate(before)}, ${times} times as many. Replicas: ${ready} ready, ${most} in the end, ${needed} to keep the promise all along.`;
  if (curve.length === 1) return `${comes} What is ready carries it.`;
  const warm = `With ${floor} standing ready, none would be late.`;
  if (gone === undefined) return `${comes} The backlog never goes: all replicas do less than comes. ${warm}`;
  const late = `${whole(Math.round(gone.late))} of ${whole(Math.round(gone.came))} that come meanwhile miss their deadline`;
  return `${comes} The longest wait is ${duration(gone.longestWaitSeconds)}; ${late}.${gone.late > 0 ? ` ${warm}` : ''}`;
}

const place = (percent: number) => `${percent.toFixed(2)}%`;

const HEIGHT = 160;
/** Above the curve and below it, for words. */
const ABOVE = 24;
const BELOW = 24;

/** The curve, with the times when more replicas are ready. Places are percentages, so that words keep their size. */
function Picture({ spike: { curve, rounds } }: { readonly spike: PlannedSpike }): VNode {
  const until = Math.max(...curve.map(({ seconds }) => seconds));
  const most = Math.max(...curve.map(({ waiting }) => waiting));
  const x = (seconds: number) => (seconds / until) * 100;
  const y = (waiting: number) => 100 - (waiting / most) * 100;
  const line = curve.map(({ seconds, waiting }) => `${x(seconds).toFixed(2)},${y(waiting).toFixed(2)}`).join(' ');
  const bottom = ABOVE + HEIGHT;
  return (
    <svg class="spike" width="100%" height={bottom + BELOW} aria-hidden="true" focusable="false">
      <svg
        y={ABOVE}
        width="100%"
        height={HEIGHT}
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        overflow="visible"
        aria-hidden="true"
        focusable="false"
      >
        <polygon class="backlog" points={`0,100 ${line} ${x(until)},100`} />
        <polyline class="waiting" points={line} vector-effect="non-scaling-stroke" />
      </svg>
      <line class="axis" x1="0" x2="100%" y1={bottom} y2={bottom} />
      {rounds
        .filter(({ seconds }) => seconds > 0 && seconds < until)
        .map(({ seconds, replicas }) => (
          <g key={seconds}>
            <line class="ready" x1={place(x(seconds))} x2={place(x(seconds))} y1={ABOVE - 4} y2={bottom} />
            <text x={place(x(seconds))} y={ABOVE - 10} text-anchor="middle">
              {replicas}
            </text>
          </g>
        ))}
      <text x="0" y={bottom + BELOW - 6}>
        spike
      </text>
      <text x="100%" y={bottom + BELOW - 6} text-anchor="end">
        {duration(until)}
      </text>
    </svg>
  );
}

function Points({ name, spike: { curve, rounds, gone } }: { readonly name: string; readonly spike: PlannedSpike }) {
  const what = (seconds: number) => {
    if (seconds === 0) return 'the spike begins';
    const round = rounds.find((each) => each.seconds === seconds);
    if (round !== undefined) return `${round.replicas} replicas are ready`;
    return gone === undefined ? 'it still grows, or stays' : 'nothing waits any more';
  };
  return (
    <ScrollBox label={`Waiting requests of ${name}`}>
      <table>
        <caption class="unseen">Waiting requests of {name} in the spike</caption>
        <thead>
          <tr>
            <th scope="col">After</th>
            <th scope="col" class="number">
              Waiting requests
            </th>
            <th scope="col">What happens</th>
          </tr>
        </thead>
        <tbody>
          {curve.map(({ seconds, waiting }) => (
            <tr key={seconds}>
              <th scope="row">{duration(seconds)}</th>
              <td class="number">{whole(Math.round(waiting))}</td>
              <td>{what(seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

const rate = (perSecond: number) => String(Number(perSecond.toPrecision(3)));
