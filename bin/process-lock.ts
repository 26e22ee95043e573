import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface LockOptions {
  /** Longest wait for another process that holds the file, milliseconds. */
  readonly waitMs: number;
  /** Told once, where another process holds the file. */
  readonly onWait?: (holder: number) => void;
}

/** Another process holds the lock, and did not give it back in time. */
export class LockHeld extends Error {
  constructor(
    readonly file: string,
    readonly holder: number | undefined,
  ) {
    super(`process ${holder} holds ${file}. If it is none of ours: delete the file`);
  }
}

/**
 * Takes a file that one process at a time holds. A holder that no longer lives is no holder.
 *
 * @returns what gives it back
 * @throws LockHeld after `waitMs`
 */
export async function processLock(file: string, { waitMs, onWait }: LockOptions): Promise<() => void> {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = Date.now() + waitMs;
  let told = false;
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(file);
    if (holder !== undefined && !processLives(holder)) {
      rmSync(file, { force: true });
      continue;
    }
    if (Date.now() > deadline) throw new LockHeld(file, holder);
    if (!told && holder !== undefined) onWait?.(holder);
    told = true;
    await setTimeout(200);
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

export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
