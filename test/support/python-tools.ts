import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../bin/cache-folder';
import { processLock } from '../../bin/process-lock';

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

function home({ name, file }: Requirements): string {
  return cacheFolder(name, [file]);
}

/** A folder without the mark `complete` was left by an installation that ended half-way: it is done again. */
async function install(requirements: Requirements): Promise<void> {
  const target = home(requirements);
  const complete = join(target, 'complete');
  if (existsSync(complete)) return;
  const release = await processLock(`${target}.lock`, { waitMs: INSTALL_MS });
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
