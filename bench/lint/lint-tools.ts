import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../bin/cache-folder';
import { installOnce, installPackages, requirePrograms, runInstaller } from '../../bin/install';
import type { Progress } from '../../bin/progress';

const KUBE_SCORE = 'github.com/zegl/kube-score/cmd/kube-score';

const NEEDED = [
  { name: 'go', why: 'kube-score is built with it', fix: 'install Go 1.26.4 or newer (https://go.dev/doc/install)' },
  { name: 'python3', why: 'checkov runs in it', fix: 'install Python 3.10 or newer, with venv' },
];

/** The paths of the linters. */
export interface LintTools {
  readonly kubeScore: string;
  readonly checkov: string;
}

/**
 * The linters of `bench/lint/tools`, installed once beside all clones: kube-score from Go's modules, checkov from PyPI.
 *
 * @param root - the project's folder
 * @throws InputError where Go or Python is missing
 */
export async function findLintTools(root: string, progress: Progress): Promise<LintTools> {
  const source = join(root, 'bench', 'lint', 'tools');
  const requirements = join(source, 'requirements.txt');
  const pinned = [join(source, 'go.mod'), join(source, 'go.sum'), requirements];
  const folder = cacheFolder('linters', pinned, process.platform, process.arch);
  const tools = { kubeScore: join(folder, 'kube-score'), checkov: join(folder, 'python', 'bin', 'checkov') };
  if (!existsSync(join(folder, 'complete'))) requirePrograms(NEEDED);
  await installOnce(folder, 'Installing kube-score and checkov (once, about a minute)', progress, async () => {
    const build = ['build', '-v', '-trimpath', '-ldflags', '-s -w', '-o', tools.kubeScore, KUBE_SCORE];
    const env = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
    await runInstaller('go', build, progress, { cwd: source, env });
    progress.done('built kube-score');
    await installPackages(join(folder, 'python'), ['--requirement', requirements], progress);
    progress.done('installed checkov');
  });
  return tools;
}
