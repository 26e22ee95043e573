import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { loadAll } from 'js-yaml';
import { layerBinary } from '../../bin/kubectl-layer';
import type { KubernetesObject } from '../../preview/plan';
import { writeHelmChart } from '../preview/helm-chart';
import { cpuSeconds } from './cpu-seconds';
import { serviceNames, serviceObjects } from './services';

declare const __PROJECT_ROOT__: string;

const SIZES = [250, 500, 1000, 2000] as const;
/** Runs of each measurement, of which the one with the least CPU counts: the others shared caches and cores. */
const RUNS = 5;
/** Services that are rendered by a process of helm each, and stand for all. */
const SAMPLE = 20;
/** As the preview runs, in package.json. */
const NODE_FLAGS = ['--max-semi-space-size=128'];

interface Row {
  readonly services: number;
  readonly objects: number;
  readonly synth: number;
  readonly helmOnce: number;
  readonly helmEach: number;
}

/**
 * `npm run bench:synth [sizes]`: CPU seconds of synthesising services of five objects to YAML with our constructs, from
 * the start of the process, beside `helm template` of a chart with the same objects: once over all, and once a service.
 */
export async function main(args: readonly string[]): Promise<number> {
  const sizes = args.length > 0 ? args.map(Number) : SIZES;
  const folder = mkdtempSync(join(tmpdir(), 'bench-synth-'));
  try {
    const bench = new SynthBench(folder);
    process.stdout.write(report(sizes.map((services) => bench.measure(services))));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class SynthBench {
  private readonly helm = layerBinary(__PROJECT_ROOT__, 'helm');

  constructor(private readonly folder: string) {}

  measure(services: number): Row {
    process.stderr.write(`${services} services\n`);
    const home = join(this.folder, String(services));
    mkdirSync(home);
    const chart = join(home, 'chart');
    const [first = '', ...others] = serviceNames(services);
    const objects = serviceObjects(first);
    writeHelmChart(chart, { service: { name: `triton-${first}`, objects } }, { service: [first, ...others] });

    const ours = join(home, 'ours.yaml');
    const theirs = join(home, 'helm.yaml');
    const row = {
      services,
      objects: services * objects.length,
      synth: least(() => this.synth(services, ours)),
      helmOnce: least(() => this.run('"$1" template bench "$2" > "$3"', this.helm, chart, theirs)),
      helmEach: least(() => this.helmEach(chart, home)) * (services / SAMPLE),
    };
    checkEqual(ours, theirs);
    return row;
  }

  private synth(services: number, file: string): number {
    const write = `require('./bin/load.js').load('bench/synth/services.ts').writeServices(${services}, ${JSON.stringify(file)})`;
    return this.run('"$@"', process.execPath, ...NODE_FLAGS, '-e', write);
  }

  private helmEach(chart: string, home: string): number {
    const script = `
      helm="$1" chart="$2" home="$3"
      shift 3
      for name in "$@"; do "$helm" template "$name" "$chart" --set-json "models.service=[\\"$name\\"]" > "$home/one.yaml"; done`;
    return this.run(script, this.helm, chart, home, ...serviceNames(SAMPLE));
  }

  private run(script: string, ...args: readonly string[]): number {
    return cpuSeconds(script, args, __PROJECT_ROOT__);
  }
}

function least(measured: () => number): number {
  return Math.min(...Array.from({ length: RUNS }, measured));
}

/** Both files hold the same objects, in whatever order. */
function checkEqual(...files: readonly [string, string]): void {
  const [ours, theirs] = files.map((file) => {
    const objects = loadAll(readFileSync(file, 'utf8')).filter((each) => each !== null) as KubernetesObject[];
    return new Map(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
  });
  if (!isDeepStrictEqual(ours, theirs)) throw new Error(`${files.join(' and ')} hold different objects`);
}

function report(rows: readonly Row[]): string {
  const head = [
    'services',
    'objects',
    'synth s',
    'ms a service',
    'helm once s',
    'helm each s',
    'synth / once',
    'synth / each',
  ];
  const cells = rows.map(({ services, objects, synth, helmOnce, helmEach }) => [
    services,
    objects,
    synth.toFixed(2),
    ((synth * 1000) / services).toFixed(2),
    helmOnce.toFixed(2),
    helmEach.toFixed(1),
    (synth / helmOnce).toFixed(2),
    (synth / helmEach).toFixed(3),
  ]);
  const line = (row: readonly unknown[]) => `| ${row.join(' | ')} |`;
  return [
    `CPU seconds, user and system. ${cpus().length} cores, Node ${process.versions.node}`,
    '',
    line(head),
    line(head.map(() => '---:')),
    ...cells.map(line),
    '',
  ].join('\n');
}
