import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Progress } from '../../../bin/progress';
import { compare } from '../../../preview/diff/compare';
import { Captured } from '../../support/captured';
import { testProject } from '../../support/project-copy';

describe('a base', () => {
  const at = testProject();

  const changed = (file: string, change: (text: string) => string) => {
    const path = join(at().project.folder, file);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  };
  const diff = (environment = 'dev', base = 'main', folder = at().project.folder) =>
    compare({ root: at().project.folder, folder, environment, base }, new Progress(new Captured()));
  const kept = () => readdirSync(join(at().cache, 'triton-stack', 'plans'));

  it('is compared with what lies in the folder, committed or not, and kept', async () => {
    changed('Pulumi.dev.yaml', (text) => text.replace('max: 5', 'max: 6'));
    const first = await diff();
    expect(first.diff.base).toEqual({ name: 'main', commit: at().project.git('rev-parse', 'main').trim() });
    expect(first.diff.baseFailed).toBeUndefined();
    expect(first.diff.resources.map(({ name, fields }) => [name, fields])).toEqual([
      ['l4', [{ path: 'autoscaling.totalMaxNodeCount', before: 5, after: 6 }]],
    ]);
    expect(kept()).toHaveLength(1);

    // What is kept is what is compared with.
    const [file = ''] = kept();
    const path = join(at().cache, 'triton-stack', 'plans', file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"totalMaxNodeCount": 5', '"totalMaxNodeCount": 4'));
    expect((await diff()).diff.resources[0]?.fields[0]?.before).toBe(4);
    // And what is no plan is made anew.
    writeFileSync(path, text.slice(0, 1000));
    expect((await diff()).diff.resources[0]?.fields[0]?.before).toBe(5);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('is where the change started, whatever came after on its branch', async () => {
    at().project.git('checkout', '--quiet', '-B', 'change');
    changed('Pulumi.dev.yaml', (text) => text.replace('max: 5', 'max: 7'));
    at().project.commit('more nodes');
    at().project.git('checkout', '--quiet', '-B', 'later', 'main');
    changed('Pulumi.dev.yaml', (text) => text.replace('max: 5', 'max: 9'));
    at().project.commit('many more nodes');
    at().project.git('checkout', '--quiet', 'change');
    const { diff: found } = await diff('dev', 'later');
    expect(found.resources[0]?.fields).toEqual([{ path: 'autoscaling.totalMaxNodeCount', before: 5, after: 7 }]);
    at().project.git('checkout', '--quiet', 'main');
  });

  it('is evaluated by its own program', async () => {
    changed('stacks/node-pools.ts', (text) => text.replace("diskType: 'pd-balanced'", "diskType: 'pd-ssd'"));
    at().project.git('checkout', '--quiet', '-B', 'other-disks');
    at().project.commit('other disks');
    changed('stacks/node-pools.ts', (text) => text.replace("diskType: 'pd-ssd'", "diskType: 'pd-balanced'"));
    const { diff: found } = await diff('dev', 'other-disks');
    expect(found.resources.map(({ name }) => name).sort()).toEqual(['a100', 'l4', 'system']);
    expect(found.resources[0]?.fields).toMatchObject([
      { path: 'nodeConfig.diskType', before: 'pd-ssd', after: 'pd-balanced' },
    ]);
    at().project.git('checkout', '--quiet', '--force', 'main');
  });

  it('that has no such environment has nothing', async () => {
    changed('Pulumi.dev.yaml', (text) => text);
    writeFileSync(
      join(at().project.folder, 'Pulumi.new.yaml'),
      readFileSync(join(at().project.folder, 'Pulumi.dev.yaml')),
    );
    const { diff: found } = await diff('new');
    expect(new Set(found.resources.map(({ action }) => action))).toEqual(new Set(['create']));
    expect(found.baseFailed).toBeUndefined();
    rmSync(join(at().project.folder, 'Pulumi.new.yaml'));
  });

  it('that alone has the environment has everything deleted, and a warning', async () => {
    rmSync(join(at().project.folder, 'Pulumi.dev.yaml'));
    const { plan, diff: found } = await diff('dev');
    expect(new Set(found.resources.map(({ action }) => action))).toEqual(new Set(['delete']));
    expect(plan.summary.warnings.join()).toContain('pulumi destroy --stack dev');
    await expect(diff('nowhere')).rejects.toThrow('there is no Pulumi.nowhere.yaml');
  });

  it('that cannot be evaluated is told, and hinders nothing', async () => {
    at().project.git('checkout', '--quiet', '-B', 'broken');
    changed('Pulumi.dev.yaml', (text) => text.replace('g2-standard-8', 'a2-highgpu-1g'));
    at().project.commit('broken');
    changed('Pulumi.dev.yaml', (text) => text.replace('a2-highgpu-1g', 'g2-standard-8'));
    const { diff: found, plan } = await diff('dev', 'broken');
    expect(found.baseFailed).toContain('that machine carries nvidia-tesla-a100');
    expect(found.resources.every(({ action }) => action === 'create')).toBe(true);
    expect(plan.summary.models).toHaveLength(2);
    at().project.git('checkout', '--quiet', '--force', 'main');
  });

  it('leaves the repository and the temporary folder as they were', async () => {
    const state = () => [
      at().project.git('status', '--porcelain'),
      at().project.git('worktree', 'list'),
      at().project.git('stash', 'list'),
    ];
    // Of its own: others on the machine have theirs in the shared one.
    const temporary = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
    vi.stubEnv('TMPDIR', temporary);
    try {
      const before = state();
      rmSync(join(at().cache, 'triton-stack', 'plans'), { recursive: true, force: true });
      await diff('local');
      expect(state()).toEqual(before);
      // Node leaves what it has compiled.
      expect(readdirSync(temporary).filter((name) => name.startsWith('triton-stack-'))).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      rmSync(temporary, { recursive: true, force: true });
    }
    expect(existsSync(join(at().project.folder, '.git', 'index.lock'))).toBe(false);
  });

  it.each([
    ['origin/nowhere', /is no commit that this clone has[\s\S]*git fetch origin nowhere/],
    ['nowhere', /name a branch, a tag or a commit/],
    ['--all', /is no commit/],
  ])('%s is refused, with what to do', async (base, message) => {
    await expect(diff('dev', base)).rejects.toThrow(message);
  });

  it('needs the environments in the repository', async () => {
    await expect(diff('dev', 'main', mkdtempSync(join(tmpdir(), 'triton-stack-test-')))).rejects.toThrow(
      /--folder[\s\S]*lies outside of the project/,
    );
  });
});
