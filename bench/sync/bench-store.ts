import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../../bin/progress';
import { rclone } from '../../bin/rclone';
import { promoteRelease, publishRelease } from '../../bin/release/publish';
import { ReleaseStore } from '../../bin/release/release-store';
import { readRepositoryFolder } from '../../bin/release/repository-folder';
import type { BenchRepository, ChangeName, RepositoryName } from './repositories';

const REGION = 'us-east-1';
const BUCKET = 'models';
const FIRST = 'first';
/** Of the kernel's clock (Linux, USER_HZ). */
const TICKS_A_SECOND = 100;

/** Where tools find the store, and the keys that it takes. */
export interface StoreAccess {
  readonly endpoint: string;
  readonly region: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** Where a repository is published for our sync. */
export function publishedPath(name: RepositoryName): string {
  return `${BUCKET}/published/${name}`;
}

/** Where the same files lie as a plain tree, for tools that copy trees. */
export function plainPath(name: RepositoryName): string {
  return `${BUCKET}/plain/${name}`;
}

/** A remote `store` for rclone, from the environment. */
export function rcloneRemote({ endpoint, region }: StoreAccess): Record<string, string> {
  return {
    RCLONE_CONFIG: '/notfound',
    RCLONE_CONFIG_STORE_TYPE: 's3',
    RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    RCLONE_CONFIG_STORE_PROVIDER: 'Other',
    RCLONE_CONFIG_STORE_REGION: region,
    RCLONE_CONFIG_STORE_ENDPOINT: endpoint,
  };
}

/** The S3 server with both repositories in it, each published, and as a plain tree. */
export class BenchStore {
  readonly access: StoreAccess;
  private readonly process: string | undefined;
  private readonly put = new Map<RepositoryName, ChangeName>();

  constructor(
    server: { readonly endpoint: string; readonly keys: Readonly<Record<string, string>> },
    private readonly rclonePath: string,
    private readonly progress: Progress,
  ) {
    this.access = { endpoint: server.endpoint, region: REGION, keys: server.keys };
    this.process = processOf(`-s3.port=${new URL(server.endpoint).port}`);
  }

  /** Publishes a repository, and its changes beside it; and uploads it as it is. */
  async fill(repository: BenchRepository): Promise<void> {
    const { name, root, changes } = repository;
    const store = this.releases(name);
    const publish = (version: string, promote: boolean) =>
      publishRelease(readRepositoryFolder(root), store, this.progress, { version, promote });
    await publish(FIRST, true);
    await this.upload(['copy', root, `store:${plainPath(name)}`, '--transfers', '16']);
    for (const [change, { path, before, after }] of Object.entries(changes)) {
      copyFileSync(after, join(root, path));
      await publish(change, false);
      copyFileSync(before, join(root, path));
    }
  }

  /** Has the store serve a repository with a change, or without one. */
  async serve({ name, changes }: BenchRepository, change: ChangeName | undefined): Promise<void> {
    const last = this.put.get(name);
    if (last === change) return;
    await promoteRelease(this.releases(name), change ?? FIRST);
    for (const [each, form] of [[last, 'before'] as const, [change, 'after'] as const]) {
      const file = each && changes[each];
      if (file === undefined) continue;
      await this.upload(['copyto', file[form], `store:${plainPath(name)}/${file.path}`, '--ignore-times']);
    }
    if (change === undefined) this.put.delete(name);
    else this.put.set(name, change);
  }

  /** Where the files of a repository lie, as paths of URLs: those that our sync fetches, and those of the plain tree. */
  paths({ name, digests }: BenchRepository): { readonly published: string[]; readonly plain: string[] } {
    const below = (folder: string) => [...digests.keys()].map((path) => `${folder}/${path}`);
    const version = this.put.get(name) ?? FIRST;
    return { published: below(`${publishedPath(name)}/releases/${version}`), plain: below(plainPath(name)) };
  }

  /** CPU seconds of the server since its start, user and system; NaN where the system does not tell. */
  get cpuSeconds(): number {
    if (this.process === undefined) return Number.NaN;
    // The name of the program, in brackets, may hold anything.
    const fields = readFileSync(join(this.process, 'stat'), 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  }

  private releases(name: RepositoryName): ReleaseStore {
    const { endpoint, region, keys } = this.access;
    const address = { uri: `s3://${publishedPath(name)}`, region, endpoint, environment: keys };
    return new ReleaseStore(address, this.rclonePath, (line) => this.progress.now(line));
  }

  private async upload(args: readonly string[]): Promise<void> {
    const environment = { ...rcloneRemote(this.access), ...this.access.keys };
    await rclone({ path: this.rclonePath, environment }, args);
  }
}

/** The folder in /proc of the process that has an argument. */
function processOf(argument: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => join('/proc', name))
    .find((folder) => {
      try {
        return readFileSync(join(folder, 'cmdline'), 'utf8').split('\0').includes(argument);
      } catch {
        // It has ended.
        return false;
      }
    });
}
