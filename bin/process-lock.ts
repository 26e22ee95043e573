import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { tolerate } from './tolerate';

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
  const deadline = Date.now() + waitMs;
  let told = false;
  while (!take(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && !processLives(holder)) {
      discard(file, holder);
      continue;
    }
    if (Date.now() > deadline) throw new LockHeld(file, holder);
    if (!told && holder !== undefined) onWait?.(holder);
    told = true;
    await setTimeout(200);
  }
  return () => rmSync(file, { force: true });
}

/** A file with our id in it from its first moment on, or none. */
function take(file: string): boolean {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  try {
    // ENOENT: the folder was taken away by one who found it empty.
    return tolerate(['EEXIST', 'ENOENT'], () => {
      writeFileSync(own, `${process.pid}`);
      linkSync(own, file);
    });
  } finally {
    rmSync(own, { force: true });
  }
}

/** Takes a dead holder's file away, unless somebody else has done so since and holds it now. */
function discard(file: string, holder: number): void {
  const aside = `${file}.${process.pid}.dead`;
  try {
    tolerate(['EEXIST', 'ENOENT'], () => {
      renameSync(file, aside);
      if (readHolder(aside) !== holder) linkSync(aside, file);
    });
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Undefined once the holder has given the file back. */
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
