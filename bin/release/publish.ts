import { InputError } from '../../models/problem';
import {
  formatManifest,
  type Release,
  type ReleaseFile,
  releaseFolder,
  sha256Of,
  totalBytes,
  versionProblems,
} from '../../models/release-manifest';
import { CommandFailed } from '../command';
import type { Progress } from '../progress';
import type { ReleaseStore } from './release-store';
import { digestFiles, fileMarks, type RepositoryFolder } from './repository-folder';

export interface PublishOptions {
  /** @default the time, UTC: `20261121T164500Z` */
  readonly version?: string;
  /** Whether it is served at once where servers name no release. @default true */
  readonly promote?: boolean;
  /** Goes on with a version that an interrupted run of other content has begun. @default false */
  readonly takeOver?: boolean;
}

/**
 * Publishes a model repository as a release: files first, the manifest last. What the current release has already is
 * copied within the store. An interrupted run is taken up by the next of the same version.
 *
 * @throws InputError where the version is published already, or can be none
 * @throws CommandFailed where the store refuses
 */
export async function publishRelease(
  repository: RepositoryFolder,
  store: ReleaseStore,
  progress: Progress,
  { version = timestamp(), promote = true, takeOver = false }: PublishOptions = {},
): Promise<Release> {
  const problems = versionProblems('--release', version);
  if (problems.length > 0) throw new InputError('command line', problems);
  const published = await store.release(version);
  // What an interrupted run has published and not promoted is looked at more closely below.
  if (published !== undefined && published.files.map(pathOf).join('\n') !== [...repository.files].sort().join('\n')) {
    throw isPublished(version, store);
  }
  const current = await store.current();
  const marks = fileMarks(repository);
  let read = 0;
  const files = await digestFiles(repository, (bytes) => {
    read += bytes;
    progress.now(`reading ${size(read)}`);
  });
  const release = { version, files, folders: repository.folders };
  const manifest = formatManifest(release);
  progress.done(`read ${files.length} files of ${repository.models.join(', ')}: ${size(totalBytes(files))}`);
  if (published !== undefined) {
    if (formatManifest(published) !== manifest) throw isPublished(version, store);
    progress.done(`release ${version} is published already, with this very content`);
  } else {
    if (takeOver) await store.unreserve(version);
    await reserve(store, version, manifest);
    const known = new Set(current?.files.map(identity));
    const there = files.filter((each) => known.has(identity(each)));
    if (current !== undefined && there.length > 0) {
      await store.copy(current.version, version, there.map(pathOf));
      progress.done(`copied ${size(totalBytes(there))} within the store, from release ${current.version}`);
    }
    // All of them: what is there and right is not sent again, and what the store has lost or broken is.
    await store.upload(repository.root, version, files.map(pathOf));
    progress.done(`uploaded what the store did not have of ${size(totalBytes(files))}`);
    await settle(store, release);
    const changed = fileMarks(repository).filter((mark, index) => mark !== marks[index]);
    if (changed.length > 0) {
      const names = changed.slice(0, 5).map((mark) => `  ${mark.split(' ').slice(0, -3).join(' ')}`);
      throw new CommandFailed(
        `files changed while they were published, nothing is:\n${names.join('\n')}\nRun it again.`,
      );
    }
    await reserve(store, version, manifest);
    await store.publish(version, manifest);
    await store.unreserve(version);
    progress.done(`published release ${version} at ${store.uri}/${releaseFolder(version)}`);
  }
  if (promote) {
    await store.promote(manifest);
    progress.done('servers that name no release take it from now on');
  }
  return release;
}

/** Makes sure that nobody else publishes, or has published, this version. */
async function reserve(store: ReleaseStore, version: string, manifest: string): Promise<void> {
  const other = await store.reserve(version, sha256Of(manifest));
  if (other !== undefined) throw isReserved(version, other);
  if ((await store.release(version)) === undefined) return;
  await store.unreserve(version);
  throw isPublished(version, store);
}

/**
 * Has a published release served where servers name none: an older one, too.
 *
 * @throws InputError where it is not published
 */
export async function promoteRelease(store: ReleaseStore, version: string): Promise<void> {
  const release = await store.release(version);
  if (release !== undefined) {
    await complete(store, release);
    return store.promote(formatManifest(release));
  }
  throw new InputError('command line', [
    {
      key: '--release',
      value: version,
      reason: `is not published at ${store.uri}`,
      allowed: (await store.versions()).join(', ') || 'nothing: no release is published there',
      fix: 'publish it first',
    },
  ]);
}

/** Removes what an interrupted run of other content has left, and makes sure that all is there. */
async function settle(store: ReleaseStore, release: Release): Promise<void> {
  const found = await complete(store, release);
  const wanted = new Set(release.files.map(pathOf));
  const strays = [...found.keys()].filter((path) => !wanted.has(path));
  if (strays.length > 0) await store.remove(release.version, strays);
}

/**
 * Makes sure that the store has all files of a release, in their sizes.
 *
 * @returns what it has, by path
 */
async function complete(store: ReleaseStore, { version, files }: Release): Promise<Map<string, number>> {
  const found = await store.sizes(version);
  const missing = files.filter(({ path, bytes }) => found.get(path) !== bytes);
  if (missing.length === 0) return found;
  const names = missing.slice(0, 5).map(({ path, bytes }) => `  ${path}: ${found.get(path) ?? 'no'} of ${bytes} bytes`);
  throw new CommandFailed(
    `${store.uri} does not hold all of release ${version}, nothing was changed:\n${names.join('\n')}\nPublish it again. Where that does not help, the bucket may refuse or expire objects.`,
  );
}

function isPublished(version: string, { uri }: ReleaseStore): InputError {
  return new InputError('command line', [
    {
      key: '--release',
      value: version,
      reason: `is published at ${uri} already: servers may have it, and releases never change`,
      allowed: 'a version that is not',
      fix: 'publish under another version',
    },
  ]);
}

function isReserved(version: string, note: string): InputError {
  const [, host, since] = note.split(' ');
  return new InputError('command line', [
    {
      key: '--release',
      value: version,
      reason: `is being published with other content, from ${host} since ${since}, or that run was interrupted`,
      allowed: 'a version that nobody has begun',
      fix: 'publish under another version; where that run has ended, add --take-over',
    },
  ]);
}

const pathOf = ({ path }: { readonly path: string }) => path;
const identity = ({ path, sha256 }: ReleaseFile) => `${sha256} ${path}`;

function timestamp(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Bytes, in the unit that suits them. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
