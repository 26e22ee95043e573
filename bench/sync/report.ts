import { cpus } from 'node:os';
import type { EntrantName, Measured, Result } from './rounds';
import { pairedSpread, type Spread, spread } from './statistics';

const PAIRS = [
  ['ours', 'aws sync'],
  ['ours', 'aws exact'],
  ['ours', 'rclone copy'],
  ['ours, aws', 'aws sync'],
] as const;

/** Three tables: what everything took, how ours compares in the same rounds, and what loopback and disk allow. */
export function report(results: readonly Result[], rounds: number): string {
  return [
    `Medians of ${rounds} rounds. ${cpus().length} cores, Node ${process.versions.node}`,
    '',
    ...table(['scenario', 'by', 's', 'ended s', 'CPU s', 'store CPU s', 'right'], results.flatMap(times)),
    '',
    ...table(['scenario', 'ratio', 'median', 'least', 'most'], results.flatMap(ratios)),
    '',
    ...table(
      ['scenario', 'GET s', 'write s', 'bound s', 'GET, write s', 'ours of it', 'least', 'most'],
      results.flatMap(limits),
    ),
    '',
  ].join('\n');
}

function times({ scenario, runs, wrong }: Result): string[][] {
  return [...runs].map(([name, measured]) => {
    const median = (of: (run: Measured) => number) => spread(measured.map(of)).median;
    const store = median(({ storeCpuSeconds }) => storeCpuSeconds);
    const stale = wrong.get(name)?.length ?? 0;
    return [
      scenario.name,
      name,
      median(({ seconds }) => seconds).toFixed(2),
      median(({ endedSeconds }) => endedSeconds).toFixed(2),
      median(({ cpuSeconds }) => cpuSeconds).toFixed(2),
      Number.isNaN(store) ? '' : store.toFixed(2),
      stale === 0 ? 'yes' : `${stale} wrong`,
    ];
  });
}

function ratios({ scenario, runs }: Result): string[][] {
  return PAIRS.flatMap(([over, under]) => {
    const pair = paired(runs, over, under);
    if (pair === undefined) return [];
    const { median, least, most } = pair;
    return [[scenario.name, `${over} / ${under}`, median.toFixed(3), least.toFixed(3), most.toFixed(3)]];
  });
}

/** The bound is the slower of the network and the disk alone; both at once take longer where they share cores. */
function limits({ scenario, runs }: Result): string[][] {
  const share = paired(runs, 'GET, write', 'ours');
  if (share === undefined) return [];
  const median = (name: EntrantName) => spread(secondsOf(runs, name)).median;
  const [get, write] = [median('GET'), median('write')];
  const percent = (value: number) => `${Math.round(100 * value)} %`;
  return [
    [
      scenario.name,
      get.toFixed(2),
      write.toFixed(2),
      Math.max(get, write).toFixed(2),
      median('GET, write').toFixed(2),
      percent(share.median),
      percent(share.least),
      percent(share.most),
    ],
  ];
}

function paired(runs: Result['runs'], over: EntrantName, under: EntrantName): Spread | undefined {
  if (!runs.has(over) || !runs.has(under)) return undefined;
  return pairedSpread(secondsOf(runs, over), secondsOf(runs, under));
}

function secondsOf(runs: Result['runs'], name: EntrantName): number[] {
  return (runs.get(name) ?? []).map(({ seconds }) => seconds);
}

/** In Markdown, numbers to the right. */
function table(head: readonly string[], rows: readonly string[][]): string[] {
  const numeric = head.map((_, column) => rows.every((row) => /^[\d.]*( %)?$/.test(row[column] ?? '')));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(numeric.map((is) => (is ? '---:' : '---'))), ...rows.map(line)];
}
