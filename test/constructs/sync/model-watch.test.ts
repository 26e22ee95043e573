import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tolerate } from '../../../bin/tolerate';
import { ModelSource } from '../../../constructs/model-source';
import { watchEnvironment } from '../../../constructs/sync/model-watch';
import { loadKeyFlags } from '../../../constructs/triton-options';
import { ModelVolume } from '../../support/model-volume';
import { Published } from '../../support/published';
import { S3Server } from '../../support/s3-server';
import { TritonServer } from '../../support/triton-server';

const KEY = 'a-key-of-this-test';
const WAIT = { timeout: 120_000, interval: 100 };
const TEST_MS = 600_000;

/** A model that answers with a number, so that it is seen which release serves. */
const model = (answer: number) => ({
  'number/config.pbtxt': `backend: "python" max_batch_size: 0
    input { name: "IN" data_type: TYPE_FP32 dims: 1 } output { name: "OUT" data_type: TYPE_FP32 dims: 1 }
    instance_group { kind: KIND_CPU }`,
  'number/1/model.py': `
import numpy as np, triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        out = pb.Tensor("OUT", np.array([${answer}], dtype=np.float32))
        return [pb.InferenceResponse([out]) for _ in requests]
`,
});
const CLEAN = ['metrics', 'previous', 'releases', 'repository'];
const OTHER = { 'other/config.pbtxt': 'backend: "python"', 'other/1/model.py': 'x' };

let store: S3Server;
beforeAll(async () => {
  store = await S3Server.start();
});
afterAll(() => store?.stop());

