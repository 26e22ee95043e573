import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Processes } from '../../sandbox/processes';
import { eventually } from '../support/test-sandbox';

const SLEEP = { name: 'sleeper', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };

describe('the programs of a sandbox', () => {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
  const processes = new Processes(folder);
  // A program is known by a path of the sandbox in its command line.
  const service = { ...SLEEP, args: [...SLEEP.args, `${folder}/x`] };
  afterEach(async () => {
    for (const name of processes.started) await processes.end(name, 'SIGKILL');
  });

  it('run from the moment that they are started, while the shell becomes the program as well', async () => {
    for (let run = 0; run < 20; run++) {
      await processes.ensure(service);
      const until = Date.now() + 30;
      while (Date.now() < until) expect(processes.pid('sleeper')).toBeDefined();
      await processes.end('sleeper', 'SIGKILL');
      expect(processes.pid('sleeper')).toBeUndefined();
    }
  });

  it('are started once, and again where they are to be otherwise', async () => {
    await processes.ensure(service);
    const first = processes.pid('sleeper');
    await processes.ensure(service);
    expect(processes.pid('sleeper')).toBe(first);
    await processes.ensure({ ...service, env: { MODE: 'other' } });
    expect(processes.pid('sleeper')).not.toBe(first);
    // Node.js holds tens of MiB once it is up; right after it is started the process is a shell of less than one.
    await eventually(
      async () => processes.memoryMib('sleeper'),
      (mib) => mib > 10,
    );
  });

  it('say what they said last', async () => {
    await processes.ensure({
      ...service,
      args: ['-e', 'console.log("one\\ntwo"); setInterval(() => {}, 1000)', `${folder}/x`],
    });
    await eventually(
      async () => processes.lastWords('sleeper'),
      (text) => text.endsWith('one\ntwo'),
    );
    await processes.end('sleeper');
    rmSync(folder, { recursive: true, force: true });
  });
});
