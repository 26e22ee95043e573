import { LockHeld, processLock } from '../bin/process-lock';
import type { Progress } from '../bin/progress';
import { SandboxFailure } from './failure';

/**
 * Keeps other commands from doing the same at the same time.
 *
 * @param doing - what the holder does, as people are told: `builds the same programs`
 * @returns what gives the lock back
 * @throws SandboxFailure where another command has not ended in time
 */
export function commandLock(file: string, waitMs: number, doing: string, progress: Progress): Promise<() => void> {
  const onWait = (holder: number) => progress.line(`Waiting for process ${holder}, which ${doing}`);
  return processLock(file, { waitMs, onWait }).catch((error) => {
    if (!(error instanceof LockHeld)) throw error;
    throw new SandboxFailure(`another command ${doing}: ${error.message}`);
  });
}
