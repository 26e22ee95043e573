import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ModelSource } from '../constructs/model-source';
import { syncEnvironment } from '../constructs/model-sync';
import { SYNC_SCRIPT } from '../constructs/model-sync-script';
import { watchEnvironment } from '../constructs/model-watch';
import { WATCH_SCRIPT } from '../constructs/model-watch-script';
import { loadKeyFlags } from '../constructs/triton-options';
import { pythonTool } from './support/python-tools';
import { KEYS, S3Server } from './support/s3-server';
import { TritonServer } from './support/triton-server';

const KEY = 'k';
const sleep = (ms: number) => new Promise((d) => setTimeout(d, ms));
const io = (i: string, o: string, dims = '1') => `input { name: "${i}" data_type: TYPE_FP32 dims: ${dims} } output { name: "${o}" data_type: TYPE_FP32 dims: ${dims} }`;
const py = (name: string, expr: string, dims = '1') => ({
  [`${name}/config.pbtxt`]: `backend: "python" max_batch_size: 0 ${io('IN', 'OUT', dims)} instance_group { kind: KIND_CPU }`,
  [`${name}/1/model.py`]: `
import numpy as np, triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        r = []
        for q in requests:
            x = pb.get_input_tensor_by_name(q, "IN").as_numpy()
            r.append(pb.InferenceResponse([pb.Tensor("OUT", (${expr}).astype(np.float32))]))
        return r
`,
});
const ens = (extra = '', bName = 'b', bOut = 'OUT') => ({
  'e/config.pbtxt': `platform: "ensemble" max_batch_size: 0 ${io('IN', 'OUT')} ensemble_scheduling { step { model_name: "a" model_version: -1 input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "mid" } } step { model_name: "${bName}" model_version: -1 input_map { key: "IN" value: "mid" } output_map { key: "${bOut}" value: "OUT" } } } ${extra}`,
});

