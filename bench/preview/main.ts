import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import { layerBinary } from '../../bin/kubectl-layer';
import type { Plan } from '../../preview/plan';
import { writeHelmChart } from './helm-chart';

declare const __PROJECT_ROOT__: string;

const SIZES = [2, 100, 1000] as const;
const KINDS = ['llama-3.1-8b', 'resnet50'] as const;
/** Runs of each measurement, of which the fastest counts: the others waited for the machine. */
const RUNS = 3;
/** As in package.json. */
const NODE_FLAGS = ['--max-semi-space-size=128'];
const LIMIT_MS = 600_000;

interface Row {
  readonly models: number;
  readonly objects: number;
  readonly preview: number;
  readonly helmOnce: number;
  readonly helmPerModel: number;
}

/**
 * `npm run bench:preview`: seconds of a whole preview, beside `helm template` of a chart with the same objects, once
 * over all models and once a model; and of a preview against a base, beside one without.
 */
export async function main(args: readonly string[]): Promise<number> {
  const sizes = args.length > 0 ? args.map(Number) : SIZES;
  const helm = layerBinary(__PROJECT_ROOT__, 'helm');
  const folder = mkdtempSync(join(tmpdir(), 'bench-preview-'));
  try {
    const rows = sizes.map((models) => measure(models, helm, folder));
    process.stdout.write(report(rows));
    process.stdout.write(diffReport(measureDiff(folder)));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface DiffRow {
  readonly preview: number;
  /** The base is evaluated as well. */
  readonly first: number;
  /** The base was evaluated before. */
  readonly later: number;
}

const DIFFED = 'dev';

function measureDiff(folder: string): DiffRow {
  const cache = join(folder, 'cache');
  const preview = [...NODE_FLAGS, 'bin/run.js', 'preview', DIFFED];
  const against = [...preview, '--base', 'HEAD'];
  const output = join(folder, 'diff.txt');
  const diff = () => run(process.execPath, against, output, { XDG_CACHE_HOME: cache });
  progress(`${DIFFED} against HEAD`);
  return {
    preview: fastest(() => run(process.execPath, preview, output)),
    first: fastest(() => {
      rmSync(cache, { recursive: true, force: true });
      return diff();
    }),
    later: fastest(diff),
  };
}

function measure(models: number, helm: string, folder: string): Row {
  const home = join(folder, String(models));
  mkdirSync(home);
  const names = modelNames(models);
  writeFileSync(join(home, 'Pulumi.bench.yaml'), environmentOf(names));
  const preview = [...NODE_FLAGS, 'bin/run.js', 'preview', 'bench', '--folder', home];
  progress(`${models} models: preview`);
  const seconds = fastest(() => run(process.execPath, preview, join(home, 'preview.txt')));
  run(process.execPath, [...preview, '--json'], join(home, 'plan.json'));
  const plan = JSON.parse(readFileSync(join(home, 'plan.json'), 'utf8')) as Plan;

  const kinds = Object.fromEntries(
    KINDS.map((kind) => {
      const name = `triton-${names[kind][0]}`;
      const chart = plan.charts.find((each) => each.name === name);
      if (chart === undefined) throw new Error(`the plan has no chart ${name}`);
      return [kind, chart];
    }),
  );
  const chart = join(home, 'chart');
  writeHelmChart(chart, kinds, names);
  progress(`${models} models: helm template, once over all`);
  const rendered = join(home, 'helm.yaml');
  const helmOnce = fastest(() => run(helm, ['template', 'bench', chart], rendered));
  const objects = count(plan);
  const theirs = readFileSync(rendered, 'utf8').match(/^kind: /gm)?.length ?? 0;
  if (theirs !== objects) throw new Error(`helm rendered ${theirs} objects, the preview ${objects}`);

  const all = KINDS.flatMap((kind) => names[kind].map((name) => [kind, name] as const));
  const started = performance.now();
  for (const [index, [kind, name]] of all.entries()) {
    if (index % 50 === 0) progress(`${models} models: helm template once a model, ${index} of ${models}`);
    const others = KINDS.filter((each) => each !== kind).map((each) => ['--set-json', `models.${key(each)}=[]`]);
    run(
      helm,
      ['template', name, chart, '--set-json', `models.${key(kind)}=["${name}"]`, ...others.flat()],
      join(home, 'one.yaml'),
    );
  }
  const helmPerModel = (performance.now() - started) / 1000;
  return { models, objects, preview: seconds, helmOnce, helmPerModel };
}

/** Helm reads a dot as the next level. */
function key(kind: string): string {
  return kind.replaceAll('.', '\\.');
}

function modelNames(models: number): Record<(typeof KINDS)[number], string[]> {
  const width = String(models).length;
  const of = (kind: string, offset: number) =>
    Array.from({ length: Math.ceil((models - offset) / KINDS.length) }, (_, index) => {
      return `${kind.replace(/\W/g, '')}-${String(index).padStart(width, '0')}`;
    });
  return { 'llama-3.1-8b': of('llama', 0), resnet50: of('resnet', 1) };
}

/** The dev environment, with these models in pools that hold them. */
function environmentOf(names: Record<string, readonly string[]>): string {
  const dev = load(readFileSync(join(__PROJECT_ROOT__, 'Pulumi.dev.yaml'), 'utf8')) as {
    // biome-ignore lint/suspicious/noExplicitAny: a configuration file as it is written
    config: Record<string, any>;
  };
  const { config } = dev;
  const models = Object.entries(names).flatMap(([model, all]) =>
    all.map((name) => ({ model, name, scale: { min: 1, max: 1 } })),
  );
  config['triton-stack:pools'].l4.max = models.length + 1;
  config['triton-stack:network'] = { nodes: '10.0.0.0/20', pods: '10.64.0.0/12', services: '10.8.0.0/20' };
  config['triton-stack:serving'] = { models };
  return dump(dev);
}

function count(plan: Plan): number {
  return plan.charts
    .filter(({ name }) => name.startsWith('triton-'))
    .reduce((sum, { objects }) => sum + objects.length, 0);
}

/** Runs a command with its output in a file; returns the seconds that it took. */
function run(command: string, args: readonly string[], output: string, env: NodeJS.ProcessEnv = {}): number {
  const started = performance.now();
  const result = spawnSync(command, args, {
    cwd: __PROJECT_ROOT__,
    env: { ...process.env, ...env },
    stdio: ['ignore', openSync(output, 'w'), 'pipe'],
    timeout: LIMIT_MS,
  });
  const seconds = (performance.now() - started) / 1000;
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
  return seconds;
}

function fastest(measured: () => number): number {
  return Math.min(...Array.from({ length: RUNS }, measured));
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function report(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.models,
    row.objects,
    row.preview.toFixed(2),
    row.helmOnce.toFixed(2),
    row.helmPerModel.toFixed(2),
    (row.preview / row.helmOnce).toFixed(2),
    (row.preview / row.helmPerModel).toFixed(3),
  ]);
  const head = [
    'models',
    'objects',
    'preview s',
    'helm once s',
    'helm a model s',
    'preview / once',
    'preview / a model',
  ];
  const line = (row: readonly unknown[]) => `| ${row.join(' | ')} |`;
  return [
    `${cpus().length} cores, Node ${process.versions.node}`,
    '',
    line(head),
    line(head.map(() => '---:')),
    ...cells.map(line),
    '',
  ].join('\n');
}

function diffReport({ preview, first, later }: DiffRow): string {
  const line = (row: readonly unknown[]) => `| ${row.join(' | ')} |`;
  return [
    '',
    line(['environment', 'preview s', 'against a base s', 'base known s', 'against / preview', 'known / preview']),
    line(['---', '---:', '---:', '---:', '---:', '---:']),
    line([DIFFED, ...[preview, first, later, first / preview, later / preview].map((value) => value.toFixed(2))]),
    '',
  ].join('\n');
}
