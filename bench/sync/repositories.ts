import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { numbers, writeNoise } from './noise';

const MIB = 1024 ** 2;
const LARGE_FILES = 8;
const LARGE_BYTES = 512 * MIB;
const SMALL_FILES = 5000;
const SMALL_LEAST = 512;
const SMALL_MOST = 60 * 1024;
const FILES_A_MODEL = 250;

export type RepositoryName = 'large' | 'small';
/** What the second release of the large repository differs in: a file of weights, or a config.pbtxt, of the same size. */
export type ChangeName = 'weights' | 'config';

/** A file in both of its forms. */
export interface Change {
  readonly path: string;
  /** The file as the first release has it, outside of the tree. */
  readonly before: string;
  readonly after: string;
  readonly bytes: number;
  /** SHA-256 of the second. */
  readonly sha256: string;
}

/** A model repository on this disk. */
export interface BenchRepository {
  readonly name: RepositoryName;
  readonly root: string;
  /** SHA-256 of its files, by path. */
  readonly digests: ReadonlyMap<string, string>;
  readonly bytes: number;
  readonly changes: Partial<Readonly<Record<ChangeName, Change>>>;
}

/**
 * 4 GiB in 8 files, and a config.pbtxt.
 *
 * @param scale - 64 for a 64th of the bytes
 */
export function makeLarge(folder: string, scale: number): BenchRepository {
  const root = join(folder, 'large');
  const bytes = LARGE_BYTES / scale;
  const paths = Array.from({ length: LARGE_FILES }, (_, index) => `llm/1/weights-${index}.bin`);
  const digests = new Map(paths.map((path) => [path, writeNoise(join(root, path), bytes, path)]));
  digests.set(CONFIG, writeText(join(root, CONFIG), config('a')));
  const path = paths[LARGE_FILES / 2] ?? '';
  const file = (name: string) => join(folder, 'changes', name);
  const weights = {
    path,
    before: file('weights.before'),
    after: file('weights.after'),
    bytes,
    sha256: writeNoise(file('weights.after'), bytes, 'another'),
  };
  writeNoise(weights.before, bytes, path);
  const changed = {
    path: CONFIG,
    before: file('config.before'),
    after: file('config.after'),
    bytes: config('b').length,
    sha256: writeText(file('config.after'), config('b')),
  };
  writeText(changed.before, config('a'));
  return { name: 'large', root, digests, bytes: bytes * LARGE_FILES, changes: { weights, config: changed } };
}

/** 5,000 files of 0.5 to 60 KiB, 250 a model. */
export function makeSmall(folder: string, scale: number): BenchRepository {
  const root = join(folder, 'small');
  const digests = new Map<string, string>();
  const random = numbers(1);
  let total = 0;
  for (let index = 0; index < Math.round(SMALL_FILES / scale); index++) {
    const model = `model-${Math.floor(index / FILES_A_MODEL)}`;
    const place = index % FILES_A_MODEL;
    const path = place === 0 ? `${model}/config.pbtxt` : `${model}/1/part-${place}.bin`;
    const bytes = SMALL_LEAST + (random.next().value % (SMALL_MOST - SMALL_LEAST + 1));
    const file = join(root, path);
    total += bytes;
    digests.set(path, place === 0 ? writeText(file, config('a')) : writeNoise(file, bytes, path));
  }
  return { name: 'small', root, digests, bytes: total, changes: {} };
}

const CONFIG = 'llm/config.pbtxt';

function config(revision: string): string {
  return `backend: "python"\nparameters { key: "revision" value { string_value: "${revision}" } }\n`;
}

function writeText(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return createHash('sha256').update(text).digest('hex');
}
