import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file in one step, so that nobody reads half of it, whatever ends the process. */
export function replaceFile(file: string, content: string, mode = 0o600): void {
  const next = `${file}.${process.pid}.next`;
  writeFileSync(next, content, { mode });
  renameSync(next, file);
}
