import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { CommandFailed } from '../../bin/command';

/** Longest that one process may take. */
const LIMIT_MS = 20 * 60_000;
/** Of what a process that failed has said. */
const LAST_CHARACTERS = 1500;
/** The shell knows the CPU time of what it ran, children's children included: Node tells none of a child. */
const TIMED = '"$@" 3>&-; code=$?; times >&3; exit $code';

/** A program, its arguments and all of its environment. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a process took. */
export interface Took {
  readonly seconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
}

/** Runs programs, each in a process group of its own, as a container's processes end together. */
export class Processes {
  private readonly groups = new Set<number>();
  private ended = false;

  /** @param log - a file for what the last program said */
  constructor(private readonly log: string) {}

  /** @throws CommandFailed where it fails, or takes longer than 20 minutes */
  async run({ args, env }: CommandLine): Promise<Took> {
    if (this.ended) throw new CommandFailed('the run is over');
    const log = openSync(this.log, 'w');
    const started = performance.now();
    const child = spawn('/bin/sh', ['-c', TIMED, 'sh', ...args], {
      env,
      stdio: ['ignore', log, log, 'pipe'],
      detached: true,
    });
    closeSync(log);
    const group = child.pid ?? 0;
    this.groups.add(group);
    const limit = setTimeout(() => kill(group), LIMIT_MS);
    let times = '';
    child.stdio[3]?.on('data', (data) => (times += data));
    let seconds = 0;
    child.once('exit', () => (seconds = (performance.now() - started) / 1000));
    const code = await new Promise<number | null>((done, failed) => {
      child.once('error', failed);
      child.once('close', done);
    });
    clearTimeout(limit);
    kill(group);
    this.groups.delete(group);
    if (code === 0) return { seconds, cpuSeconds: cpuSeconds(times) };
    const said = readFileSync(this.log, 'utf8').slice(-LAST_CHARACTERS);
    throw new CommandFailed(`${args.slice(0, 3).join(' ')} ended with ${code} after ${seconds.toFixed(1)} s:\n${said}`);
  }

  /** Ends what runs, and runs nothing more. */
  end(): void {
    this.ended = true;
    for (const group of this.groups) kill(group);
  }
}

function kill(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}

/** The second line of `times`: the shell's children. */
function cpuSeconds(times: string): number {
  const children = times.trim().split('\n').at(-1) ?? '';
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0);
}
