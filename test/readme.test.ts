import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createColors } from 'picocolors';
import { afterAll, describe, expect, it } from 'vitest';
import { main as explainModel } from '../bin/model-cli';
import { buildPlan } from '../preview/build-plan';
import { main } from '../preview/cli';
import { renderTerminal } from '../preview/terminal';
import { Captured } from './support/captured';
import { environmentFolder, ROOT } from './support/environment-file';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...README.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, tag]) => tag === language)
    .map(([, , text = '']) => text);
const commands = blocks('sh').flatMap((block) => block.trim().split('\n'));
const RUN_MS = 240_000;

describe('the README', () => {
  const out = join(ROOT, 'out');
  const hadOut = existsSync(out);
  afterAll(() => {
    if (!hadOut) rmSync(out, { recursive: true, force: true });
  });

  it('starts with two commands', () => {
    expect(commands.slice(0, 2)).toEqual(['npm ci', 'npm run preview -- dev']);
  });

  it.each(commands.filter((command) => command !== 'npm ci'))('%s', (command) => {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
      cwd: ROOT,
      // Now and then npm asks whether there is a newer one of it, and says so among the errors.
      env: { ...process.env, npm_config_update_notifier: 'false' },
      encoding: 'utf8',
      timeout: RUN_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    expect({ status, stderr: stderr.replace(/^npm warn .*\n/gm, '') }).toEqual({ status: 0, stderr: '' });
    expect(stdout.length).toBeGreaterThan(300);
    if (command.includes('-s preview') && command.includes('--json')) JSON.parse(stdout);
  });

  it('shows lines that the preview prints, in their order', async () => {
    const shown = blocks('').find((block) => block.startsWith('triton-stack dev')) ?? '';
    const printed = renderTerminal(await buildPlan(ROOT, 'dev'), { width: 80, colours: createColors(false) }).split(
      '\n',
    );
    let at = -1;
    for (const line of shown.split('\n')) {
      const next = printed.indexOf(line, at + 1);
      expect({ line, printed: next >= 0 }).toEqual({ line, printed: true });
      at = next;
    }
  });

  it('shows what a model is explained by', async () => {
    const shown = blocks('').find((block) => block.startsWith('llama-3.1-8b ·')) ?? 'nothing';
    const out = new Captured();
    expect(await explainModel(['explain', 'llama-3.1-8b'], { out, err: new Captured() })).toBe(0);
    expect(out.text.startsWith(shown)).toBe(true);
  });

  it('shows the error that its example makes', async () => {
    const shown = blocks('').find((block) => block.startsWith('Pulumi.dev.yaml: 1 error'));
    const text = readFileSync(join(ROOT, 'Pulumi.dev.yaml'), 'utf8');
    const broken = text.replace('machineType: a2-highgpu-1g', 'machineType: g2-standard-8');
    const err = new Captured();
    expect(await main(['dev'], { folder: environmentFolder('dev', broken), out: new Captured(), err })).toBe(2);
    expect(err.text).toBe(shown);
  });

  it('shows a model as the catalogue has it', () => {
    const [shown = ''] = blocks('ts');
    expect(readFileSync(join(ROOT, 'models/catalog/resnet50.ts'), 'utf8')).toContain(shown);
  });

  it('shows an example as it is', () => {
    const [, shown = 'nothing'] = blocks('ts');
    const example = readFileSync(join(ROOT, 'examples/openshift.ts'), 'utf8');
    expect(example.replace(/^ {2}/gm, '')).toContain(shown);
  });

  it('names files that are there', () => {
    for (const [, name = ''] of README.matchAll(/`((?:[\w-]+\/)+[\w.-]*|[\w.]+\.(?:yaml|json|md))`/g)) {
      // What the reader makes, or brings.
      if (name.startsWith('out/') || name === 'config.json') continue;
      expect({ name, there: existsSync(join(ROOT, name)) }).toEqual({ name, there: true });
    }
  });
});

it('the program that Pulumi runs loads, and says what is wrong without a stack trace', () => {
  const script = `require('${join(ROOT, 'stacks/index.js')}')().catch((error) => { console.log(error.constructor.name + ': ' + error.message); })`;
  const env = {
    ...process.env,
    PULUMI_NODEJS_PROJECT: 'triton-stack',
    PULUMI_NODEJS_STACK: 'dev',
    PULUMI_CONFIG: JSON.stringify({ 'triton-stack:platform': '{"kind":"eks"}' }),
  };
  const output = execFileSync(process.execPath, ['-e', script], { cwd: ROOT, env, encoding: 'utf8', timeout: RUN_MS });
  expect(output).toMatch(/^RunError: Pulumi\.dev\.yaml: 1 error\n[\s\S]*gke, existing/);
});
