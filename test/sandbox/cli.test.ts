import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../sandbox/cli';
import { Captured } from '../support/captured';
import { environmentFolder, environmentText, ROOT, shippedConfig } from '../support/environment-file';
import { eventually, UP_MS } from '../support/test-sandbox';

const NAME = `test-${process.pid}`;
const HOME = join(ROOT, '.sandbox', NAME);

async function sandbox(...args: string[]) {
  const out = new Captured(false, 80);
  const err = new Captured();
  const code = await main(['--name', NAME, ...args], { root: ROOT, folder: ROOT, out, err });
  return { code, out: out.text, err: err.text };
}

/** As a person calls it: what kubectl writes goes past us. */
async function command(...args: string[]) {
  const run = promisify(execFile);
  try {
    const { stdout } = await run(process.execPath, ['bin/run.js', 'sandbox', '--name', NAME, ...args], { cwd: ROOT });
    return { code: 0, stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, stdout };
  }
}

/** Names of pods have 8 to 10 characters of a template's digest, and columns are as wide. */
function withoutNames(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8,10}-[a-z0-9]{5}\b/g, 'POD')
    .replace(/ l4 {4}[abc] /g, ' l4    Z ')
    .replace(/ +/g, ' ');
}

describe('npm run sandbox', () => {
  afterAll(async () => {
    await sandbox('down');
  }, UP_MS);

  it('says so where there is no sandbox', async () => {
    const none = `No sandbox runs. Start one: npm run -s sandbox -- --name ${NAME} up\n`;
    expect(await sandbox('status')).toEqual({ code: 1, out: none, err: '' });
    expect(await sandbox('kubectl', 'get', 'pods')).toEqual({ code: 1, out: '', err: none });
    expect(await sandbox('down')).toEqual({ code: 0, out: 'No sandbox is there.\n', err: '' });
    expect(await sandbox('apply', 'dev')).toMatchObject({ code: 1, err: expect.stringContaining('before `up`') });
  });

  it('refuses bad input before it starts anything', async () => {
    expect(await sandbox('up', 'openshft')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('did you mean openshift?'),
    });
    const config = shippedConfig('dev');
    config.pools.a100.machineType = 'g2-standard-8';
    const folder = environmentFolder('broken', environmentText(config));
    const refused = await sandbox('up', 'broken', '--folder', folder);
    expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('pools.a100.machineType') });
    expect(await sandbox('--name', '../x', 'up')).toMatchObject({ code: 2, err: expect.stringContaining('--name') });
    expect(await sandbox('nonsense')).toMatchObject({ code: 2 });
    expect(existsSync(HOME)).toBe(false);
  });

  it(
    'shows what is served where, and what is simulated',
    async () => {
      const { code, out, err } = await sandbox('up', 'dev');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const [shown = ''] = out.split('\nLook around');
      for (const line of shown.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
      // What the README shows, but for names that the cluster makes up and the zones that nodes came in.
      const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
      const [, block = 'none'] = /^```\n(Served 2 models[\s\S]*?)^```$/m.exec(readme) ?? [];
      expect(withoutNames(shown)).toContain(withoutNames(block));
      expect(shown).toMatch(/in place of GKE's\s+autoscaler/);
      expect(shown).toMatch(/Not installed: .*gpu-operator.*prometheus-adapter/s);
    },
    UP_MS,
  );

  it('shows the same again, with what runs', async () => {
    const { code, out } = await sandbox('status');
    expect(code).toBe(0);
    for (const name of ['etcd', 'kube-apiserver', 'kwok', 'karpenter']) {
      expect(out).toMatch(new RegExp(`^${name} +process \\d+, \\d+ MiB$`, 'm'));
    }
    expect(out).toContain('Served 2 models');
  });

  it('hands arguments to kubectl as they are, and its exit code back', async () => {
    expect(await command('kubectl', 'get', 'namespace', 'triton', '--output', 'name')).toEqual({
      code: 0,
      stdout: 'namespace/triton\n',
    });
    expect((await command('kubectl', 'get', 'pods', '-n', 'triton', '-o', 'name')).stdout.split('\n')).toHaveLength(3);
    expect((await command('kubectl', 'get', 'nonsense')).code).toBe(1);
    const logs = await command('kubectl', 'logs', '-n', 'triton', 'deployment/triton-resnet50');
    expect(logs.stdout).toContain('This pod is simulated');
  });

  it(
    'applies an environment that has changed, and deletes what it no longer has',
    async () => {
      const config = shippedConfig('dev');
      const folder = environmentFolder('small', environmentText(config));
      expect(await sandbox('up', 'small', '--folder', folder)).toMatchObject({
        code: 0,
        out: expect.stringContaining('The sandbox held dev: starting anew'),
      });
      config.serving.models = [{ model: 'resnet50', scale: { min: 2, max: 2 } }];
      writeFileSync(join(folder, 'Pulumi.small.yaml'), environmentText(config));
      const { code, out } = await sandbox('apply');
      expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/9 objects deleted.*Served 1 model in/s) });
      const left = await command('kubectl', 'get', 'deployments,hpa,services', '-n', 'triton', '-o', 'name');
      expect(left.stdout.trim().split('\n').sort()).toEqual([
        'deployment.apps/triton-resnet50',
        'horizontalpodautoscaler.autoscaling/triton-resnet50',
        'service/triton-resnet50',
      ]);
      // Without a name it is the one that was applied last.
      expect(await sandbox('up')).toMatchObject({ code: 0, out: expect.stringContaining('Served 1 model in') });
    },
    2 * UP_MS,
  );

  it('says what does not run', async () => {
    const { stdout } = await command('status');
    process.kill(Number(/^kwok +process (\d+)/m.exec(stdout)?.[1]), 'SIGKILL');
    const { code, out } = await eventually(
      () => sandbox('status'),
      (said) => said.code !== 0,
    );
    expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(/^kwok +does not run: see .*kwok\.log$/m) });
  });

  it('leaves nothing behind', async () => {
    expect(await sandbox('down')).toEqual({
      code: 0,
      out: `6 programs ended, .sandbox/${NAME} deleted.\n`,
      err: '',
    });
    expect(existsSync(HOME)).toBe(false);
    const home = join(ROOT, '.sandbox');
    expect(existsSync(home) ? readdirSync(home).filter((name) => name.startsWith(NAME)) : []).toEqual([]);
  });
});
