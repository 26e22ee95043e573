import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { ROOT } from './environment-file';

/** What the preview runs on, without what git ignores. */
const PARTS = [
  'bin',
  'models',
  'constructs',
  'charts',
  'stacks',
  'policies',
  'preview',
  'package.json',
  'package-lock.json',
  'versions.json',
];

/** A git repository of its own with the project in it, as it is now, committed on branch `main`. */
export class ProjectCopy {
  readonly folder = mkdtempSync(join(tmpdir(), 'triton-stack-project-'));

  constructor() {
    const environments = readdirSync(ROOT).filter((name) => /^Pulumi.*\.yaml$/.test(name));
    for (const part of [...PARTS, ...environments]) {
      cpSync(join(ROOT, part), join(this.folder, part), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
    this.git('init', '--quiet', '--initial-branch=main');
    this.git('config', 'user.name', 'Test');
    this.git('config', 'user.email', 'test@example.test');
    this.git('config', 'core.hooksPath', '/dev/null');
    this.commit('everything');
  }

  commit(message: string): void {
    this.git('add', '--all', '--', ':!node_modules');
    this.git('commit', '--quiet', '--message', message);
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, { cwd: this.folder, encoding: 'utf8', timeout: 240_000 });
  }
}

/** A copy of the project for the tests of a file, with a cache of its own, back at `main` after each test. */
export function testProject(): () => { readonly project: ProjectCopy; readonly cache: string } {
  let project: ProjectCopy;
  let cache: string;
  beforeAll(() => {
    project = new ProjectCopy();
    cache = mkdtempSync(join(tmpdir(), 'triton-stack-cache-'));
  });
  beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', cache));
  afterEach(() => {
    vi.unstubAllEnvs();
    project.git('checkout', '--quiet', '--force', 'main');
  });
  afterAll(() => {
    for (const folder of [project?.folder, cache]) if (folder) rmSync(folder, { recursive: true, force: true });
  });
  return () => ({ project, cache });
}
