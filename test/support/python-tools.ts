import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const REQUIREMENTS = join(import.meta.dirname, '..', 'requirements.txt');
/** Longest wait for the package index. */
const INSTALL_MS = 600_000;

/** A folder beside all clones: what one of them has installed, the next finds. */
function home(): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const key = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  return join(cache, 'triton-stack', `test-tools-${key}`);
}

/** The path of a tool of test/requirements.txt. */
export function pythonTool(name: string): string {
  return join(home(), 'bin', name);
}

/** Installs the tools once, before all tests. */
export default function setup(): void {
  const target = home();
  if (existsSync(join(target, 'complete'))) return;
  console.log(`Installing ${REQUIREMENTS} into ${target} (once)`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: 'inherit', timeout: INSTALL_MS });
  run('python3', '-m', 'venv', target);
  run(join(target, 'bin', 'pip'), 'install', '--disable-pip-version-check', '--requirement', REQUIREMENTS);
  mkdirSync(join(target, 'complete'));
}
