import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const KEY_LENGTH = 12;

/**
 * A folder beside all clones for what was installed or built once: what one clone has made, the next finds.
 *
 * @param files - what it was made from: other content, another folder
 */
export function cacheFolder(name: string, files: readonly string[], ...also: readonly string[]): string {
  const digest = createHash('sha256');
  for (const file of files) digest.update(readFileSync(file));
  for (const text of also) digest.update(text);
  return join(cacheHome(), `${name}-${digest.digest('hex').slice(0, KEY_LENGTH)}`);
}

/** Where all of them are, and what is kept under names of its own. */
export function cacheHome(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'triton-stack');
}