for (const shell of ['/bin/sh', 'busybox']) describe(`review ${shell}`, () => {
  const work = mkdtempSync(join(tmpdir(), 'zz-review-'));
  const models = join(work, 'models');
  let store: S3Server, server: TritonServer, watch: ChildProcess | undefined, said = '';
  const bb = join(work, 'bb');
  beforeAll(async () => {
    mkdirSync(bb);
    spawnSync('/tmp/rvw/bb/bin/busybox', ['--install', '-s', bb]);
    store = await S3Server.start();
    writeFileSync(join(work, 'sync.sh'), SYNC_SCRIPT);
    writeFileSync(join(work, 'watch.sh'), WATCH_SCRIPT);
    writeFileSync(join(work, 'key'), KEY);
    mkdirSync(models);
    rclone('mkdir', 'store:models');
  }, 120000);
  afterEach(async () => { watch?.kill('SIGKILL'); said = ''; await server?.stop(); rmSync(models, { recursive: true, force: true }); mkdirSync(models); });
  afterAll(async () => { await store?.stop(); rmSync(work, { recursive: true, force: true }); });
  function environment(): Record<string, string> {
    const source = ModelSource.s3({ uri: 's3://models/release', region: 'us-east-1', endpoint: store.endpoint, credentials: { kind: 'secret', secretName: 'keys' } });
    const sys = shell === 'busybox' ? bb : '/usr/local/bin:/usr/bin:/bin';
    const rc = join(work, 'rc'); mkdirSync(rc, { recursive: true });
    if (!existsSync(join(rc, 'rclone'))) { spawnSync('ln', ['-s', pythonTool('rclone'), join(rc, 'rclone')]); }
    return {
      PATH: shell === 'busybox' ? `${rc}:${bb}` : `${join(import.meta.dirname, 'support', 'bin')}:${dirname(pythonTool('rclone'))}:${sys}`,
      ...syncEnvironment(source),
      ...watchEnvironment({ models: ['e', 'a', 'b'], everySeconds: 1, loadSeconds: 30, syncScript: join(work, 'sync.sh') }),
      MODEL_TARGET: models, WATCH_SERVER: server?.http ?? 'http://127.0.0.1:9', LOAD_KEY_FILE: join(work, 'key'),
      AWS_ACCESS_KEY_ID: KEYS.accessKey, AWS_SECRET_ACCESS_KEY: KEYS.secretKey, HOME: work, RCLONE_CACHE_DIR: join(work, 'cache'), RCLONE_RETRIES_SLEEP: '50ms',
    };
  }
  const sh = () => (shell === 'busybox' ? join(bb, 'sh') : '/bin/sh');
  function checked(command: string, ...args: string[]) {
    const { status, stderr, stdout } = spawnSync(command, args, { env: environment(), encoding: 'utf8', timeout: 60000 });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout + stderr;
  }
  const rclone = (...args: string[]) => checked(pythonTool('rclone'), ...args, '--config', '/notfound');
  function publish(files: Record<string, string>) {
    const folder = mkdtempSync(join(work, 'publish-'));
    for (const [n, c] of Object.entries(files)) { mkdirSync(join(folder, dirname(n)), { recursive: true }); writeFileSync(join(folder, n), c); }
    rclone('sync', folder, 'store:models/release');
  }
  function look() {
    watch = spawn(sh(), [join(work, 'watch.sh')], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [watch.stdout, watch.stderr]) s?.on('data', (d) => (said += d));
  }
  const ask = async (m: string) => { const r = await server.infer(m, [{ name: 'IN', datatype: 'FP32', shape: [1], data: [1] }]) as any; return r.outputs?.OUT?.data[0] ?? `${r.status} ${r.error}`; };
  const ready = async (m: string) => (await fetch(`${server.http}/v2/models/${m}/ready`)).status;
  const start = async () => { server = await TritonServer.start({ repository: join(models, 'repository'), loadModels: ['e'], flags: loadKeyFlags(KEY) }); };
  const wait = async (re: RegExp, ms = 60000) => { const t = Date.now(); while (!re.test(said)) { if (Date.now() - t > ms) throw new Error(`no ${re} in ${said}`); await sleep(50); } };

  it('S1 good member then bad member', { timeout: 180000 }, async () => {
    publish({ ...py('a', 'x*2'), ...py('b', 'x+100'), ...ens() });
    console.log(checked(sh(), join(work, 'sync.sh')));
    await start();
    console.log('S1 before', await ask('a'), await ask('e'));
    await sleep(1100);
    publish({ ...py('a', 'x*3'), ...py('b', 'x+200', '0'), ...ens() });
    look();
    await wait(/left alone/);
    console.log('S1 after: disk a', /x\*\d/.exec(readFileSync(join(models, 'repository/a/1/model.py'), 'utf8'))?.[0], 'serves a', await ask('a'), 'e', await ask('e'), 'ready', await ready('e'), await ready('a'), await ready('b'));
    console.log(said);
  });
  it('S2 bad ensemble config', { timeout: 180000 }, async () => {
    publish({ ...py('a', 'x*2'), ...py('b', 'x+100'), ...ens() });
    checked(sh(), join(work, 'sync.sh'));
    await start();
    console.log('S2 before', await ask('e'), await ready('e'));
    await sleep(1100);
    publish({ ...py('a', 'x*2'), ...py('b', 'x+100'), ...ens('', 'b', 'NOPE') });
    look();
    await wait(/left alone/);
    console.log('S2 after: e', await ask('e'), 'ready', await ready('e'), await ready('a'), await ready('b'));
    console.log(said);
  });
  it('S2b bad member under a changed ensemble', { timeout: 180000 }, async () => {
    publish({ ...py('a', 'x*2'), ...py('b', 'x+100'), ...ens() });
    checked(sh(), join(work, 'sync.sh'));
    await start();
    await sleep(1100);
    publish({ ...py('a', 'x*3'), ...py('b', 'x+200').valueOf() as any, 'b/1/model.py': 'raise Exception("bad")', ...ens('parameters { key: "v" value { string_value: "2" } }') });
    look();
    await wait(/left alone/);
    console.log('S2b after: e', await ask('e'), 'a', await ask('a'), 'b', await ask('b'), 'ready', await ready('e'), await ready('a'), await ready('b'));
    console.log(said);
  });
  it('S3 server not up', { timeout: 180000 }, async () => {
    publish({ ...py('a', 'x*2'), ...py('b', 'x+100'), ...ens() });
    checked(sh(), join(work, 'sync.sh'));
    await sleep(1100);
    publish({ ...py('a', 'x*3'), ...py('b', 'x+100'), ...ens() });
    look();
    await wait(/left alone/);
    await start();
    watch?.kill('SIGKILL'); look();
    const n = said.length;
    await sleep(3500);
    console.log('S3 after start: a', await ask('a'), readdirSync(models), 'init sync says:', checked(sh(), join(work, 'sync.sh')));
    console.log(said);
    void n;
  });
  it('S4 term in a fetch', { timeout: 180000 }, async () => {
    const env = environment();
    const slow = join(work, 'slow'); mkdirSync(slow, { recursive: true });
    writeFileSync(join(slow, 'rclone'), '#!/bin/sh\n[ "$1" = lsf ] && { echo "x;1;1;a/1/f"; exit 0; }\nsleep 6\n'); chmodSync(join(slow, 'rclone'), 0o755);
    watch = spawn(sh(), [join(work, 'watch.sh')], { env: { ...env, PATH: `${slow}:${env.PATH}` }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [watch.stdout, watch.stderr]) s?.on('data', (d) => (said += d));
    await wait(/fetching/);
    await sleep(300);
    const t = Date.now(); const done = new Promise((d) => watch?.once('exit', d)); watch.kill('SIGTERM'); await done;
    console.log('S4 ended after', Date.now() - t, 'ms');
  });
});
