import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../../bin/progress';
import type { S3Server } from '../../test/support/s3-server';
import { BenchStore } from './bench-store';
import { contenders } from './contenders';
import type { Written } from './limits';
import { Processes } from './processes';
import { report } from './report';
import { type BenchRepository, makeLarge, makeSmall } from './repositories';
import { type Result, Rounds } from './rounds';
import { loadS3Server } from './s3-server';
import { SCENARIOS } from './scenarios';
import { findSyncTools } from './sync-tools';

declare const __PROJECT_ROOT__: string;

/** Room for four copies of the large repository, and for what is not reclaimed yet: the server keeps objects in files of a size. */
const VOLUMES = { volumeMib: 1024, volumes: 64 };

export interface SyncBenchOptions {
  /** A folder on the disk that is measured. */
  readonly scratch: string;
  /** 64 for a 64th of the bytes. */
  readonly scale: number;
  readonly rounds: number;
  /** Names of the tools that are measured. @default all */
  readonly tools?: readonly string[];
  readonly progress: Progress;
}

/** The whole run: data, store, scenarios, report. */
export class SyncBench {
  private readonly processes: Processes;
  private starting: Promise<S3Server> | undefined;

  constructor(private readonly options: SyncBenchOptions) {
    this.processes = new Processes(join(options.scratch, 'said'));
  }

  /** @returns the report */
  async run(): Promise<string> {
    const { scratch, scale, rounds, progress, tools: names } = this.options;
    const tools = await findSyncTools(__PROJECT_ROOT__, progress);
    progress.now('writing the repositories');
    const repositories = { large: makeLarge(scratch, scale), small: makeSmall(scratch, scale) };
    progress.done('the repositories are written');
    this.starting = loadS3Server(scratch).start(VOLUMES);
    const store = new BenchStore(await this.starting, join(tools.folder, 'rclone'), progress);
    for (const repository of Object.values(repositories)) await store.fill(repository);
    const bench = new Rounds({
      store,
      contenders: contenders(tools, store.access, join(scratch, 'scripts')).filter(
        ({ name }) => names === undefined || names.includes(name),
      ),
      repositories,
      written: { large: copies(repositories.large), small: { kind: 'tree', root: repositories.small.root } },
      processes: this.processes,
      scratch,
      progress,
      rounds,
    });
    // One file of it is enough to write from.
    rmSync(repositories.large.root, { recursive: true });
    const results: Result[] = [];
    for (const scenario of SCENARIOS) results.push(await bench.measure(scenario));
    progress.clear();
    return report(results, rounds);
  }

  /** Ends what runs, and the server. */
  async close(): Promise<void> {
    this.processes.end();
    const server = await this.starting?.catch(() => undefined);
    await server?.stop();
  }
}

/** As many bytes as the repository has, from the file that changes. */
function copies({ digests, changes }: BenchRepository): Written {
  return { kind: 'copies', file: changes.weights?.before ?? '', count: digests.size - 1 };
}
