import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Progress } from '../../bin/progress';
import { type PublishOptions, promoteRelease, publishRelease } from '../../bin/release/publish';
import { ReleaseStore, s3Environment } from '../../bin/release/release-store';
import { digestFiles, readRepositoryFolder } from '../../bin/release/repository-folder';
import { CURRENT_KEY, formatManifest, manifestKey, releaseFolder } from '../../models/release-manifest';
import { pythonTool } from './python-tools';

const PUT_MS = 240_000;
let puts = 0;
const SILENT = new Progress({ write: () => {} });

/** Writes files, and makes folders of names that end with a slash. */
export function writeTree(root: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(name.endsWith('/') ? join(root, name) : dirname(join(root, name)), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(join(root, name), content);
  }
}

/** A model repository in an S3 server, to which releases are published as people publish them. */
export class Published {
  readonly store: ReleaseStore;
  private readonly remote: string;
  private readonly environment: Readonly<Record<string, string>>;

  constructor(
    readonly uri: string,
    { endpoint, keys }: { readonly endpoint?: string; readonly keys: Readonly<Record<string, string>> },
  ) {
    this.remote = uri.replace(/^(s3|gs):\/\//, 'store:');
    const address = { region: 'us-east-1', ...(endpoint !== undefined && { endpoint }) };
    this.environment = { ...s3Environment(address), ...keys };
    this.store = new ReleaseStore({ uri, ...address, environment: keys }, pythonTool('rclone'));
  }

  /** Under a name of its own where none is given: that of the second could be that of the last as well. */
  async publish(files: Readonly<Record<string, string | Buffer>>, options: PublishOptions = {}): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-publish-'));
    try {
      writeTree(folder, files);
      await publishRelease(readRepositoryFolder(folder), this.store, SILENT, {
        version: `published-${++puts}`,
        ...options,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /**
   * Puts a release there as `publish` would leave it, in one go and unchecked: for tests that publish often.
   *
   * @param version - the release's, which is served from then on
   */
  async put(files: Readonly<Record<string, string | Buffer>>, { version = `put-${++puts}` } = {}): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-put-'));
    try {
      const repository = join(folder, releaseFolder(version));
      writeTree(repository, files);
      const found = readRepositoryFolder(repository);
      const release = { version, files: await digestFiles(found, () => {}), folders: found.folders };
      for (const key of [manifestKey(version), CURRENT_KEY]) writeFileSync(join(folder, key), formatManifest(release));
      const { status, stderr } = spawnSync(pythonTool('rclone'), ['copy', folder, this.remote, '--transfers', '8'], {
        env: { ...process.env, RCLONE_CONFIG: '/notfound', ...this.environment },
        encoding: 'utf8',
        timeout: PUT_MS,
      });
      if (status !== 0) throw new Error(stderr);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async promote(version: string): Promise<void> {
    await promoteRelease(this.store, version);
  }
}
