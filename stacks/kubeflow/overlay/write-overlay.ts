import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { replaceFile } from '../../../bin/replace-file';
import { contentHash } from '../../../constructs/naming';
import type { Overlay } from './kustomization';

declare const __PROJECT_ROOT__: string;

/** Below the project's folder; ignored by git. */
const FOLDER = '.build/kustomize';

const COMMIT_LENGTH = 10;

/**
 * Writes an overlay for the kustomize of the engine's provider, which reads it in `pulumi preview` and `up`, and returns its
 * folder.
 *
 * The folder is named by what it is made of and by its content, so that a plan shows both, and is relative to that of the
 * program (`main` in Pulumi.yaml), where engine and providers run (pulumi/pulumi, pkg/engine/project.go, getPwdMain).
 */
export function writeOverlay({ name, sources, kustomization }: Overlay): string {
  const commits = sources.map(
    ({ repository, commit }) => `${repository.replace('/', '~')}~${commit.slice(0, COMMIT_LENGTH)}`,
  );
  const folder = `${FOLDER}/${commits.join('+')}/${name}-${contentHash(kustomization)}`;
  const target = join(__PROJECT_ROOT__, folder);
  const file = join(target, 'kustomization.yaml');
  if (!existsSync(file)) {
    mkdirSync(target, { recursive: true });
    replaceFile(file, dump(kustomization, { lineWidth: -1, noRefs: true }), 0o644);
  }
  return `../${folder}`;
}
