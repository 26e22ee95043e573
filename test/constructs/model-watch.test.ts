import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ModelSource } from '../../constructs/model-source';
import { syncEnvironment } from '../../constructs/model-sync';
import { SYNC_SCRIPT } from '../../constructs/model-sync-script';
import { watchEnvironment } from '../../constructs/model-watch';
import { WATCH_SCRIPT } from '../../constructs/model-watch-script';
import { loadKeyFlags } from '../../constructs/triton-options';
import { pythonTool } from '../support/python-tools';
import { KEYS, S3Server } from '../support/s3-server';
import { TritonServer } from '../support/triton-server';

const KEY = 'a-key-of-this-test';
const WAIT = { timeout: 60_000, interval: 100 };
const TEST_MS = 180_000;

/** A model that answers with a number, so that it is seen which release serves. */
const model = (answer: number, dims = '1') => ({
  'number/config.pbtxt': `backend: "python" max_batch_size: 0
    input { name: "IN" data_type: TYPE_FP32 dims: ${dims} } output { name: "OUT" data_type: TYPE_FP32 dims: ${dims} }
    instance_group { kind: KIND_CPU }`,
  'number/1/model.py': `
import numpy as np, triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        out = pb.Tensor("OUT", np.array([${answer}], dtype=np.float32))
        return [pb.InferenceResponse([out]) for _ in requests]
`,
});
const OTHER = { 'other/config.pbtxt': 'backend: "python"', 'other/1/model.py': 'x' };

