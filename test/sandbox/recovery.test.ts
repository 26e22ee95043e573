import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../sandbox/sandbox';
import { ROOT } from '../support/environment-file';
import { watch } from '../support/pod-watch';
import { eventually, quiet, TestSandbox, UP_MS } from '../support/test-sandbox';

const PROGRAMS = ['etcd', 'karpenter', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'];

/** Processes with this text in their command line. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(text) ? [`${pid} ${command.slice(0, 100)}`] : [];
      } catch {
        return [];
      }
    });
}

/** Longest wait for what a command does that starts everything. */
const WAIT_MS = 300_000;
/** Between looks at files: they cost nothing. */
const FILE_MS = 50;
const DEV = { name: 'dev', folder: ROOT, bare: false } as const;

/** Ends one of the programs, and waits until it is gone. */
async function kill({ processes }: Sandbox, name: string): Promise<void> {
  process.kill(processes.pid(name) as number, 'SIGKILL');
  await eventually(
    async () => processes.pid(name),
    (pid) => pid === undefined,
    WAIT_MS,
    FILE_MS,
  );
}

async function downLeavesNothing(sandbox: Sandbox): Promise<void> {
  await sandbox.down(quiet());
  expect(processesWith(sandbox.folder)).toEqual([]);
  expect(existsSync(sandbox.folder)).toBe(false);
}

describe('a sandbox', () => {
  const open: TestSandbox[] = [];
  const empty = () => {
    const test = TestSandbox.empty();
    open.push(test);
    return test;
  };
  afterEach(async () => {
    for (const test of open.splice(0)) await test.down();
  }, UP_MS);

  it(
    'recovers from the death of any one of its programs, and leaves nothing behind',
    async () => {
      const { sandbox } = empty();
      await sandbox.up(DEV, quiet());
      const { processes } = sandbox;
      expect(processes.started).toEqual(PROGRAMS);
      const pods = () => sandbox.kubectl.list('pods', 'triton');
      const before = (await pods()).map(({ metadata }) => metadata.name).sort();
      for (const name of PROGRAMS) {
        const others = PROGRAMS.filter((each) => each !== name).map((each) => processes.pid(each));
        const pid = processes.pid(name) as number;
        await kill(sandbox, name);
        await sandbox.up(DEV, quiet());
        expect(processes.pid(name)).not.toBe(pid);
        // The others were left in peace.
        expect(PROGRAMS.filter((each) => each !== name).map((each) => processes.pid(each))).toEqual(others);
      }
      expect((await pods()).map(({ metadata }) => metadata.name).sort()).toEqual(before);

      for (const name of PROGRAMS) process.kill(processes.pid(name) as number, 'SIGKILL');
      await eventually(
        async () => processesWith(sandbox.folder),
        (left) => left.length === 0,
      );
      await sandbox.up(DEV, quiet());
      expect((await pods()).map(({ metadata }) => metadata.name).sort()).toEqual(before);

      await downLeavesNothing(sandbox);
    },
    2 * UP_MS,
  );

  it(
    'recovers from the death of the command itself, wherever that happens',
    async () => {
      const { sandbox } = empty();
      for (const stage of ['kube-apiserver', 'kwok', 'karpenter']) {
        const command = upInProcess(sandbox.folder);
        await eventually(
          async () => sandbox.processes.pid(stage),
          (pid) => pid !== undefined,
          WAIT_MS,
          FILE_MS,
        );
        command.kill('SIGKILL');
        await new Promise((done) => command.once('close', done));
      }
      // A node that was asked for and has not come, when the one dies that knows of it.
      const asking = upInProcess(sandbox.folder);
      const asked: string[] = [];
      const endWatch = watch(sandbox, ['nodeclaims', '--output=name'], (line) => asked.push(line));
      // It is soon there.
      await eventually(
        async () => asked,
        ([claim]) => claim !== undefined,
        WAIT_MS,
        FILE_MS,
      ).finally(endWatch);
      await kill(sandbox, 'karpenter');
      asking.kill('SIGKILL');
      await new Promise((done) => asking.once('close', done));
      await sandbox.up(DEV, quiet());
      expect(await sandbox.kubectl.list('pods', 'triton')).toHaveLength(2);

      const command = upInProcess(sandbox.folder);
      await setTimeout(500);
      command.kill('SIGKILL');
      await new Promise((done) => command.once('close', done));
      await downLeavesNothing(sandbox);
    },
    2 * UP_MS,
  );

  it(
    'runs beside another, and takes only its own volumes away',
    async () => {
      const [one, other] = [empty(), empty()];
      await Promise.all(
        [one, other].map(({ sandbox }, index) =>
          sandbox.up({ ...DEV, name: index === 0 ? 'staging' : 'local' }, quiet()),
        ),
      );
      interface Volume {
        readonly metadata: { readonly name: string };
        readonly spec: { readonly hostPath: { readonly path: string } };
      }
      const folders = async (of: TestSandbox) =>
        (await of.kubectl.list<Volume>('persistentvolumes')).map(({ spec }) => spec.hostPath.path);
      const [mine, theirs] = [await folders(one), await folders(other)];
      expect([mine.length, theirs.length]).toEqual([1, 1]);
      expect([...mine, ...theirs].every((folder) => existsSync(folder))).toBe(true);
      await one.sandbox.down(quiet());
      expect(mine.some((folder) => existsSync(folder))).toBe(false);
      expect(theirs.every((folder) => existsSync(folder))).toBe(true);
      expect(other.sandbox.processes.pid('kube-apiserver')).toBeDefined();
      expect(await other.kubectl.list('pods', 'triton')).toHaveLength(3);
      await other.sandbox.down(quiet());
      expect(theirs.some((folder) => existsSync(folder))).toBe(false);
    },
    2 * UP_MS,
  );
});

/** What `npm run sandbox -- up` does, as a process of its own. */
function upInProcess(folder: string, name = 'dev'): ChildProcess {
  const script = [
    `const { load } = require(${JSON.stringify(join(ROOT, 'bin/load.js'))});`,
    `const { Sandbox } = load('sandbox/sandbox.ts');`,
    `const { Progress } = load('bin/progress.ts');`,
    `new Sandbox(${JSON.stringify(ROOT)}, process.argv[1]).up(${JSON.stringify({ ...DEV, name })}, new Progress(process.stdout));`,
  ].join('\n');
  return spawn(process.execPath, ['-e', script, folder], { cwd: ROOT, stdio: 'ignore' });
}
