import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { runCommand } from '../../bin/command';
import { Progress } from '../../bin/progress';
import { InputError } from '../../models/problem';
import { SyncBench } from './sync-bench';

const GIB = 1024 ** 3;
/** Of the disk: four copies in the store, three in volumes, changes, and what the store has not reclaimed. */
const ROOM_GIB = { whole: 38, small: 2 };
const SMALL = 64;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

interface Options {
  readonly runs: string;
  readonly small?: true | string;
  readonly tools?: readonly string[];
}

/**
 * `npm run bench:sync [-- --runs N --small]`: seconds of our model sync from an S3 server on this machine, beside the AWS
 * CLI, rclone and s5cmd, and what loopback and disk allow.
 */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command('bench:sync')
    .description('Measures the model sync beside the tools that people use for it.')
    .option('--runs <rounds>', 'rounds, in each of which everything runs once', '5')
    .option(
      '--small [part]',
      'so many times fewer bytes and files (64 where it is not said), to try it: a 64th says nothing about speed',
    )
    .option('--tools <names...>', 'these alone, ours among them: ours, "ours, aws", "aws sync", "rclone copy", ...')
    .action((options: Options) => bench(options));
  return runCommand(program, args, { out: process.stdout, err: process.stderr });
}

async function bench({ runs, small, tools }: Options): Promise<void> {
  const rounds = numberOf(runs);
  const scale = small === undefined ? 1 : small === true ? SMALL : numberOf(small, '--small');
  checkRoom(Math.max(ROOM_GIB.small, ROOM_GIB.whole / scale));
  const scratch = mkdtempSync(join(tmpdir(), 'bench-sync-'));
  // What the server and the publishing keep goes with it.
  process.env.TMPDIR = scratch;
  const made = new SyncBench({
    scratch,
    scale,
    rounds,
    ...(tools !== undefined && { tools }),
    progress: new Progress(process.stderr),
  });
  const close = async () => {
    await made.close();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  };
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      process.stderr.write('\nending what runs\n');
      close().finally(() => process.exit(code));
    });
  }
  try {
    process.stdout.write(await made.run());
  } finally {
    await close();
  }
}

/** @throws InputError */
function numberOf(runs: string, key = '--runs'): number {
  const rounds = Number(runs);
  if (Number.isInteger(rounds) && rounds > 0) return rounds;
  const problem = { key, value: runs, reason: 'is no number', allowed: '1, 2, 3, ...' };
  throw new InputError('command line', [{ ...problem, fix: 'at least 5 rounds, for figures' }]);
}

/** @throws InputError */
function checkRoom(neededGib: number): void {
  const { bavail, bsize } = statfsSync(tmpdir());
  const free = (bavail * bsize) / GIB;
  if (free >= neededGib) return;
  const reason = `has ${free.toFixed(1)} GiB left, of ${neededGib} that it takes`;
  throw new InputError('this machine', [{ key: tmpdir(), reason, fix: 'make room, or set TMPDIR to another disk' }]);
}