/** The sync and the watch as the pod runs them, beside a real tritonserver, with rclone against an S3 server. */
describe('the sidecar that looks for new releases', () => {
  const work = mkdtempSync(join(tmpdir(), 'triton-stack-watch-'));
  const models = join(work, 'models');
  let store: S3Server;
  let server: TritonServer;
  let watch: ChildProcess | undefined;
  let said = '';

  beforeAll(async () => {
    store = await S3Server.start();
    writeFileSync(join(work, 'sync.sh'), SYNC_SCRIPT);
    writeFileSync(join(work, 'watch.sh'), WATCH_SCRIPT);
    writeFileSync(join(work, 'key'), KEY);
    mkdirSync(models);
    rclone('mkdir', 'store:models');
    publish({ ...model(1), ...OTHER });
    run('sync.sh');
    server = await TritonServer.start({
      repository: join(models, 'repository'),
      loadModels: ['number'],
      flags: loadKeyFlags(KEY),
    });
  }, TEST_MS);
  afterEach(() => {
    watch?.kill('SIGKILL');
    said = '';
  });
  afterAll(async () => {
    await server?.stop();
    await store?.stop();
    rmSync(work, { recursive: true, force: true });
  });

  function environment(): Record<string, string> {
    const source = ModelSource.s3({
      uri: 's3://models/release',
      region: 'us-east-1',
      endpoint: store.endpoint,
      credentials: { kind: 'secret', secretName: 'keys' },
    });
    return {
      PATH: `${join(import.meta.dirname, '..', 'support', 'bin')}:${dirname(pythonTool('rclone'))}:/usr/local/bin:/usr/bin:/bin`,
      ...syncEnvironment(source),
      ...watchEnvironment({
        models: ['number'],
        everySeconds: 1,
        loadSeconds: 30,
        syncScript: join(work, 'sync.sh'),
      }),
      MODEL_TARGET: models,
      WATCH_SERVER: server?.http ?? '',
      LOAD_KEY_FILE: join(work, 'key'),
      AWS_ACCESS_KEY_ID: KEYS.accessKey,
      AWS_SECRET_ACCESS_KEY: KEYS.secretKey,
      HOME: work,
      RCLONE_CACHE_DIR: join(work, 'cache'),
      RCLONE_RETRIES_SLEEP: '50ms',
    };
  }

  function checked(args: readonly string[], changes: Record<string, string> = {}): void {
    const [command = '', ...rest] = args;
    const env = { ...environment(), ...changes };
    const { status, stderr } = spawnSync(command, rest, { env, encoding: 'utf8', timeout: 60_000 });
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  }
  const rclone = (...args: string[]) => checked([pythonTool('rclone'), ...args, '--config', '/notfound']);
  const run = (script: string, changes: Record<string, string> = {}) =>
    checked(['/bin/sh', join(work, script)], changes);

  function publish(files: Record<string, string>): void {
    const folder = mkdtempSync(join(work, 'publish-'));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    rclone('sync', folder, 'store:models/release');
  }

  function look(changes: Record<string, string> = {}): void {
    const env = { ...environment(), ...changes };
    watch = spawn('/bin/sh', [join(work, 'watch.sh')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [watch.stdout, watch.stderr]) stream?.on('data', (data) => (said += data));
  }

  const answer = async () =>
    (await server.infer('number', [{ name: 'IN', datatype: 'FP32', shape: [1], data: [0] }])).outputs.OUT?.data[0];
  const loads = (name: string) => server.log().split(`successfully loaded '${name}'`).length - 1;

  it('has a new release loaded, and nothing that did not change or is not served', { timeout: TEST_MS }, async () => {
    expect(await answer()).toBe(1);
    publish({ ...model(2), ...OTHER, 'other/1/model.py': 'y' });
    look();
    await expect.poll(answer, WAIT).toBe(2);
    await expect.poll(() => said, WAIT).toMatch(/is as it was/);
    expect(loads('number')).toBe(2);
    expect(loads('other')).toBe(0);
    expect(said).toMatch(/fetched when the next look finds it the same/);
    expect(readdirSync(models).sort()).toEqual(['release', 'repository', 'seen']);
  });

  it('goes back to what served where the server refuses a release, and takes the next', {
    timeout: TEST_MS,
  }, async () => {
    publish({ ...model(3, '0') });
    look();
    await expect.poll(() => said, WAIT).toMatch(/does not load the new number.*Going back/s);
    await expect.poll(() => said, WAIT).toMatch(/is the release that did not load: left alone/);
    expect(await answer()).toBe(2);
    expect(readFileSync(join(models, 'repository/number/1/model.py'), 'utf8')).toContain('[2]');
    const ready = await fetch(`${server.http}/v2/models/number/ready`);
    expect(ready.status).toBe(200);
    publish(model(4));
    await expect.poll(answer, WAIT).toBe(4);
    await expect.poll(() => readdirSync(models).sort(), WAIT).toEqual(['release', 'repository', 'seen']);
  });

  it('goes back with all that it had loaded of a release', { timeout: TEST_MS }, async () => {
    // The first of the two loads, the second does not: the first has to be what it was.
    const served = { WATCH_MODELS: 'number broken' };
    publish({ ...model(5), 'broken/config.pbtxt': 'backend: "python"', 'broken/1/model.py': 'raise Exception("no")' });
    look(served);
    await expect.poll(() => said, WAIT).toMatch(/number: loaded.*does not load the new broken.*Going back/s);
    await expect.poll(() => said, WAIT).toMatch(/left alone/);
    expect(await answer()).toBe(4);
  });

  it('goes on with a release that it was killed in the middle of', { timeout: TEST_MS }, async () => {
    publish(model(6));
    // What a watch does before it has anything loaded: two looks.
    for (const _look of [1, 2]) run('sync.sh', { MODEL_KEEP_PREVIOUS: '1' });
    expect(readdirSync(models)).toContain('changed');
    look();
    await expect.poll(answer, WAIT).toBe(6);
    await expect.poll(() => readdirSync(models).sort(), WAIT).toEqual(['release', 'repository', 'seen']);
  });

  it('takes a server that does not answer for none that refuses', { timeout: TEST_MS }, async () => {
    publish(model(7));
    look({ WATCH_SERVER: 'http://127.0.0.1:9' });
    await expect.poll(() => said, WAIT).toMatch(/does not answer.*does not answer/s);
    watch?.kill('SIGKILL');
    expect(readdirSync(models).sort()).toEqual(['release', 'repository', 'seen']);
    look();
    await expect.poll(answer, WAIT).toBe(7);
  });

  it('ends at once when the pod does', { timeout: TEST_MS }, async () => {
    // Long enough that an end at once is not an end of the pause.
    look({ WATCH_SECONDS: '3600' });
    const pid = watch?.pid;
    await expect.poll(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), WAIT).not.toBe('');
    const ended = new Promise((done) => watch?.once('exit', done));
    watch?.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});
