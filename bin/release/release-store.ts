import { hostname } from 'node:os';
import { InputError } from '../../models/problem';
import { CURRENT_KEY, manifestKey, parseManifest, type Release, releaseFolder } from '../../models/release-manifest';
import { repositoryAddress } from '../../models/repository-address';
import { CommandFailed } from '../command';
import { type RcloneStore, rclone, runRclone } from '../rclone';

/** Where releases lie, and how they are reached. */
export interface StoreAddress {
  /** `s3://bucket/path` or `gs://bucket/path`. */
  readonly uri: string;
  /** Of S3. @default what AWS_REGION says */
  readonly region?: string;
  /** Of a store that speaks S3 and is not AWS. @default AWS, or what AWS_ENDPOINT_URL says */
  readonly endpoint?: string;
  /** Of rclone, beside the process's own: credentials. @default the process's own */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What S3 says to a conditional write where the object is there, or another write of it is under way. */
const TAKEN = /PreconditionFailed|StatusCode: 412|ConditionalRequestConflict/;

/** How often a note is looked for that others take away. */
const RESERVE_ATTEMPTS = 3;

const unfinishedKey = (version: string) => `${releaseFolder(version)}/unfinished`;

const RETRIES = ['--retries', '3', '--retries-sleep', '2s'] as const;

/** The releases of one model repository in object storage. Credentials are those that the tools of the cloud find. */
export class ReleaseStore {
  readonly uri: string;
  private readonly root: string;
  private readonly store: RcloneStore;
  private readonly isS3: boolean;

  /** @throws InputError where the address is none */
  constructor(address: StoreAddress, path: string, onProgress: (line: string) => void = () => {}) {
    this.uri = address.uri.replace(/\/+$/, '');
    const found = repositoryAddress(this.uri);
    if (found === undefined) {
      throw new InputError('command line', [
        {
          key: 'store',
          value: address.uri,
          reason: 'is not the address of a model repository',
          allowed: 's3://bucket/path or gs://bucket/path',
          fix: 'name the folder that the server has as its source',
        },
      ]);
    }
    this.isS3 = found.scheme === 's3';
    this.root = `store:${found.path}`;
    const remote = this.isS3 ? s3Environment(address) : gcsEnvironment();
    this.store = { path, onProgress, environment: { ...remote, ...address.environment } };
  }

  /** A published release, or undefined where there is none of this version. */
  async release(version: string): Promise<Release | undefined> {
    return this.read(manifestKey(version));
  }

  /** The release that is served where none is named, or undefined where nothing is. */
  async current(): Promise<Release | undefined> {
    return this.read(CURRENT_KEY);
  }

  /** The versions that are published, in the order of their names. */
  async versions(): Promise<string[]> {
    const flags = ['--files-only', '--recursive', '--include', '/*/manifest'];
    const { code, output, errors } = await runRclone(this.store, ['lsf', `${this.root}/releases`, ...flags]);
    if (code === 3) return [];
    if (code !== 0) throw new CommandFailed(`can't list ${this.uri}:\n${errors}`);
    return output
      .split('\n')
      .filter((path) => path !== '')
      .map((path) => path.replace('/manifest', ''))
      .sort();
  }

  /** Copies files of one release to another, within the store. */
  async copy(from: string, to: string, paths: readonly string[]): Promise<void> {
    await this.transfer(`${this.root}/${releaseFolder(from)}`, to, paths);
  }

  /** Uploads files of a folder. Those that lie there already, with the same digest, are not sent again. */
  async upload(folder: string, version: string, paths: readonly string[]): Promise<void> {
    await this.transfer(folder, version, paths);
  }

  /** Sizes of the files that lie in a release's folder, by path. */
  async sizes(version: string): Promise<Map<string, number>> {
    const args = [
      'lsf',
      `${this.root}/${releaseFolder(version)}`,
      '-R',
      '--files-only',
      '--fast-list',
      '--format',
      'sp',
    ];
    const { code, output, errors } = await runRclone(this.store, args);
    if (code === 3) return new Map();
    if (code !== 0) throw new CommandFailed(`can't list ${this.uri}/${releaseFolder(version)}:\n${errors}`);
    const lines = output.split('\n').filter((line) => line !== '');
    const sizes = new Map(
      lines.map((line) => [line.slice(line.indexOf(';') + 1), Number(line.slice(0, line.indexOf(';')))] as const),
    );
    for (const own of ['unfinished', 'manifest']) sizes.delete(own);
    return sizes;
  }

  /** Removes files of a release that is not published yet. */
  async remove(version: string, paths: readonly string[]): Promise<void> {
    const target = `${this.root}/${releaseFolder(version)}`;
    await rclone(this.store, ['delete', target, '--files-from-raw', '-'], paths.join('\n'));
  }

