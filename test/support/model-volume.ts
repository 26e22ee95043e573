import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SyncedSource } from '../../constructs/model-source';
import { AWS_STORE, RCLONE_STORE } from '../../constructs/sync/store-scripts';
import { syncEnvironment, toolOf } from '../../constructs/sync/sync-environment';
import { SYNC_SCRIPT } from '../../constructs/sync/sync-script';
import { WATCH_SCRIPT } from '../../constructs/sync/watch-script';
import { parseManifest } from '../../models/release-manifest';
import { pythonTool } from './python-tools';

const SYNC_MS = 600_000;

/** How a run of the sync ended. */
export interface SyncResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said, on both outputs. */
  readonly said: string;
}

/** The volume of a pod, and the sync that fills it, run as the container runs it. */
export class ModelVolume {
  /** What the shell runs before the script: limits. */
  before = ':';
  readonly work = mkdtempSync(join(tmpdir(), 'triton-stack-volume-'));
  /** What is mounted as `/models`. */
  readonly root = join(this.work, 'models');
  readonly script = join(this.work, 'sync.sh');
  readonly watchScript = join(this.work, 'watch.sh');

  /**
   * @param selection - what `servedSelection` says; all models and versions where it is empty
   * @param changes - what differs from the container's environment: keys in place of a role, an endpoint
   */
  constructor(
    private readonly source: SyncedSource,
    private readonly changes: Readonly<Record<string, string>>,
    private readonly selection = '',
  ) {
    mkdirSync(this.root);
    writeFileSync(this.script, SYNC_SCRIPT);
    writeFileSync(join(this.work, 'store.sh'), toolOf(source) === 'aws-cli' ? AWS_STORE : RCLONE_STORE);
    writeFileSync(this.watchScript, WATCH_SCRIPT);
  }

  environment(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    const tools = dirname(pythonTool('rclone'));
    return {
      PATH: `${join(import.meta.dirname, 'bin')}:${tools}:/usr/local/bin:/usr/bin:/bin`,
      ...syncEnvironment({ source: this.source, models: [], target: this.root }),
      MODEL_SELECTION: this.selection,
      MODEL_PAUSE_SECONDS: '0',
      HOME: this.work,
      TMPDIR: this.work,
      RCLONE_CACHE_DIR: join(this.work, 'cache'),
      ...this.changes,
      ...changes,
    };
  }

  /** Starts a run in a process group of its own, as a container's processes end together. */
  start(changes: Readonly<Record<string, string>> = {}): {
    readonly process: ChildProcess;
    /** What it has said until now. */
    readonly said: () => string;
    readonly result: Promise<SyncResult>;
  } {
    const child = spawn('/bin/sh', ['-c', `${this.before}; exec /bin/sh "$0"`, this.script], {
      env: this.environment(changes),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      timeout: SYNC_MS,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    const result = new Promise<SyncResult>((done, failed) => {
      child.once('error', failed);
      child.once('close', (code, signal) => done({ code, signal, said }));
    });
    return { process: child, said: () => said, result };
  }

  sync(changes: Readonly<Record<string, string>> = {}): Promise<SyncResult> {
    return this.start(changes).result;
  }

  /** A file of the volume. */
  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** A file of the release that is served. */
  served(path: string): string {
    return this.read(join('repository', path));
  }

  /** Everything below the link, folders with a slash. */
  tree(): string[] {
    const list = (folder: string, prefix: string): string[] =>
      readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory()
          ? [`${prefix}${entry.name}/`, ...list(join(folder, entry.name), `${prefix}${entry.name}/`)]
          : [`${prefix}${entry.name}`],
      );
    return list(join(this.root, 'repository'), '').sort();
  }

  /** The release that the link points to, or undefined where there is none. */
  release(): string | undefined {
    try {
      return readlinkSync(join(this.root, 'repository')).replace('releases/', '').split('.').slice(0, -2).join('.');
    } catch {
      return undefined;
    }
  }

  /** What differs between the served tree and a manifest: nothing, where it is whole and right. */
  differences(manifest: string): string[] {
    const release = parseManifest(manifest);
    if (release === undefined) return ['no manifest'];
    const wrong = release.files.filter(({ path, sha256 }) => {
      const file = join(this.root, 'repository', path);
      return !existsSync(file) || createHash('sha256').update(readFileSync(file)).digest('hex') !== sha256;
    });
    const wanted = new Set([...release.files.map(({ path }) => path), ...release.folders]);
    const more = this.tree().filter((path) => !path.endsWith('/') && !wanted.has(path));
    const lost = release.folders.filter((path) => !existsSync(join(this.root, 'repository', path)));
    return [...wrong.map(({ path }) => path), ...more, ...lost];
  }

  /** The names in a folder of the volume. */
  names(folder = '.'): string[] {
    return readdirSync(join(this.root, folder)).sort();
  }

  /** The samples of the metrics, by name and labels. */
  metrics(): Record<string, number> {
    const lines = this.read('metrics/metrics.txt').trimEnd().split('\n');
    return Object.fromEntries(
      lines
        .filter((line) => !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  }

  remove(): void {
    rmSync(this.work, { recursive: true, force: true });
  }
}
