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

function inWords({ times, ratePerSecond: [before, after], replicas, gone, curve }: PlannedSpike): string {
  const comes = `${rate(after)} requests a second in place of ${rate(before)}, ${times} times as many. Replicas: ${replicas.ready} ready, ${replicas.later} at most, ${replicas.needed} to keep the promise all along.`;
  if (curve.length === 1) return `${comes} What is ready carries it.`;
  const floor = `With ${replicas.floor} standing ready, none would be late.`;
  if (gone === undefined) return `${comes} The backlog never goes: all replicas do less than comes. ${floor}`;
  const late = `${whole(Math.round(gone.late))} of ${whole(Math.round(gone.came))} that come meanwhile miss their deadline`;
  return `${comes} The longest wait is ${duration(gone.longestWaitSeconds)}; ${late}.${gone.late > 0 ? ` ${floor}` : ''}`;
}

const HEIGHT = 160;
/** Above the curve and below it, for words. */
const ABOVE = 24;
const BELOW = 24;

/** The curve, with the time when more replicas are ready. Places are percentages, so that words keep their size. */
function Picture({ spike: { curve, readySeconds } }: { readonly spike: PlannedSpike }): VNode {
  const until = Math.max(...curve.map(({ seconds }) => seconds));
  const most = Math.max(...curve.map(({ waiting }) => waiting));
  const x = (seconds: number) => (seconds / until) * 100;
  const y = (waiting: number) => 100 - (waiting / most) * 100;
  const at = `${x(readySeconds).toFixed(2)}%`;
  const line = curve.map(({ seconds, waiting }) => `${x(seconds).toFixed(2)},${y(waiting).toFixed(2)}`).join(' ');
  const anchor = x(readySeconds) > 50 ? 'end' : 'start';
  const aside = anchor === 'end' ? -6 : 6;
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
      <line class="ready" x1={at} x2={at} y1="0" y2={bottom} />
      <text x={at} y={ABOVE - 10} dx={aside} text-anchor={anchor}>
        new replicas ready, {duration(readySeconds)}
      </text>
      <text x="0" y={bottom + BELOW - 6}>
        spike
      </text>
      <text x="100%" y={bottom + BELOW - 6} text-anchor="end">
        {duration(until)}
      </text>
    </svg>
  );
}

function Points({
  name,
  spike: { curve, readySeconds, gone },
}: {
  readonly name: string;
  readonly spike: PlannedSpike;
}) {
  const what = (seconds: number) => {
    if (seconds === 0) return 'the spike begins';
    if (seconds === readySeconds) return 'new replicas are ready';
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
