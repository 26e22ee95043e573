import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../models/problem';

/** Longest wait for one command of git. */
const TIMEOUT_MS = 60_000;
const MAX_BUFFER = 64 * 1024 * 1024;

/** A commit of the repository that a folder belongs to. */
export interface Commit {
  /** As it was named: `origin/main`. */
  readonly name: string;
  readonly sha: string;
}

/** The repository of a project: what git says of it, and files as a commit has them. */
export class Repository {
  /** Where the project lies in the repository: `` or `platform/serving/`. */
  private readonly prefix: string;

  /**
   * @param folder - the project's root
   * @throws InputError where it is in no repository
   */
  constructor(private readonly folder: string) {
    const prefix = this.ask(['rev-parse', '--show-prefix']);
    if (prefix === undefined) {
      throw refused('--base', folder, 'is in no git repository: there is nothing to compare with', 'leave --base out');
    }
    this.prefix = prefix;
  }

  /**
   * The commit that a change started from: where the history of `ref` and that of the working tree part. Without such a
   * one `ref` itself.
   *
   * @throws InputError where there is no such commit here
   */
  startingPoint(ref: string): Commit {
    const tip = this.ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]);
    if (tip === undefined) {
      const [remote, ...branch] = ref.split('/');
      throw refused(
        '--base',
        ref,
        'is no commit that this clone has',
        branch.length > 0
          ? `git fetch ${remote} ${branch.join('/')}; in CI: check out with the whole history (fetch-depth: 0)`
          : 'name a branch, a tag or a commit: --base origin/main',
      );
    }
    return { name: ref, sha: this.ask(['merge-base', tip, 'HEAD']) ?? tip };
  }

  /** What a file holds in a commit; undefined where it has none. */
  read({ sha }: Commit, file: string): string | undefined {
    const { status, stdout } = this.run(['show', `${sha}:${this.prefix}${file}`]);
    return status === 0 ? stdout : undefined;
  }

  /** A digest of everything that the project holds in a commit. */
  contentOf({ sha }: Commit): string {
    const tree = this.ask(['rev-parse', '--verify', `${sha}:${this.prefix.replace(/\/$/, '')}`]);
    if (tree === undefined) {
      throw refused('--base', sha, `the project's folder ${this.prefix} is not in that commit`, 'name a later commit');
    }
    return tree;
  }

  /**
   * Writes the project's files as a commit has them below `target`. As a worktree of git, but nothing of it is written
   * into the repository, and no hook runs.
   */
  checkOut(commit: Commit, target: string): void {
    const index = join(target, '.git-index');
    const files = join(target, 'files');
    mkdirSync(files, { recursive: true });
    const options = {
      cwd: this.folder,
      env: { ...process.env, GIT_INDEX_FILE: index },
      stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
      timeout: TIMEOUT_MS,
    };
    const root = this.ask(['rev-parse', '--show-toplevel']) ?? this.folder;
    execFileSync('git', ['read-tree', this.contentOf(commit)], options);
    execFileSync('git', ['--work-tree', files, 'checkout-index', '--all', '--force', `--prefix=${files}/`], {
      ...options,
      cwd: root,
    });
  }

  /** The answer in one line; undefined where git refuses. */
  private ask(args: readonly string[]): string | undefined {
    const { status, stdout } = this.run(args);
    return status === 0 ? stdout.trimEnd() : undefined;
  }

  private run(args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
    const { status, stdout, error } = spawnSync('git', [...args], {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_BUFFER,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
      throw refused('--base', 'git', 'is not on PATH', 'install git, or leave --base out');
    }
    return { status, stdout: stdout ?? '' };
  }
}

function refused(key: string, value: string, reason: string, fix: string): InputError {
  return new InputError('command line', [{ key, value, reason, fix }]);
}
