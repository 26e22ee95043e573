import { statSync } from 'node:fs';
import { join } from 'node:path';
import { digestFiles } from '../../bin/release/repository-folder';

/** Files that a folder lacks, or has with another content. */
export async function wrongFiles(root: string, digests: ReadonlyMap<string, string>): Promise<string[]> {
  const files = [...digests.keys()].filter((path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile());
  const found = await digestFiles({ root, files, folders: [], models: [], leftOut: [] }, () => {});
  const right = new Set(found.filter(({ path, sha256 }) => digests.get(path) === sha256).map(({ path }) => path));
  return [...digests.keys()].filter((path) => !right.has(path));
}
