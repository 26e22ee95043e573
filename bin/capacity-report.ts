import type { CapacitySpike } from '../models/capacity/capacity';
import type { CapacityCost } from '../models/capacity/capacity-cost';
import { isUnpriced, type Unpriced } from '../models/cost';
import { wrap } from '../models/text';
import type { PricedCapacity } from './capacity-command';
import type { Style } from './command';

/** A capacity, as a person reads it. */
export function renderCapacity(priced: PricedCapacity, style: Style): string {
  const { colours } = style;
  const { capacity, measured, nodes, cost } = priced;
  const { queue, figures, budget } = capacity;
  const rows = (entries: readonly (readonly [string, string])[]) =>
    entries.flatMap(([label, text]) => entry(`  ${label}`, text, style));
  const priceRows = (what: string, each: CapacityCost | Unpriced): [string, string][] =>
    isUnpriced(each)
      ? [[what, `unknown: ${each.missing.join('; ')}`]]
      : [[what, `${usd(each.usdPerHour)}/h, ${usd(each.usdPerMonth)} a month: ${count(each.nodes, 'node')}`]];
  const sections = [
    `${colours.bold(capacity.model)} · ${number(capacity.ratePerSecond)} requests a second · ${
      queue.discipline === 'slots'
        ? `${queue.together} slots a replica`
        : `batches of ${queue.together} at most, ${count(queue.instances, 'instance')} a replica`
    }`,
    '',
    colours.bold('Known'),
    ...rows([
      ['service', `${pointText(priced)} (${measured.measured})`],
      ['at most', `${number(queue.mostPerSecond)} requests a second a replica`],
      ['may wait', `${duration(budget.seconds)}, 95 of 100: ${budget.from}`],
      ...capacity.unused.map(({ unused }) => ['not used', unused] as const),
    ]),
    '',
    colours.bold('Replicas'),
    ...rows([
      ['needed', `${capacity.replicas}, each for ${number(capacity.keepsPerSecond)} requests a second`],
      ['load', `${percent(figures.utilization)} of what they can do, ${number(figures.meanInFlight)} in flight each`],
      [
        'wait',
        `mean ${duration(figures.meanWaitSeconds)}, p95 ${duration(figures.p95WaitSeconds)}; ${percent(figures.waitShare)} wait at all`,
      ],
      ...(cost === undefined ? [] : priceRows('cost', cost.replicas)),
      ...(nodes === undefined ? [] : [['', `${nodes.machineType}, ${nodes.region}, ${nodes.purchase}`] as const]),
    ]),
    '',
    colours.bold('Autoscaling target'),
    ...rows(targetRows(priced)),
    '',
    `${colours.bold('Ready')} after ${duration(capacity.ready.seconds)}`,
    ...rows(capacity.ready.steps.map(({ name, seconds, from }) => [name, `${duration(seconds)}: ${from}`])),
    '',
    `${colours.bold('Warm floor')} for ${number(capacity.spike.times)} times the load`,
    ...rows([
      [
        'ready',
        `${count(capacity.floor.replicas, 'replica')}, so that each request of the spike waits ${duration(capacity.spike.deadlineWaitSeconds)} at most`,
      ],
      ...(cost === undefined ? [] : priceRows('cost', cost.floor)),
      [
        'without',
        `${count(capacity.replicas, 'replica')} carry ${
          Number.isFinite(capacity.floor.carries) ? `${number(capacity.floor.carries)} times the load` : 'any rise'
        } until more are ready`,
      ],
    ]),
    '',
    colours.bold(`A spike of ${number(capacity.spike.times)} times the load`),
    ...rows(spikeRows(capacity.spike)),
    ...sourceLines(cost?.replicas, style),
  ];
  return `${sections.join('\n')}\n`;
}

function pointText({ measured, capacity }: PricedCapacity): string {
  const what = capacity.queue.discipline === 'slots' ? 'a request, in flight' : 'a batch of';
  const points = measured.service.map(({ requests, seconds }) => `${requests}: ${duration(seconds)}`);
  return `${what} ${points.join(', ')}`;
}

function targetRows({ capacity: { target, queue }, deployed }: PricedCapacity): [string, string][] {
  const { computed, inFlight, waiting } = target;
  return [
    [
      'computed',
      `${number(computed)} a replica: what is computed in it at the most that keeps the promise${
        queue.discipline === 'slots' ? `, of ${queue.together} slots` : ''
      }`,
    ],
    ['in flight', `${number(inFlight)} a replica, with those that wait, at the same load`],
    ['waiting', `${number(waiting)} a replica, at the same load`],
    ['deployed', deployedText(deployed)],
  ];
}

function deployedText(deployed: PricedCapacity['deployed']): string {
  if (deployed === undefined) return 'nothing: the backend tells nobody how many requests are in it';
  const from = deployed.declared
    ? 'from the capacity that the model declares'
    : 'a share of its slots, until the model declares a capacity';
  return `${deployed.name} ${number(deployed.target)}: ${from}`;
}

function spikeRows(spike: CapacitySpike): [string, string][] {
  const { ratePerSecond, rounds, backlog, goneSeconds, longestWaitSeconds, late, came, needed } = spike;
  const [ready, most] = [rounds[0]?.replicas ?? 0, rounds.at(-1)?.replicas ?? 0];
  const head: [string, string] = [
    'comes',
    `${number(ratePerSecond)} requests a second; ${count(ready, 'replica')} ready, ${most} in the end, ${needed} needed`,
  ];
  if (backlog === 0) return [head, ['backlog', 'none: what is ready carries it']];
  const more = rounds.slice(1).filter(({ seconds }) => seconds < goneSeconds);
  const first: [string, string][] =
    more.length === 0
      ? []
      : [['ready', more.map(({ seconds, replicas }) => `${replicas} after ${duration(seconds)}`).join(', ')]];
  if (!Number.isFinite(goneSeconds)) {
    return [
      head,
      ...first,
      ['gone', `never: ${count(most, 'replica')} do less than comes; scale.max has to be ${needed}`],
    ];
  }
  return [
    head,
    ...first,
    ['backlog', `${number(backlog)} requests at most`],
    ['gone', `after ${duration(goneSeconds)}`],
    ['wait', `${duration(longestWaitSeconds)} at the longest`],
    ['late', `${number(late)} requests miss their deadline: ${percent(late / came)} of those that come meanwhile`],
  ];
}

function sourceLines(cost: CapacityCost | Unpriced | undefined, style: Style): string[] {
  if (cost === undefined || isUnpriced(cost)) return [];
  return ['', ...cost.sources.flatMap(({ source, date }) => wrapped(`prices of ${date}: ${source}`, style))];
}

function wrapped(text: string, { width, colours }: Style): string[] {
  return wrap(text, width - 2).map((line) => colours.dim(`  ${line}`));
}

const COLUMN = 13;

function entry(label: string, text: string, { width }: Style): string[] {
  return wrap(text, width - COLUMN).map((line, index) => `${(index === 0 ? label : '').padEnd(COLUMN)}${line}`);
}

const usd = (amount: number) => `$${amount.toFixed(2)}`;
const count = (of: number, what: string) => `${of} ${what}${of === 1 ? '' : 's'}`;
const percent = (share: number) => `${number(share * 100)} %`;

/** Three digits, and no more decimals than they need. */
function number(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

function duration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 0.9995) return `${number(seconds * 1000)} ms`;
  return seconds < 120 ? `${number(seconds)} s` : `${number(seconds / 60)} min`;
}
