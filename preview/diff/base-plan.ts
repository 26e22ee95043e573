import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { cacheFolder, cacheHome } from '../../bin/cache-folder';
import { installOnce, runInstaller } from '../../bin/install';
import type { Progress } from '../../bin/progress';
import { replaceFile } from '../../bin/replace-file';
import { InputError } from '../../models/problem';
import type { Plan } from '../plan';
import { type Commit, Repository } from './git';
import type { Revision } from './plan-diff';
import { readPlan } from './read-plan';

/** Longest evaluation of a base. */
const TIMEOUT_MS = 5 * 60_000;
/** Plans that are kept. */
const KEPT = 50;
/** As in package.json. */
const NODE_FLAGS = ['--max-semi-space-size=128'];
/** Lines of what a base said before it failed. */
const SAID = 15;

/** A base that was evaluated. */
export interface Base {
  readonly revision: Revision;
  /** Left out where the base has no such environment, or where it failed. */
  readonly plan?: Plan;
  /** Why the base has no plan though it has the environment. */
  readonly failed?: string;
}

export interface BaseRequest {
  /** The project's root. */
  readonly root: string;
  /** The folder of the `Pulumi.<env>.yaml` files. */
  readonly folder: string;
  readonly environment: string;
  /** `origin/main` */
  readonly ref: string;
}

/**
 * The plan of an environment as the base has it, made by the base's own program with the base's own packages. What was
 * evaluated once is kept, by the content of the project's tree.
 *
 * @throws InputError where there is no such base
 */
export async function basePlan({ root, folder, environment, ref }: BaseRequest, progress: Progress): Promise<Base> {
  const repository = new Repository(root);
  const commit = repository.startingPoint(ref);
  const revision = { name: ref, commit: commit.sha };
  const below = relative(realpathSync(root), realpathSync(folder));
  if (below.startsWith('..') || isAbsolute(below)) {
    throw new InputError('command line', [
      {
        key: '--folder',
        value: folder,
        reason: 'lies outside of the project: its base cannot be told',
        fix: 'keep the files of the environments in the repository, or leave --base out',
      },
    ]);
  }
  if (repository.read(commit, join(below, `Pulumi.${environment}.yaml`)) === undefined) return { revision };
  const kept = join(cacheHome(), 'plans', `${environment}-${digestOf(repository.contentOf(commit), below)}.json`);
  try {
    return { revision, plan: readPlan(readFileSync(kept, 'utf8')) };
  } catch {
    // Not there, or not whole: it is made.
  }
  try {
    const text = await evaluate(repository, commit, { root, below, environment }, progress);
    const plan = readPlan(text);
    keep(kept, text);
    return { revision, plan };
  } catch (error) {
    return { revision, failed: (error as Error).message };
  }
}

function digestOf(tree: string, below: string): string {
  return [tree, ...below.split(/[\\/]/).filter((part) => part !== '')].join('-');
}

interface Evaluation {
  readonly root: string;
  readonly below: string;
  readonly environment: string;
}

/** What the base's own `preview --json` prints. */
async function evaluate(
  repository: Repository,
  commit: Commit,
  { root, below, environment }: Evaluation,
  progress: Progress,
): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'triton-stack-base-'));
  try {
    repository.checkOut(commit, scratch);
    const files = join(scratch, 'files');
    symlinkSync(await packagesOf(repository, commit, root, progress), join(files, 'node_modules'));
    progress.now(`Evaluating ${environment} at ${commit.name}`);
    const folder = below === '' ? [] : ['--folder', join(files, below)];
    return await output([...NODE_FLAGS, 'bin/run.js', 'preview', environment, '--json', ...folder], files);
  } finally {
    progress.clear();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const LOCK = 'package-lock.json';
const MANIFEST = 'package.json';

/** The packages of a commit: ours where it pins the same, else its own, installed once. */
async function packagesOf(repository: Repository, commit: Commit, root: string, progress: Progress): Promise<string> {
  const lock = repository.read(commit, LOCK);
  const manifest = repository.read(commit, MANIFEST);
  if (lock === undefined || manifest === undefined) throw new Error(`${commit.name} has no ${MANIFEST} with a ${LOCK}`);
  const own = join(root, 'node_modules');
  if (existsSync(own) && lock === readFileSync(join(root, LOCK), 'utf8')) return own;
  const folder = cacheFolder('packages', [], lock, process.version);
  await installOnce(folder, `Installing the packages that ${commit.name} pins (once)`, progress, async () => {
    writeFileSync(join(folder, LOCK), lock);
    writeFileSync(join(folder, MANIFEST), manifest);
    await runInstaller('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], progress, { cwd: folder });
  });
  return join(folder, 'node_modules');
}

/** Standard output of a command that shows a plan: it may find policies that fail, and exit with 1. */
function output(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.once('error', failed);
    child.once('close', (code, signal) => {
      const text = Buffer.concat(out).toString();
      if (code !== null && code <= 1 && text.startsWith('{')) done(text);
      else if (signal !== null) failed(new Error(`it did not end within ${TIMEOUT_MS / 60_000} minutes`));
      else failed(new Error(Buffer.concat(err).toString().trim().split('\n').slice(0, SAID).join('\n')));
    });
  });
}

/** Writes a plan beside the others, and lets the oldest go. */
function keep(file: string, text: string): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  replaceFile(file, text);
  const byAge = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const old of byAge.slice(KEPT)) rmSync(old, { force: true });
}
