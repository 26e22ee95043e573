// What the artifacts of a preview hold. The pull request's code has written them: names, kinds and sizes of files are
// checked, and whatever is wrong is left out and said.

import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A comment holds 65,536 characters, of up to four bytes. */
const MOST_BYTES = 262_144;
/** Environments. */
const MOST = 20;
const ENVIRONMENT = /^[a-z0-9][a-z0-9-]{0,39}$/;

/**
 * @typedef {object} Preview
 * @property {string} environment
 * @property {0 | 1 | 2 | undefined} exitCode undefined where the preview did not say
 * @property {string | undefined} markdown
 * @property {string | undefined} errors what it wrote where it failed
 */

/**
 * The previews below a folder, sorted by environment.
 *
 * @param {string} folder with a folder of each environment
 * @returns {Preview[]}
 */
export function readPreviews(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && ENVIRONMENT.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .slice(0, MOST)
    .map((name) => {
      const file = (each) => readText(join(folder, name, each));
      const code = file('exit-code')?.trim();
      return {
        environment: name,
        exitCode: /^[012]$/.test(code ?? '') ? Number(code) : undefined,
        markdown: file('preview.md'),
        errors: file('errors.txt'),
      };
    });
}

/** A plain file's text; undefined for a link, for what is no file, and for what is too large for a comment. */
function readText(path) {
  let file;
  try {
    // Another file of the runner's is not to be posted.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const found = fstatSync(file);
    return found.isFile() && found.size > 0 && found.size <= MOST_BYTES ? readFileSync(file, 'utf8') : undefined;
  } finally {
    closeSync(file);
  }
}
