import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandFailed } from '../../bin/command';
import type { Progress } from '../../bin/progress';
import type { BenchStore } from './bench-store';
import type { Contender, ContenderName } from './contenders';
import { getCommand, type LimitName, type Written, writeCommand } from './limits';
import type { CommandLine, Processes } from './processes';
import type { BenchRepository, RepositoryName } from './repositories';
import { movesBytes, type Scenario } from './scenarios';
import { wrongFiles } from './wrong-files';

/** One run. */
export interface Measured {
  /** Until it had ended and the disk had everything. */
  readonly seconds: number;
  /** Until it had ended. */
  readonly endedSeconds: number;
  /** User and system, of it and of what it ran. */
  readonly cpuSeconds: number;
  /** Of the store, meanwhile. */
  readonly storeCpuSeconds: number;
}

export type EntrantName = ContenderName | LimitName;

/** All runs of a scenario: of each entrant in the order of the rounds. */
export interface Result {
  readonly scenario: Scenario;
  readonly runs: ReadonlyMap<EntrantName, readonly Measured[]>;
  /** What was not right after the first round. */
  readonly wrong: ReadonlyMap<EntrantName, readonly string[]>;
}

interface Entrant {
  readonly name: EntrantName;
  readonly target: string;
  /** Whether the target is removed before. */
  readonly empty: boolean;
  /** MiB that it writes, about. */
  readonly mib: number;
  readonly command: (home: string) => CommandLine;
  /** Where the repository lies afterwards; undefined for what leaves none. */
  readonly served?: string;
}

export interface BenchParts {
  readonly store: BenchStore;
  readonly contenders: readonly Contender[];
  readonly repositories: Readonly<Record<RepositoryName, BenchRepository>>;
  /** What is written to the disk in place of a repository. */
  readonly written: Readonly<Record<RepositoryName, Written>>;
  readonly processes: Processes;
  /** A folder on the disk that is measured. */
  readonly scratch: string;
  readonly progress: Progress;
  readonly rounds: number;
}

const MIB = 1024 ** 2;
const TOOLS = { PATH: '/usr/local/bin:/usr/bin:/bin' };

/** Measures scenarios in rounds: each entrant once a round, one after the other. */
export class Rounds {
  constructor(private readonly parts: BenchParts) {}

  /** @throws CommandFailed where a tool fails, or ours has not brought what is published */
  async measure(scenario: Scenario): Promise<Result> {
    const { store, rounds, progress, repositories } = this.parts;
    const repository = repositories[scenario.repository];
    const { change } = scenario;
    if (scenario.volume === 'held') await this.settle(scenario, repository);
    const entrants = this.entrants(scenario, repository);
    const runs = new Map<EntrantName, Measured[]>(entrants.map(({ name }) => [name, []]));
    const wrong = new Map<EntrantName, string[]>();
    for (let round = 0; round < rounds; round++) {
      // There and back: what was changed is right again after it.
      if (change !== undefined) await store.serve(repository, round % 2 === 0 ? change : undefined);
      if (movesBytes(scenario)) await this.warm(scenario, repository);
      for (const entrant of ordered(entrants, round)) {
        progress.now(`${scenario.name}: round ${round + 1} of ${rounds}, ${entrant.name}`);
        runs.get(entrant.name)?.push(await this.once(entrant, this.home(scenario, entrant)));
        if (round === 0) wrong.set(entrant.name, await this.check(scenario, repository, entrant));
      }
    }
    for (const { target, empty } of entrants) if (empty) rmSync(target, { recursive: true, force: true });
    progress.done(`${scenario.name}: ${rounds} rounds`);
    return { scenario, runs, wrong };
  }

  private entrants(scenario: Scenario, repository: BenchRepository): Entrant[] {
    const { store, contenders, written, scratch } = this.parts;
    const empty = scenario.volume === 'empty';
    const { bytes } = (scenario.change && repository.changes[scenario.change]) ?? repository;
    const mib = movesBytes(scenario) ? Math.ceil(bytes / MIB) : 0;
    const tools = contenders
      .filter(({ name }) => scenario.contenders.includes(name))
      .map((contender): Entrant => {
        const target = empty ? join(scratch, 'cold') : this.held(repository, contender.name);
        const command = (home: string) => contender.command(repository.name, target, home);
        return { name: contender.name, target, empty, mib, command, served: contender.served(target) };
      });
    if (!movesBytes(scenario)) return tools;
    const target = join(scratch, 'cold');
    const paths = () => this.moved(scenario, repository, store.paths(repository).plain);
    const what = written[repository.name];
    const files = what.kind === 'copies' && scenario.change !== undefined ? { ...what, count: 1 } : what;
    return [
      ...tools,
      { name: 'GET', target, empty: true, mib, command: () => getCommand(store.access, paths(), scratch) },
      { name: 'write', target, empty: true, mib, command: () => writeCommand(files, target) },
      {
        name: 'GET, write',
        target,
        empty: true,
        mib,
        command: () => getCommand(store.access, paths(), scratch, target),
      },
    ];
  }

