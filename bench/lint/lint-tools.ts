import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolder } from '../../bin/cache-folder';
import { onPath } from '../../bin/on-path';
import { processLock } from '../../bin/process-lock';
import type { Progress } from '../../bin/progress';
import { InputError } from '../../models/problem';

/** Longest wait for one download or build, and for another process that installs the same. */
const INSTALL_MS = 10 * 60_000;
/** Columns of an installer's line that are shown. */
const LINE = 100;
const KUBE_SCORE = 'github.com/zegl/kube-score/cmd/kube-score';

const NEEDED = [
  { name: 'go', why: 'kube-score is built with it', fix: 'install Go 1.26.4 or newer (https://go.dev/doc/install)' },
  { name: 'python3', why: 'checkov runs in it', fix: 'install Python 3.10 or newer, with venv' },
];

/** The paths of the linters. */
export interface LintTools {
  readonly kubeScore: string;
  readonly checkov: string;
}

/**
 * The linters of `bench/lint/tools`, installed once beside all clones: kube-score from Go's modules, checkov from PyPI.
 *
 * @param root - the project's folder
 * @throws InputError where Go or Python is missing
 */
export async function findLintTools(root: string, progress: Progress): Promise<LintTools> {
  const source = join(root, 'bench', 'lint', 'tools');
  const requirements = join(source, 'requirements.txt');
  const pinned = [join(source, 'go.mod'), join(source, 'go.sum'), requirements];
  const folder = cacheFolder('linters', pinned, process.platform, process.arch);
  const tools = { kubeScore: join(folder, 'kube-score'), checkov: join(folder, 'python', 'bin', 'checkov') };
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return tools;
  requirePrograms();
  const release = await processLock(`${folder}.lock`, {
    waitMs: INSTALL_MS,
    onWait: (holder) => progress.line(`Waiting for process ${holder}, which installs the same`),
  });
  try {
    if (existsSync(complete)) return tools;
    progress.line(`Installing kube-score and checkov (once, about a minute) into ${folder}`);
    // Left by an installation that ended half-way.
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const build = ['build', '-v', '-trimpath', '-ldflags', '-s -w', '-o', tools.kubeScore, KUBE_SCORE];
    await run('go', build, source, progress);
    progress.done('built kube-score');
    const python = join(folder, 'python');
    await run('python3', ['-m', 'venv', python], source, progress);
    const install = ['install', '--disable-pip-version-check', '--progress-bar=off', '--requirement', requirements];
    await run(join(python, 'bin', 'pip'), install, source, progress);
    progress.done('installed checkov');
    mkdirSync(complete);
  } finally {
    release();
  }
  return tools;
}

function requirePrograms(): void {
  const missing = NEEDED.filter(({ name }) => onPath(name) === undefined);
  if (missing.length === 0) return;
  throw new InputError(
    'this machine',
    missing.map(({ name, why, fix }) => ({ key: name, reason: `is not on PATH: ${why}`, fix })),
  );
}

/** Runs an installer, whose lines are the progress, and the reason where it fails. */
async function run(command: string, args: readonly string[], cwd: string, progress: Progress): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_MS });
  const said: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      said.push(line);
      progress.now(line.trim().slice(0, LINE));
    });
  }
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('close', done);
  });
  progress.clear();
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${said.slice(-12).join('\n')}`);
}
