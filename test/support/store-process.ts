import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const START_MS = 240_000;

export interface StoreProcessOptions {
  /** What errors call it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where it keeps its log, and may keep its data: it goes with the process. */
  readonly folder: string;
  /** Asked again until it is so. */
  readonly answers: () => Promise<boolean>;
}

/** A server of a store, which lasts as long as its tests do. */
export class StoreProcess {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** @throws Error with what it printed, where it ends or does not answer in four minutes */
  static async start({ name, command, args, folder, answers }: StoreProcessOptions): Promise<StoreProcess> {
    const log = join(folder, 'log');
    const output = openSync(log, 'w');
    const child = spawn(command, args, { stdio: ['ignore', output, output] });
    const started = new StoreProcess(child, folder);
    const deadline = Date.now() + START_MS;
    while (!(await answers())) {
      if (Date.now() > deadline || child.exitCode !== null) {
        const said = readFileSync(log, 'utf8').slice(-2000);
        await started.stop();
        throw new Error(`${name} did not start:\n${said}`);
      }
      await setTimeout(100);
    }
    return started;
  }

  async stop(): Promise<void> {
    const { process, folder } = this;
    if (process.exitCode === null && process.signalCode === null) {
      const ended = new Promise((done) => process.once('exit', done));
      // It has nothing worth a farewell, which takes some of them 15 seconds.
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
