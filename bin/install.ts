import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputError } from '../models/problem';
import { onPath } from './on-path';
import { processLock } from './process-lock';
import type { Progress } from './progress';

/** Longest wait for one download or build, and for another process that installs the same. */
const INSTALL_MS = 10 * 60_000;
/** Columns of an installer's line that are shown. */
const LINE = 100;

/** A program that has to be there already. */
export interface NeededProgram {
  readonly name: string;
  /** What for, as a clause. */
  readonly why: string;
  readonly fix: string;
}

/** @throws InputError with all programs that are not on PATH */
export function requirePrograms(needed: readonly NeededProgram[]): void {
  const missing = needed.filter(({ name }) => onPath(name) === undefined);
  if (missing.length === 0) return;
  throw new InputError(
    'this machine',
    missing.map(({ name, why, fix }) => ({ key: name, reason: `is not on PATH: ${why}`, fix })),
  );
}

/**
 * Makes a folder once, whoever asks first. One without the mark `complete` was left by an installation that ended
 * half-way: it is made again.
 *
 * @param what - said before it begins: `Installing rclone (once, a few seconds)`
 */
export async function installOnce(
  folder: string,
  what: string,
  progress: Progress,
  make: () => Promise<void>,
): Promise<void> {
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return;
  const release = await processLock(`${folder}.lock`, {
    waitMs: INSTALL_MS,
    onWait: (holder) => progress.line(`Waiting for process ${holder}, which installs the same`),
  });
  try {
    if (existsSync(complete)) return;
    progress.line(`${what} into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await make();
    mkdirSync(complete);
  } finally {
    release();
  }
}

/** Runs an installer, whose lines are the progress, and the reason where it fails. */
export async function runInstaller(
  command: string,
  args: readonly string[],
  progress: Progress,
  { cwd, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_MS,
  });
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

/** Installs packages into a virtual environment of their own. */
export async function installPackages(folder: string, packages: readonly string[], progress: Progress): Promise<void> {
  await runInstaller('python3', ['-m', 'venv', folder], progress);
  const flags = ['install', '--disable-pip-version-check', '--progress-bar=off'];
  await runInstaller(join(folder, 'bin', 'pip'), [...flags, ...packages], progress);
}
