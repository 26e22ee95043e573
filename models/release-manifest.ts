import { createHash } from 'node:crypto';
import type { Problem } from './problem';

/** A file of a release. */
export interface ReleaseFile {
  /** From the repository's root: `llama/1/rank0.engine`. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
}

/** What a published release of a model repository consists of. */
export interface Release {
  readonly version: string;
  readonly files: readonly ReleaseFile[];
  /** Empty folders, which object stores do not keep: an ensemble's version is one. */
  readonly folders: readonly string[];
}

const FORMAT = 'triton-stack-release 1';

/** Where a release's manifest lies below the address of a repository. */
export function manifestKey(version: string): string {
  return `${releaseFolder(version)}/manifest`;
}

/** Where the files of a release lie. */
export function releaseFolder(version: string): string {
  return `releases/${version}`;
}

/** A copy of the manifest of the release that is to be served where none is named. */
export const CURRENT_KEY = 'current';

/**
 * A release as it is published: text that a shell can read, sorted, with a last line that says that it is whole.
 *
 * ```text
 * triton-stack-release 1
 * version 1.4.0
 * dir chain/1
 * file SHA256 BYTES PATH
 * end FILES BYTES SHA256 (of all lines above)
 * ```
 */
export function formatManifest({ version, files, folders }: Release): string {
  const lines = [
    FORMAT,
    `version ${version}`,
    ...[...folders].sort().map((path) => `dir ${path}`),
    ...[...files].sort(byPath).map(({ path, bytes, sha256 }) => `file ${sha256} ${bytes} ${path}`),
  ];
  const text = `${lines.join('\n')}\n`;
  return `${text}end ${files.length} ${totalBytes(files)} ${sha256Of(text)}\n`;
}

/**
 * Reads a manifest.
 *
 * @returns undefined for what is none, or not a whole one
 */
export function parseManifest(text: string): Release | undefined {
  const [body, end] = splitLast(text);
  const match = /^end (\d+) (\d+) ([0-9a-f]{64})$/.exec(end);
  if (match === null || match[3] !== sha256Of(body)) return undefined;
  const [format, versionLine = '', ...lines] = body.trimEnd().split('\n');
  const version = /^version (\S+)$/.exec(versionLine)?.[1];
  if (format !== FORMAT || version === undefined || versionProblems('version', version).length > 0) return undefined;
  const files = lines.flatMap((line) => {
    const [, sha256 = '', bytes, path = ''] = /^file ([0-9a-f]{64}) (\d+) (.+)$/.exec(line) ?? [];
    return bytes === undefined ? [] : [{ path, bytes: Number(bytes), sha256 }];
  });
  const folders = lines.flatMap((line) => /^dir (.+)$/.exec(line)?.[1] ?? []);
  return { version, files, folders };
}

export function totalBytes(files: readonly ReleaseFile[]): number {
  return files.reduce((bytes, file) => bytes + file.bytes, 0);
}

/** What a release may be called: a folder in the store and on volumes is named after it. */
export const RELEASE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}$/;
export const RELEASE_NAME_ALLOWED = 'up to 63 letters, digits, ".", "_" and "-", none of them a "." in front';

export function versionProblems(key: string, version: string): Problem[] {
  if (RELEASE_NAME.test(version)) return [];
  return [
    {
      key,
      value: version,
      reason: 'is no name for a release',
      allowed: RELEASE_NAME_ALLOWED,
      fix: 'a version such as 1.4.0, or the commit or date of the build',
    },
  ];
}

/** What the line of a manifest, the filters of the tools that fetch, and Triton itself take for something else. */
export function pathProblems(path: string): Problem[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const odd = /[\u0000-\u001f\u007f\\*?[\]{}]|^[\s-]|\s$|\/\s|\s\//.exec(path);
  if (odd === null) return [];
  return [
    {
      key: path,
      reason: `has ${JSON.stringify(odd[0])} in its name`,
      allowed: 'names without * ? [ ] { } \\, control characters, and spaces at their ends',
      fix: 'rename it',
    },
  ];
}

function byPath(a: ReleaseFile, b: ReleaseFile): number {
  return a.path < b.path ? -1 : 1;
}

/** SHA-256 of a text, hexadecimal. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** All lines but the last, and the last. */
function splitLast(text: string): [string, string] {
  const start = text.trimEnd().lastIndexOf('\n') + 1;
  return [text.slice(0, start), text.slice(start).trimEnd()];
}
