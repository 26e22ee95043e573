import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ROOT } from './support/environment-file';

const folder = mkdtempSync(join(tmpdir(), 'triton-stack-count-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What .ci/count.js closes with, of files by the states of their tests. */
function count(...files: readonly { readonly status: string; readonly tests: readonly string[] }[]): string[] {
  const tests = files.flatMap((file) => file.tests);
  const report = join(folder, 'report.json');
  const content = {
    numPassedTests: tests.filter((status) => status === 'passed').length,
    numFailedTests: tests.filter((status) => status === 'failed').length,
    numPendingTests: tests.filter((status) => status === 'skipped').length,
    testResults: files.map((file, index) => ({
      name: `${index}.test.ts`,
      status: file.status,
      assertionResults: file.tests.map((status) => ({ status })),
    })),
  };
  writeFileSync(report, JSON.stringify(content));
  const said = execFileSync(process.execPath, [join(ROOT, '.ci/count.js'), report], { encoding: 'utf8' });
  return said.trimEnd().split('\n');
}

it('counts tests', () => {
  const passed = { status: 'passed', tests: ['passed', 'skipped'] };
  const failed = { status: 'failed', tests: ['passed', 'failed', 'failed'] };
  expect(count(passed)).toEqual(['1 skipped', '1 passed, 0 failed']);
  expect(count(passed, failed)).toEqual(['1 skipped', '2 passed, 2 failed']);
});

it('counts a file that failed before its tests', () => {
  const passed = { status: 'passed', tests: ['passed'] };
  expect(count(passed, { status: 'failed', tests: ['skipped'] }, { status: 'failed', tests: [] })).toEqual([
    '1 skipped',
    'failed before its tests: 1.test.ts',
    'failed before its tests: 2.test.ts',
    '1 passed, 2 failed',
  ]);
});