  /**
   * Notes that a version is being published, so that nobody writes other files to the same places.
   *
   * @param digest - of what is published: the same is taken up, whoever began it
   * @returns the note of whom it is reserved for, where that is somebody else
   */
  async reserve(version: string, digest: string): Promise<string | undefined> {
    const key = unfinishedKey(version);
    const note = `${digest} ${hostname()} ${new Date().toISOString()}`;
    // What somebody else had noted may go between two looks: whoever has published takes it away.
    for (let attempt = 0; attempt < RESERVE_ATTEMPTS; attempt += 1) {
      if ((await this.text(key)) === undefined) {
        const { code, errors } = await this.write(key, note, this.once);
        if (code !== 0 && !TAKEN.test(errors)) throw new CommandFailed(`can't write ${this.uri}/${key}:\n${errors}`);
      }
      const found = await this.text(key);
      if (found !== undefined) return found.startsWith(`${digest} `) ? undefined : found;
    }
    throw new CommandFailed(`${this.uri}/${key} is taken away again and again: others publish ${version}`);
  }

  /** Takes the note away again. */
  async unreserve(version: string): Promise<void> {
    const { code, errors } = await runRclone(this.store, ['deletefile', `${this.root}/${unfinishedKey(version)}`]);
    if (code !== 0 && code !== 4)
      throw new CommandFailed(`can't remove ${this.uri}/${unfinishedKey(version)}:\n${errors}`);
  }

  /**
   * Writes a manifest that is not there yet: from then on the release is published.
   *
   * S3 itself refuses the second of two; of GCS it is found by reading it again.
   *
   * @throws CommandFailed where another one was faster
   */
  async publish(version: string, manifest: string): Promise<void> {
    const key = manifestKey(version);
    const { code, errors } = await this.write(key, manifest, this.once);
    if (code !== 0 && !TAKEN.test(errors)) throw new CommandFailed(`can't write ${this.uri}/${key}:\n${errors}`);
    if ((await this.text(key)) !== manifest) {
      throw new CommandFailed(`release ${version} was published by somebody else in the meantime: nothing was changed`);
    }
  }

  /** Has a release served where none is named. */
  async promote(manifest: string): Promise<void> {
    const { code, errors } = await this.write(CURRENT_KEY, manifest);
    if (code !== 0) throw new CommandFailed(`can't write ${this.uri}/${CURRENT_KEY}:\n${errors}`);
  }

  /** Flags of a write that S3 refuses where the object is there. rclone has nothing like it for GCS. */
  private get once(): readonly string[] {
    return this.isS3 ? ['--header-upload', 'If-None-Match: *'] : [];
  }

  private async read(key: string): Promise<Release | undefined> {
    const text = await this.text(key);
    if (text === undefined) return undefined;
    const release = parseManifest(text);
    if (release === undefined) throw new CommandFailed(`${this.uri}/${key} is no whole manifest of a release`);
    return release;
  }

  private async text(key: string): Promise<string | undefined> {
    const args = ['cat', `${this.root}/`, '--files-from-raw', '-', '--no-traverse', ...RETRIES];
    const { code, output, errors } = await runRclone(this.store, args, key);
    if (code === 3 || code === 4 || (code === 0 && output === '')) return undefined;
    if (code !== 0) throw new CommandFailed(`can't read ${this.uri}/${key}:\n${errors}`);
    return output;
  }

  private async write(key: string, text: string, flags: readonly string[] = []) {
    return runRclone(
      this.store,
      ['rcat', `${this.root}/${key}`, '--retries', '1', '--ignore-checksum', ...flags],
      text,
    );
  }

  private async transfer(from: string, to: string, paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    const flags = ['--files-from-raw', '-', '--checksum', '--copy-links', '--transfers', '16', '--checkers', '32'];
    const progress = ['--stats', '2s', '--stats-one-line', '--stats-log-level', 'NOTICE'];
    const target = `${this.root}/${releaseFolder(to)}`;
    await rclone(this.store, ['copy', from, target, ...flags, ...progress, ...RETRIES], paths.join('\n'));
  }
}

/** rclone's settings of a remote named `store` in S3. */
export function s3Environment({ region, endpoint }: Omit<StoreAddress, 'uri'>): Record<string, string> {
  const at = endpoint ?? process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  const where = region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  return {
    RCLONE_CONFIG_STORE_TYPE: 's3',
    RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    RCLONE_CONFIG_STORE_PROVIDER: at === undefined ? 'AWS' : 'Other',
    RCLONE_CONFIG_STORE_NO_CHECK_BUCKET: 'true',
    ...(where !== undefined && { RCLONE_CONFIG_STORE_REGION: where }),
    ...(at !== undefined && { RCLONE_CONFIG_STORE_ENDPOINT: at }),
  };
}

function gcsEnvironment(): Record<string, string> {
  return {
    RCLONE_CONFIG_STORE_TYPE: 'google cloud storage',
    RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    RCLONE_CONFIG_STORE_BUCKET_POLICY_ONLY: 'true',
    RCLONE_CONFIG_STORE_NO_CHECK_BUCKET: 'true',
  };
}