/** The sync and the watch as the pod runs them, beside a real tritonserver, with rclone against an S3 server. */
describe('the sidecar that looks for new releases', () => {
  let published: Published;
  let volume: ModelVolume;
  let server: TritonServer;
  let watch: ChildProcess | undefined;
  /** The watch, and all that it had started. */
  let ended: Promise<unknown>;
  let said = '';

  beforeAll(async () => {
    const uri = 's3://models/release';
    published = new Published(uri, store);
    const credentials = { kind: 'secret', secretName: 'keys' } as const;
    const source = ModelSource.s3({ uri, region: 'us-east-1', endpoint: store.endpoint, credentials });
    volume = new ModelVolume(source, store.keys);
    writeFileSync(join(volume.work, 'key'), KEY);
    await published.publish({ ...model(1), ...OTHER });
    expect((await volume.sync()).code).toBe(0);
    server = await TritonServer.start({
      repository: join(volume.root, 'repository'),
      loadModels: ['number'],
      flags: loadKeyFlags(KEY),
    });
  });
  afterEach(async () => {
    await end();
    said = '';
  });
  afterAll(async () => {
    await server?.stop();
    volume?.remove();
  });

  function look(changes: Record<string, string> = {}): void {
    const sidecar = watchEnvironment({
      models: ['number'],
      everySeconds: 1,
      loadSeconds: 300,
      syncScript: volume.script,
    });
    const here = { WATCH_SERVER: server.http, LOAD_KEY_FILE: join(volume.work, 'key') };
    const env = volume.environment({ ...sidecar, ...here, ...changes });
    watch = spawn('/bin/sh', [volume.watchScript], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [watch.stdout, watch.stderr]) stream?.on('data', (data) => (said += data));
    ended = new Promise((done) => watch?.once('close', done));
  }

  /** Ends the watch with the sync that it may be in: the next one has the volume for itself. */
  async function end(): Promise<void> {
    if (watch?.pid === undefined) return;
    const group = -watch.pid;
    tolerate(['ESRCH'], () => process.kill(group, 'SIGKILL'));
    await ended;
    watch = undefined;
  }

  const answer = async () =>
    (await server.infer('number', [{ name: 'IN', datatype: 'FP32', shape: [1], data: [0] }])).outputs.OUT?.data[0];
  const loads = (name: string) => server.log().split(`successfully loaded '${name}'`).length - 1;

  it('has a new release loaded, and nothing that did not change or is not served', { timeout: TEST_MS }, async () => {
    expect(await answer()).toBe(1);
    await published.publish({ ...model(2), ...OTHER, 'other/1/model.py': 'y' });
    look();
    await expect.poll(answer, WAIT).toBe(2);
    await expect.poll(() => said, WAIT).toMatch(/is in place\n.*is in place/s);
    expect(loads('number')).toBe(2);
    expect(loads('other')).toBe(0);
    expect(volume.names()).toEqual(CLEAN);
    expect(volume.names('releases')).toHaveLength(2);
  });

  it('goes back to what served where the server refuses a release, and takes the next', {
    timeout: TEST_MS,
  }, async () => {
    await published.publish({ ...model(3), 'number/1/model.py': 'raise Exception("no")' });
    look();
    await expect.poll(() => said, WAIT).toMatch(/does not load the new number.*Going back/s);
    await expect.poll(() => said, WAIT).toMatch(/is the one that did not load: left alone/);
    expect(await answer()).toBe(2);
    expect(volume.served('number/1/model.py')).toContain('[2]');
    const ready = await fetch(`${server.http}/v2/models/number/ready`);
    expect(ready.status).toBe(200);
    await published.publish(model(4));
    await expect.poll(answer, WAIT).toBe(4);
    await expect.poll(() => volume.names(), WAIT).toEqual(CLEAN);
  });

  it('goes back with all that it had loaded of a release', { timeout: TEST_MS }, async () => {
    // The first of the two loads, the second does not: the first has to be what it was.
    const served = { WATCH_MODELS: 'number broken' };
    await published.publish({
      ...model(5),
      'broken/config.pbtxt': 'backend: "python"',
      'broken/1/model.py': 'raise Exception("no")',
    });
    look(served);
    await expect.poll(() => said, WAIT).toMatch(/number: loaded.*does not load the new broken.*Going back/s);
    await expect.poll(() => said, WAIT).toMatch(/left alone/);
    expect(await answer()).toBe(4);
  });

  it('goes on with a release that it was killed in the middle of', { timeout: TEST_MS }, async () => {
    await published.publish(model(6));
    // What a watch does before it has anything loaded.
    expect((await volume.sync({ MODEL_WATCH: '1' })).code).toBe(0);
    expect(volume.names()).toContain('pending');
    look();
    await expect.poll(answer, WAIT).toBe(6);
    await expect.poll(() => volume.names(), WAIT).toEqual(CLEAN);
  });

  it('takes a server that does not answer for none that refuses', { timeout: TEST_MS }, async () => {
    await published.publish(model(7));
    look({ WATCH_SERVER: 'http://127.0.0.1:9' });
    await expect.poll(() => said, WAIT).toMatch(/does not answer.*does not answer/s);
    await end();
    expect(volume.names()).toEqual(CLEAN);
    look();
    await expect.poll(answer, WAIT).toBe(7);
  });

  it('ends at once when the pod does', { timeout: TEST_MS }, async () => {
    // Long enough that an end at once is not an end of the pause.
    look({ WATCH_SECONDS: '3600' });
    const pid = watch?.pid;
    await expect.poll(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), WAIT).not.toBe('');
    const exited = new Promise((done) => watch?.once('exit', done));
    watch?.kill('SIGTERM');
    expect(await exited).toBe(0);
  });
});

describe('a server that polls a volume that others fill', () => {
  const uri = 's3://models/polled';
  let volume: ModelVolume;
  let server: TritonServer | undefined;
  afterAll(async () => {
    await server?.stop();
    volume?.remove();
  });

  it('takes what the link leads to, the old release too where it is promoted again', { timeout: TEST_MS }, async () => {
    const published = new Published(uri, store);
    const credentials = { kind: 'secret', secretName: 'keys' } as const;
    const source = ModelSource.s3({ uri, region: 'us-east-1', endpoint: store.endpoint, credentials });
    volume = new ModelVolume(source, store.keys);
    const fill = async () => expect((await volume.sync({ MODEL_KEEP: '1' })).code).toBe(0);
    await published.publish(model(1), { version: 'one' });
    await fill();
    const polling = await TritonServer.start({ repository: join(volume.root, 'repository'), modelControl: 'poll' });
    server = polling;
    const answer = async () =>
      (await polling.infer('number', [{ name: 'IN', datatype: 'FP32', shape: [1], data: [0] }])).outputs.OUT?.data[0];
    expect(await answer()).toBe(1);
    await published.publish(model(2), { version: 'two' });
    await fill();
    await expect.poll(answer, WAIT).toBe(2);
    await published.promote('one');
    await fill();
    await expect.poll(answer, WAIT).toBe(1);
  });
});
