import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../../preview/cli';
import type { PlanDiff } from '../../../preview/diff/plan-diff';
import type { Plan } from '../../../preview/plan';
import { Captured } from '../../support/captured';
import { testProject } from '../../support/project-copy';

describe('preview --base', () => {
  const at = testProject();

  const change = (...[from, to]: [string, string]) => {
    const file = join(at().project.folder, 'Pulumi.dev.yaml');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  };
  const run = async (args: string[], columns?: number) => {
    const [out, err] = [new Captured(false, columns), new Captured()];
    const code = await main(args, { folder: at().project.folder, root: at().project.folder, out, err });
    return { code, out: out.text, err: err.text };
  };

  it.each([80, 120])('shows what changes within %i columns', async (columns) => {
    change('a2-highgpu-1g', 'a2-highgpu-2g');
    const { code, out, err } = await run(['dev', '--base', 'main'], columns);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('± NodePool a100');
    expect(out).toContain('(forces the replacement)');
    expect(out).toMatch(/Cost a month/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
  });

  it('says so where nothing changes', async () => {
    const { code, out } = await run(['dev', '--base', 'main']);
    expect(code).toBe(0);
    expect(out).toMatch(/^triton-stack dev .* against main \([0-9a-f]{8}\)\n\nNothing changes\.\n$/);
  });

  it('writes a comment, a report and the plan with what differs', async () => {
    change('max: 5', 'max: 6');
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
    const [markdown, html] = [join(folder, 'new', 'comment.md'), join(folder, 'report.html')];
    const { code, out } = await run(['dev', '--base', 'main', '--markdown', markdown, '--html', html, '--json']);
    expect(code).toBe(0);
    const { diff, ...plan } = JSON.parse(out) as Plan & { diff: PlanDiff };
    expect(diff.resources.map(({ name, action }) => `${action} ${name}`)).toEqual(['update l4']);
    expect(plan.resources.length).toBeGreaterThan(50);
    expect(readFileSync(markdown, 'utf8')).toContain('NodePool l4');
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/i);
  });

  it.each([
    ['replace', 1, /replace: a100/],
    ['delete,restart', 1, /restart: /],
    ['cost-increase', 0, /^$/],
    ['data-loss,downtime,base', 0, /^$/],
  ])('fails on %s: %i', async (list, expected, message) => {
    change('a2-highgpu-1g', 'a2-highgpu-2g');
    const { code, err } = await run(['dev', '--base', 'main', '--fail-on', list]);
    expect(err).toMatch(message);
    expect(code).toBe(expected);
  });

  it('fails where a policy does, and says which', async () => {
    change('max: 5', 'max: 5\n      spot: true');
    const file = join(at().project.folder, 'Pulumi.dev.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('profile: development', 'profile: production'));
    const { code, out, err } = await run(['dev', '--base', 'main']);
    expect(code).toBe(1);
    expect(err).toMatch(/policies: .*image-digest/);
    expect(out).toMatch(/x image-digest \(new\)/);
  });

  it.each([
    [['dev', '--markdown', 'x.md'], /--markdown\n {4}problem {2}tells of changes/],
    [['dev', '--fail-on', 'replace'], /--fail-on\n {4}problem {2}tells of changes/],
    [['dev', '--base', 'main', '--fail-on', 'everything'], /everything. Allowed: replace, delete/],
    [['dev', '--base', 'nowhere'], /nowhere/],
    [['dev', '--base', 'main', '--html', '/dev/null/x.html'], /--html\n.*\n {4}problem {2}cannot be written/],
  ])('refuses %j with 2, and writes nothing', async (args, message) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect(existsSync('x.md')).toBe(false);
  });
});
