import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Progress } from '../../bin/progress';
import { type PublishOptions, promoteRelease, publishRelease } from '../../bin/release/publish';
import { ReleaseStore } from '../../bin/release/release-store';
import { readRepositoryFolder } from '../../bin/release/repository-folder';
import { pythonTool } from './python-tools';

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

  constructor(
    readonly uri: string,
    { endpoint, keys }: { readonly endpoint?: string; readonly keys: Readonly<Record<string, string>> },
  ) {
    this.store = new ReleaseStore(
      { uri, region: 'us-east-1', environment: keys, ...(endpoint !== undefined && { endpoint }) },
      pythonTool('rclone'),
    );
  }

  async publish(files: Readonly<Record<string, string | Buffer>>, options: PublishOptions = {}): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-publish-'));
    try {
      writeTree(folder, files);
      await publishRelease(readRepositoryFolder(folder), this.store, SILENT, options);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async promote(version: string): Promise<void> {
    await promoteRelease(this.store, version);
  }
}
