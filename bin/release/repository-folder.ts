import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError, type Problem } from '../../models/problem';
import { pathProblems, type ReleaseFile } from '../../models/release-manifest';
import { configProblems } from '../../models/repository/check-config';
import { parseConfig } from '../../models/repository/model-config';

/** Files that are read at once. */
const READERS = 4;

/** What the scripts of the sync tell apart in lists. */
const MODEL_NAME = /^[A-Za-z0-9_.-]+$/;
const RESERVED: readonly string[] = ['manifest', 'unfinished'];

/** A model repository on disk, which Triton would take. */
export interface RepositoryFolder {
  readonly root: string;
  /** Paths from the root, of the models' folders alone. */
  readonly files: readonly string[];
  /** Empty folders, and those that an ensemble has to have. */
  readonly folders: readonly string[];
  readonly models: readonly string[];
  /** What lies beside the models' folders. */
  readonly leftOut: readonly string[];
}

/**
 * Looks at a model repository.
 *
 * @throws InputError with everything in it that Triton or the sync would refuse
 */
export function readRepositoryFolder(root: string): RepositoryFolder {
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new InputError('command line', [{ key: 'folder', value: root, reason: 'there is no such folder' }]);
  }
  const problems: Problem[] = [];
  const files: string[] = [];
  const folders: string[] = [];
  const leftOut: string[] = [];
  const models: string[] = [];
  for (const name of readdirSync(root).sort()) {
    if (!statSync(join(root, name), { throwIfNoEntry: false })?.isDirectory() || name.startsWith('.')) {
      leftOut.push(name);
      continue;
    }
    if (!MODEL_NAME.test(name) || RESERVED.includes(name)) {
      problems.push({
        key: name,
        reason: RESERVED.includes(name) ? 'is what the store calls files of its own' : 'is no name of a model',
        allowed: 'letters, digits, ".", "_" and "-"',
        fix: 'rename the folder, and the model in its config.pbtxt',
      });
      continue;
    }
    models.push(name);
    walk(root, name, { files, folders, problems });
    problems.push(...modelProblems(root, name, folders));
  }
  problems.push(...[...files, ...folders].flatMap(pathProblems));
  if (models.length === 0) {
    problems.push({
      key: root,
      reason: 'holds no folder of a model',
      allowed: 'a model repository: MODEL/config.pbtxt, MODEL/1/...',
      fix: "publish the folder that holds the models' folders",
    });
  }
  if (problems.length > 0) throw new InputError(root, problems);
  return { root, files, folders, models, leftOut };
}

interface Found {
  readonly files: string[];
  readonly folders: string[];
  readonly problems: Problem[];
}

/** Links are followed: what they lead to is what is published. */
function walk(root: string, folder: string, found: Found, above: readonly string[] = []): void {
  const real = realpathSync(join(root, folder));
  if (above.includes(real)) {
    found.problems.push({ key: folder, reason: 'is a link to a folder that it lies in', fix: 'remove it' });
    return;
  }
  const names = readdirSync(real).sort();
  if (names.length === 0) found.folders.push(folder);
  for (const name of names) {
    const path = `${folder}/${name}`;
    const what = statSync(join(root, path), { throwIfNoEntry: false });
    if (what?.isDirectory()) walk(root, path, found, [...above, real]);
    else if (what?.isFile()) found.files.push(path);
    else found.problems.push({ key: path, reason: 'is no file, or a link to nothing', fix: 'remove it' });
  }
}

/** Versions, and the configuration where there is one: some backends do without. */
function modelProblems(root: string, model: string, folders: string[]): Problem[] {
  const file = join(root, model, 'config.pbtxt');
  const config = existsSync(file) ? configOf(file, model) : undefined;
  const problems = config === undefined ? [] : config.problems;
  const hasVersion = readdirSync(join(root, model)).some(
    (name) => /^[1-9]\d*$/.test(name) && statSync(join(root, model, name)).isDirectory(),
  );
  if (hasVersion) return problems;
  // Git keeps no empty folder, and an ensemble's version is one.
  if (config?.ensemble) {
    folders.push(`${model}/1`);
    return problems;
  }
  return [
    ...problems,
    {
      key: model,
      reason: 'has no version: Triton would not load it',
      allowed: `a folder with a number for its name: ${model}/1`,
      fix: 'put the files of the model there, or move the folder away',
    },
  ];
}

function configOf(
  file: string,
  model: string,
): { readonly problems: readonly Problem[] & Problem[]; ensemble: boolean } {
  const key = `${model}/config.pbtxt`;
  try {
    const config = parseConfig(readFileSync(file, 'utf8'), key);
    const ensemble = config.platform === 'ensemble' || config.ensemble_scheduling !== undefined;
    return {
      problems: configProblems(config, model).map((each) => ({ ...each, key: `${key}: ${each.key}` })),
      ensemble,
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problems: error.problems.map((each) => ({ ...each, key: `${key}: ${each.key}` })), ensemble: false };
  }
}

/** What tells that a file is the one that was read: `fileMarks` before and after. */
export function fileMarks({ root, files }: RepositoryFolder): string[] {
  return files.map((path) => {
    const { size, mtimeNs, ino } = statSync(join(root, path), { bigint: true });
    return `${path} ${size} ${mtimeNs} ${ino}`;
  });
}

/**
 * The digests of a repository's files.
 *
 * @param onBytes - told how many more were read
 */
export async function digestFiles(
  { root, files }: RepositoryFolder,
  onBytes: (bytes: number) => void,
): Promise<ReleaseFile[]> {
  const left = files.map((path, index) => ({ path, index }));
  const done: ReleaseFile[] = [];
  const reader = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const digest = createHash('sha256');
      let bytes = 0;
      await pipeline(createReadStream(join(root, next.path), { highWaterMark: 1 << 20 }), async (chunks) => {
        for await (const chunk of chunks as AsyncIterable<Buffer>) {
          digest.update(chunk);
          bytes += chunk.length;
          onBytes(chunk.length);
        }
      });
      done[next.index] = { path: next.path, bytes, sha256: digest.digest('hex') };
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return done;
}
