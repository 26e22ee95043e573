import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { compile } from '../../bin/pipeline-cli';
import { catalog } from '../../models/catalog';
import type { Model } from '../../models/model';
import { pipelineInput } from '../../models/pipeline/pipeline-input';
import { ROOT } from '../support/environment-file';
import { pipelineTool } from '../support/python-tools';

const RUN_MS = 600_000;
const tests = join(import.meta.dirname, 'python');
let pipeline: string;

beforeAll(() => {
  pipeline = join(mkdtempSync(join(tmpdir(), 'triton-stack-test-')), 'pipeline.yaml');
  const llama = catalog.get('llama-3.1-8b') as Model;
  const input = pipelineInput(llama, { store: 's3://models/llama', servers: ['http://triton:8000'] });
  writeFileSync(pipeline, compile(pipelineTool('python'), input));
});

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(pipelineTool(program), args, {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: RUN_MS,
    env: { ...process.env, COMPILED_PIPELINE: pipeline, PYTHONDONTWRITEBYTECODE: '1' },
  });
  return { status, said: `${stdout}${stderr}` };
}

it('passes the tests of its own', { timeout: RUN_MS }, () => {
  const { status, said } = run('pytest', '-q', '-p', 'no:cacheprovider', tests);
  expect(status, said).toBe(0);
  expect(Number(/(\d+) passed/.exec(said)?.[1])).toBeGreaterThan(60);
});

it('is formatted, and free of what ruff finds', { timeout: RUN_MS }, () => {
  const settings = ['--config', join(ROOT, 'pipelines', 'ruff.toml'), '--no-cache'];
  const folders = ['pipelines', tests, join(import.meta.dirname, 'stand-in')];
  expect(run('ruff', 'check', ...settings, ...folders)).toMatchObject({ status: 0 });
  expect(run('ruff', 'format', '--check', ...settings, ...folders)).toMatchObject({ status: 0 });
});
