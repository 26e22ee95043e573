import { join } from 'node:path';
import { InputError } from '../models/problem';
import { cacheFolder } from './cache-folder';
import { installOnce, installPackages } from './install';
import { onPath } from './on-path';
import type { Progress } from './progress';

declare const __PROJECT_ROOT__: string;

/** The Python program of a virtual environment with what `pipelines/requirements.txt` pins, installed once beside all clones. */
export async function pipelinePython(progress: Progress): Promise<string> {
  if (onPath('python3') === undefined) {
    const fix = 'install Python 3.10 or newer with venv';
    throw new InputError('this machine', [
      { key: 'python3', reason: 'is not on PATH: pipelines are compiled by it', fix },
    ]);
  }
  const requirements = join(__PROJECT_ROOT__, 'pipelines', 'requirements.txt');
  const folder = cacheFolder('pipelines', [requirements], process.platform, process.arch);
  await installOnce(folder, 'Installing pipelines/requirements.txt (once, about a minute)', progress, () =>
    installPackages(join(folder, 'python'), ['--requirement', requirements], progress),
  );
  return join(folder, 'python', 'bin', 'python');
}
