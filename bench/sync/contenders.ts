import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { S3Source, SyncTool } from '../../constructs/model-source';
import { AWS_STORE, RCLONE_STORE } from '../../constructs/sync/store-scripts';
import { syncEnvironment } from '../../constructs/sync/sync-environment';
import { SYNC_SCRIPT } from '../../constructs/sync/sync-script';
import { plainPath, publishedPath, rcloneRemote, type StoreAccess } from './bench-store';
import type { CommandLine } from './processes';
import type { RepositoryName } from './repositories';
import type { SyncTools } from './sync-tools';

export type ContenderName = 'ours' | 'ours, aws' | 'aws sync' | 'aws exact' | 'rclone copy' | 's5cmd cp';

/** Something that brings a repository from the store to a folder. */
export interface Contender {
  readonly name: ContenderName;
  /** Whose result it can go on from: the files are the same, and so is what it looks at. */
  readonly twin?: ContenderName;
  /** @param home - a folder for what it leaves beside, and for what is temporary */
  command(repository: RepositoryName, target: string, home: string): CommandLine;
  /** Where the repository lies afterwards. */
  served(target: string): string;
}

/** @param scratch - a folder for the scripts */
export function contenders(tools: SyncTools, store: StoreAccess, scratch: string): Contender[] {
  const environment = (home: string) => ({
    PATH: `${tools.folder}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    TMPDIR: home,
    ...store.keys,
  });
  const ours = (name: ContenderName, tool: SyncTool): Contender => {
    const script = writeScripts(join(scratch, tool), tool);
    return {
      name,
      command: (repository, target, home) => ({
        args: ['/bin/sh', script],
        env: {
          ...syncEnvironment({ source: sourceOf(repository, store, tool), models: [], target }),
          ...environment(home),
          RCLONE_CACHE_DIR: join(home, 'rclone'),
        },
      }),
      served: (target) => join(target, 'repository'),
    };
  };
  const plain = (
    name: ContenderName,
    args: (from: string, target: string) => string[],
    also: Readonly<Record<string, string>>,
  ): Contender => ({
    name,
    command: (repository, target, home) => ({
      args: args(plainPath(repository), target),
      env: { ...environment(home), ...also },
    }),
    served: (target) => target,
  });
  const aws = { AWS_ENDPOINT_URL: store.endpoint, AWS_DEFAULT_REGION: store.region };
  const s5cmd = { S3_ENDPOINT_URL: store.endpoint, AWS_REGION: store.region };
  return [
    ours('ours', 'rclone'),
    { ...ours('ours, aws', 'aws-cli'), twin: 'ours' },
    plain('aws sync', (from, to) => ['aws', 's3', 'sync', `s3://${from}`, to], aws),
    {
      ...plain('aws exact', (from, to) => ['aws', 's3', 'sync', `s3://${from}`, to, '--exact-timestamps'], aws),
      twin: 'aws sync',
    },
    plain('rclone copy', (from, to) => ['rclone', 'copy', `store:${from}`, to], rcloneRemote(store)),
    plain('s5cmd cp', (from, to) => [tools.s5cmd, 'cp', `s3://${from}/*`, `${to}/`], s5cmd),
  ];
}

function sourceOf(repository: RepositoryName, { endpoint, region }: StoreAccess, tool: SyncTool): S3Source {
  const credentials = { kind: 'secret', secretName: 'keys' } as const;
  return { kind: 's3', uri: `s3://${publishedPath(repository)}`, region, endpoint, credentials, tool };
}

/** What the container's ConfigMap holds. */
function writeScripts(folder: string, tool: SyncTool): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'sync.sh'), SYNC_SCRIPT);
  writeFileSync(join(folder, 'store.sh'), tool === 'aws-cli' ? AWS_STORE : RCLONE_STORE);
  return join(folder, 'sync.sh');
}