  private async once({ target, empty, mib, command, name }: Entrant, home: string): Promise<Measured> {
    const { processes, store } = this.parts;
    if (empty) rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    const line = command(home);
    await this.touchMemory(mib);
    await processes.run({ args: ['sync'], env: TOOLS });
    const before = store.cpuSeconds;
    const started = performance.now();
    const { seconds: endedSeconds, cpuSeconds } = await processes.run(line);
    if (name !== 'GET') await processes.run({ args: ['sync', '-f', target], env: TOOLS });
    const seconds = name === 'GET' ? endedSeconds : (performance.now() - started) / 1000;
    return { seconds, endedSeconds, cpuSeconds, storeCpuSeconds: store.cpuSeconds - before };
  }

  /**
   * Has as much memory as will be written to be memory that was just in use. The host of a virtual machine takes back what
   * is free for seconds, and what comes first after a pause waits for it: by the same dd, 2.6 s in place of 1.0 for 2 GiB.
   */
  private async touchMemory(mib: number): Promise<void> {
    const { processes, scratch } = this.parts;
    const file = join(scratch, 'filler');
    const args = ['dd', 'if=/dev/zero', `of=${file}`, 'bs=1M', `count=${mib}`, 'status=none'];
    if (mib > 0) await processes.run({ args, env: TOOLS });
    rmSync(file, { force: true });
  }

  /** Brings the volume of each contender to what the store has without a change. */
  private async settle(scenario: Scenario, repository: BenchRepository): Promise<void> {
    const { store, contenders, processes, progress } = this.parts;
    await store.serve(repository, undefined);
    for (const { name, twin, command } of contenders) {
      if (!scenario.contenders.includes(name)) continue;
      progress.now(`${scenario.name}: what ${name} holds before`);
      const target = this.held(repository, name);
      mkdirSync(dirname(target), { recursive: true });
      if (twin !== undefined && !existsSync(target)) {
        // Neither tool changes a file in place: links have room on the disk.
        await processes.run({ args: ['cp', '-al', this.held(repository, twin), target], env: TOOLS });
      }
      await processes.run(command(repository.name, target, this.keptHome(repository, name)));
    }
  }

  /** Has what is to be fetched lie in the page cache. */
  private async warm(scenario: Scenario, repository: BenchRepository): Promise<void> {
    const { store, processes, scratch, progress } = this.parts;
    progress.now(`${scenario.name}: reading what the store holds`);
    const { published, plain } = store.paths(repository);
    const paths = this.moved(scenario, repository, [...published, ...plain]);
    await processes.run(getCommand(store.access, paths, scratch));
  }

  /** Of a repository's paths, those that the scenario is about. */
  private moved({ change }: Scenario, { changes }: BenchRepository, paths: readonly string[]): readonly string[] {
    const file = change && changes[change];
    return file === undefined ? paths : paths.filter((path) => path.endsWith(`/${file.path}`));
  }

  private async check(scenario: Scenario, repository: BenchRepository, { name, served }: Entrant): Promise<string[]> {
    if (served === undefined) return [];
    const { progress } = this.parts;
    const file = scenario.change && repository.changes[scenario.change];
    const wrong = await wrongFiles(
      served,
      file === undefined ? repository.digests : new Map([...repository.digests, [file.path, file.sha256]]),
    );
    if (wrong.length === 0) return wrong;
    const said = `${scenario.name}: ${name} has left ${wrong.length} files wrong: ${wrong.slice(0, 3).join(', ')}`;
    if (name.startsWith('ours')) throw new CommandFailed(said);
    progress.done(said);
    return wrong;
  }

  private held({ name }: BenchRepository, contender: EntrantName): string {
    return join(this.parts.scratch, 'held', name, contender.replace(/\W+/g, '-'));
  }

  private keptHome({ name }: BenchRepository, contender: EntrantName): string {
    const home = join(this.parts.scratch, 'homes', name, contender.replace(/\W+/g, '-'));
    mkdirSync(home, { recursive: true });
    return home;
  }

  private home(scenario: Scenario, { name }: Entrant): string {
    const { scratch, repositories } = this.parts;
    if (scenario.volume === 'held' && !scenario.newHome) return this.keptHome(repositories[scenario.repository], name);
    return mkdtempSync(join(scratch, 'home-'));
  }
}

/** Another one first in each round, and every other round backwards: nothing always comes after the same. */
function ordered<T>(all: readonly T[], round: number): readonly T[] {
  const first = round % all.length;
  const rotated = [...all.slice(first), ...all.slice(0, first)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}
