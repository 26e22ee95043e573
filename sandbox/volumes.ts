import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { tolerate } from '../bin/tolerate';

/** Where the controller manager makes folders for volumes: no option changes it (pkg/volume/hostpath/host_path.go). */
const VOLUMES = '/tmp/hostpath_pv';
const VOLUME = /\/tmp\/hostpath_pv\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/**
 * Removes the empty folders of a sandbox's volumes. Their names are read from etcd's files, as text: that works whatever
 * still runs, and touches the folders of no other sandbox.
 *
 * @param etcd - etcd's data folder
 */
export function removeVolumes(etcd: string): void {
  if (!existsSync(VOLUMES) || !existsSync(etcd)) return;
  const folders = new Set(filesBelow(etcd).flatMap((file) => readFileSync(file, 'latin1').match(VOLUME) ?? []));
  // Gone already, or somebody's files are in it, or other sandboxes', or the parent is another user's.
  const foreseen = ['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'];
  for (const folder of [...folders, VOLUMES]) tolerate(foreseen, () => rmdirSync(folder));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
