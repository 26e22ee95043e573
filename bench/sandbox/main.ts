import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Progress } from '../../bin/progress';
import { Sandbox } from '../../sandbox/sandbox';

declare const __PROJECT_ROOT__: string;

const ENVIRONMENTS = ['dev', 'prod', 'openshift'] as const;
/** Runs of each measurement: the middle one counts. */
const RUNS = 3;
const BUILD_MS = 60 * 60_000;
/** What a Kubernetes cluster without nodes consists of, and what stands in for its nodes. */
const CORE = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'];

/**
 * `npm run bench:sandbox [-- --cold]`: seconds of `up` from nothing to all pods ready and again on what runs, and memory;
 * with `--cold` what it takes to fetch and build the programs on a machine that has none of it.
 */
export async function main(args: readonly string[]): Promise<number> {
  const rows: string[] = [];
  for (const name of ENVIRONMENTS) rows.push(await measure(name));
  const table = [
    '| environment | up s | up again s | core MiB | with Karpenter MiB |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows,
  ];
  process.stdout.write(`${table.join('\n')}\n`);
  if (args.includes('--cold')) process.stdout.write(`\n${coldBuild()}\n`);
  return 0;
}

async function measure(name: (typeof ENVIRONMENTS)[number]): Promise<string> {
  const runs: Awaited<ReturnType<typeof once>>[] = [];
  for (let run = 0; run < RUNS; run++) {
    process.stderr.write(`${name}: run ${run + 1} of ${RUNS}\n`);
    runs.push(await once(name));
  }
  const middle = (of: (run: (typeof runs)[number]) => number) =>
    runs.map(of).sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
  return `| ${name} | ${middle(({ up }) => up).toFixed(1)} | ${middle(({ again }) => again).toFixed(1)} | ${Math.round(middle(({ core }) => core))} | ${Math.round(middle(({ all }) => all))} |`;
}

async function once(name: string) {
  const home = mkdtempSync(join(tmpdir(), 'bench-sandbox-'));
  const sandbox = new Sandbox(__PROJECT_ROOT__, join(home, 'sandbox'));
  const seconds = async () => {
    const started = performance.now();
    await sandbox.up({ name, folder: __PROJECT_ROOT__, bare: false }, new Progress({ write: () => true }));
    return (performance.now() - started) / 1000;
  };
  try {
    const up = await seconds();
    const again = await seconds();
    const memory = (names: readonly string[]) =>
      names.reduce((sum, each) => sum + sandbox.processes.memoryMib(each), 0);
    return { up, again, core: memory(CORE), all: memory(sandbox.processes.started) };
  } finally {
    await sandbox.down(new Progress({ write: () => true }));
    rmSync(home, { recursive: true, force: true });
  }
}

/** Fetches and builds everything anew, in folders of its own. */
function coldBuild(): string {
  const home = mkdtempSync(join(tmpdir(), 'bench-sandbox-cold-'));
  try {
    const script = [
      `const { load } = require(${JSON.stringify(join(__PROJECT_ROOT__, 'bin/load.js'))});`,
      `const { CLUSTER_TOOLS, Toolbox } = load('sandbox/tools.ts');`,
      `const { Progress } = load('bin/progress.ts');`,
      `const toolbox = new Toolbox(${JSON.stringify(__PROJECT_ROOT__)}, CLUSTER_TOOLS);`,
      'toolbox.find(new Progress(process.stderr)).then(() => undefined);',
    ].join('\n');
    const started = performance.now();
    // The shell's `times` knows the CPU time of children: user and system, own and children's.
    const { stdout, status } = spawnSync('/bin/sh', ['-c', '"$@" && times', 'sh', process.execPath, '-e', script], {
      cwd: __PROJECT_ROOT__,
      encoding: 'utf8',
      timeout: BUILD_MS,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        XDG_CACHE_HOME: join(home, 'cache'),
        GOCACHE: join(home, 'go-build'),
        GOMODCACHE: join(home, 'go-mod'),
      },
    });
    if (status !== 0) throw new Error('the build failed');
    const wall = (performance.now() - started) / 1000;
    const children = stdout.trim().split('\n').at(-1) ?? '';
    const cpu = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, [, m, s]) => sum + 60 * Number(m) + Number(s),
      0,
    );
    return `cold build of the programs: ${Math.round(cpu)} CPU seconds, ${Math.round(wall)} s`;
  } finally {
    // Go's cache of modules is read-only.
    spawnSync('chmod', ['-R', 'u+w', home]);
    rmSync(home, { recursive: true, force: true });
  }
}
