import { join } from 'node:path';
import { cacheFolder } from '../../bin/cache-folder';
import { installOnce, installPackages, runInstaller } from '../../bin/install';
import { Progress } from '../../bin/progress';
import { ROOT } from './environment-file';

const ACTIONLINT = 'github.com/rhysd/actionlint/cmd/actionlint';

/** The paths of what judges workflows. */
export interface WorkflowLinters {
  /** Syntax, expressions, and by shellcheck the scripts. */
  readonly actionlint: string;
  readonly shellcheck: string;
  /** What could be abused. */
  readonly zizmor: string;
  /** The schemas of GitHub's and GitLab's files. */
  readonly checkJsonschema: string;
}

/** The linters of test/workflows/tools, installed once beside all clones. */
export async function workflowLinters(): Promise<WorkflowLinters> {
  const source = join(ROOT, 'test', 'workflows', 'tools');
  const requirements = join(source, 'requirements.txt');
  const pinned = [join(source, 'go.mod'), join(source, 'go.sum'), requirements];
  const folder = cacheFolder('workflow-linters', pinned, process.platform, process.arch);
  const progress = new Progress({ write: (text) => process.stdout.write(text) });
  const actionlint = join(folder, 'actionlint');
  const python = join(folder, 'python');
  await installOnce(
    folder,
    'Installing actionlint, zizmor and shellcheck (once, half a minute)',
    progress,
    async () => {
      const env = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
      const build = ['build', '-v', '-trimpath', '-ldflags', '-s -w', '-o', actionlint, ACTIONLINT];
      await runInstaller('go', build, progress, { cwd: source, env });
      await installPackages(python, ['--requirement', requirements], progress);
    },
  );
  const bin = (name: string) => join(python, 'bin', name);
  return {
    actionlint,
    shellcheck: bin('shellcheck'),
    zizmor: bin('zizmor'),
    checkJsonschema: bin('check-jsonschema'),
  };
}
