import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One folder for all that tests leave below the system's temporary one: it goes when the last of them has ended. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-'));
  process.env.TMPDIR = folder;
  // What was just ended may write its last while the folder goes.
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}
