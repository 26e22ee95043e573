import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { processLives } from '../bin/process-lock';

/** A program that runs until it is ended. */
export interface Service {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Longest wait for the shell that becomes a program. */
const START_MS = 60_000;
const END_MS = 10_000;
/** Longest wait for a process that is ended by force. */
const KILL_MS = 60_000;
const LOG_LINES = 8;
/** Longest time that a process takes to become another program, milliseconds. */
const EXEC_MS = 10_000;

/**
 * The programs of one sandbox. What runs is known by files alone, so that any later command finds it, whatever became
 * of the one that started it.
 */
export class Processes {
  private readonly pids: string;
  private readonly logs: string;

  /** @param folder - the sandbox's; each program has a path in it among its arguments, by which it is known */
  constructor(private readonly folder: string) {
    this.pids = join(folder, 'run');
    this.logs = join(folder, 'logs');
  }

  /** The names of programs that were started and not ended: some may have died since. */
  get started(): string[] {
    if (!existsSync(this.pids)) return [];
    return readdirSync(this.pids)
      .filter((file) => file.endsWith('.pid'))
      .map((file) => file.slice(0, -4))
      .sort();
  }

  /** The id of a program that runs. Another process may have got the id of one that died. */
  pid(name: string): number | undefined {
    const pid = readPid(this.pidFile(name));
    return pid !== undefined && processLives(pid) && commandLine(pid).includes(`${this.folder}/`) ? pid : undefined;
  }

  /** Whether a program runs, and just so. */
  runs(service: Service): boolean {
    const file = this.descriptionFile(service.name);
    return (
      this.pid(service.name) !== undefined && existsSync(file) && readFileSync(file, 'utf8') === JSON.stringify(service)
    );
  }

  /** Starts a program where it does not run, or runs otherwise than it should. */
  async ensure(service: Service): Promise<void> {
    if (this.runs(service)) return;
    await this.end(service.name);
    mkdirSync(this.pids, { recursive: true });
    mkdirSync(this.logs, { recursive: true });
    writeFileSync(this.descriptionFile(service.name), JSON.stringify(service), { mode: 0o600 });
    const log = openSync(this.logFile(service.name), 'a');
    // The shell becomes the program: its id is on record before there is a program, even if we are killed right now.
    const script = 'echo $$ > "$0" && exec "$@"';
    const child = spawn('/bin/sh', ['-c', script, this.pidFile(service.name), service.command, ...service.args], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: this.folder,
      env: { ...process.env, ...service.env },
    });
    closeSync(log);
    child.unref();
    await new Promise((done, failed) => {
      child.once('spawn', done);
      child.once('error', failed);
    });
    const deadline = Date.now() + START_MS;
    const starts = () => readPid(this.pidFile(service.name)) === undefined && child.exitCode === null;
    while (starts() && Date.now() < deadline) await setTimeout(5);
  }

  /** Ends a program, by force where it does not go, and forgets it. */
  async end(name: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const deadline = Date.now() + END_MS;
    for (let pid = this.pid(name), ask: NodeJS.Signals = signal; pid !== undefined; pid = this.pid(name)) {
      if (Date.now() > deadline) ask = 'SIGKILL';
      try {
        process.kill(pid, ask);
      } catch {}
      await setTimeout(50);
      if (Date.now() > deadline + KILL_MS) throw new Error(`process ${pid} (${name}) does not end`);
    }
    rmSync(this.pidFile(name), { force: true });
  }

  /** The last lines that a program wrote. */
  lastWords(name: string): string {
    const file = this.logFile(name);
    if (!existsSync(file)) return '';
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  }

  logFile(name: string): string {
    return join(this.logs, `${name}.log`);
  }

  /** Memory that a program holds, MiB. */
  memoryMib(name: string): number {
    const pid = this.pid(name);
    return pid === undefined ? 0 : residentMib(pid);
  }

  private pidFile(name: string): string {
    return join(this.pids, `${name}.pid`);
  }

  private descriptionFile(name: string): string {
    return join(this.pids, `${name}.json`);
  }
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/** Empty for a process that has ended, be it waited for or not. */
function commandLine(pid: number): string {
  if (!existsSync('/proc/self/cmdline')) return ps(pid, 'command');
  try {
    for (const deadline = Date.now() + EXEC_MS; ; ) {
      const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      // While a process becomes another program it has no command line either, for a moment. One that has ended has no
      // memory, nor have the kernel's own.
      const ended = !/^VmSize:/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      if (text !== '' || ended || Date.now() > deadline) return text;
    }
  } catch {
    return '';
  }
}

/** 0 for a process that has ended. */
function residentMib(pid: number): number {
  if (!existsSync('/proc/self/status')) return Number(ps(pid, 'rss')) / 1024;
  try {
    const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib) / 1024;
  } catch {
    return 0;
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8', timeout: 5000 });
  } catch {
    return '';
  }
}
