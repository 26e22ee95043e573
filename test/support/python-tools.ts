import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Longest wait for the package index, and for another process that installs the same. */
const INSTALL_MS = 600_000;

interface Requirements {
  /** Of the folder that they are installed into. */
  readonly name: string;
  readonly file: string;
  readonly pipFlags: readonly string[];
}

const TOOLS: Requirements = {
  name: 'test-tools',
  file: join(import.meta.dirname, '..', 'requirements.txt'),
  pipFlags: [],
};
const TRITON: Requirements = {
  name: 'triton',
  file: join(import.meta.dirname, '..', 'requirements-triton.txt'),
  // What it names as dependencies is for its Python interface, of which nothing is used.
  pipFlags: ['--no-deps'],
};

/** The path of a tool of test/requirements.txt. */
export function pythonTool(name: string): string {
  return join(home(TOOLS), 'bin', name);
}

/** The virtual environment with test/requirements-triton.txt. */
export function tritonEnvironment(): string {
  return home(TRITON);
}

/** Installs the tools once, before all tests. */
export default async function setup(): Promise<void> {
  for (const requirements of [TOOLS, TRITON]) await install(requirements);
}

/** A folder beside all clones: what one of them has installed, the next finds. */
function home({ name, file }: Requirements): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const key = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  return join(cache, 'triton-stack', `${name}-${key}`);
}

/** A folder without the mark `complete` was left by an installation that ended half-way: it is done again. */
async function install(requirements: Requirements): Promise<void> {
  const target = home(requirements);
  const complete = join(target, 'complete');
  if (existsSync(complete)) return;
  const release = await lock(`${target}.lock`);
  try {
    if (existsSync(complete)) return;
    console.log(`Installing ${requirements.file} into ${target} (once)`);
    rmSync(target, { recursive: true, force: true });
    const run = (command: string, ...args: string[]) =>
      execFileSync(command, args, { stdio: 'inherit', timeout: INSTALL_MS });
    run('python3', '-m', 'venv', target);
    const flags = ['--disable-pip-version-check', ...requirements.pipFlags];
    run(join(target, 'bin', 'pip'), 'install', ...flags, '--requirement', requirements.file);
    mkdirSync(complete);
  } finally {
    release();
  }
}

/** Waits while another process that lives holds the file. Returns what gives it back. */
async function lock(file: string): Promise<() => void> {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = Date.now() + INSTALL_MS;
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(file);
    if (holder !== undefined && !lives(holder)) rmSync(file, { force: true });
    else if (Date.now() > deadline) {
      throw new Error(
        `process ${holder} has held ${file} for ${INSTALL_MS / 1000} s. If it installs nothing: delete it`,
      );
    } else await setTimeout(200);
  }
}

/** Undefined while the holder has not yet written its id, and once it has given the file back. */
function readHolder(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
