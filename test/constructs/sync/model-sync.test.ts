import { mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ModelSource, type SyncTool } from '../../../constructs/model-source';
import { formatManifest } from '../../../models/release-manifest';
import { FaultProxy } from '../../support/fault-proxy';
import { ModelVolume } from '../../support/model-volume';
import { noise } from '../../support/noise';
import { Published } from '../../support/published';
import { S3Server } from '../../support/s3-server';

const MIB = 1024 ** 2;
const SECRET = { kind: 'secret', secretName: 'keys' } as const;

const resnet = { 'resnet/config.pbtxt': 'backend: "python"', 'resnet/1/model.py': 'weights' };
const chain = {
  'chain/config.pbtxt': `platform: "ensemble" input { name: "IN" data_type: TYPE_FP32 dims: 1 }
    output { name: "OUT" data_type: TYPE_FP32 dims: 1 }
    ensemble_scheduling { step { model_name: "resnet" model_version: -1
      input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "OUT" } } }`,
};

let server: S3Server;
beforeAll(async () => {
  server = await S3Server.start();
});
afterAll(() => server?.stop());

/** Against a real S3 server, through a proxy that breaks what it is told to. */
describe.each<SyncTool>(['rclone', 'aws-cli'])('the sync, with %s', (tool) => {
  let proxy: FaultProxy;
  let uri: string;
  let published: Published;
  let volume: ModelVolume;
  const volumes: ModelVolume[] = [];
  let count = 0;
  /** What is the script's doing, whatever the tool. */
  const thorough = tool === 'rclone' ? it : () => {};

  beforeAll(async () => {
    proxy = await FaultProxy.start(server.endpoint);
  });
  afterAll(() => proxy?.stop());
  beforeEach(() => {
    count += 1;
    uri = `s3://models/${tool}-${count}`;
    published = new Published(uri, server);
    volume = volumeOf();
  });
  afterEach(async () => {
    proxy.fault = undefined;
    proxy.reset();
    for (const each of volumes.splice(0)) each.remove();
  });

  function volumeOf({ release, selection }: { release?: string; selection?: string } = {}): ModelVolume {
    const source = ModelSource.s3({
      uri,
      region: 'us-east-1',
      endpoint: proxy.endpoint,
      credentials: SECRET,
      tool,
      ...(release !== undefined && { release }),
    });
    // Patience that a test has: one try more where the store does not answer.
    const impatient = { RCLONE_LOW_LEVEL_RETRIES: '1', AWS_MAX_ATTEMPTS: '1', MODEL_ATTEMPTS: '2' };
    const made = new ModelVolume(source, { ...server.keys, ...impatient }, selection);
    volumes.push(made);
    return made;
  }
  const objects = () =>
    proxy.requests.filter(({ path }) => /releases\/[^?]*\/(resnet|chain|big)\//.test(decodeURIComponent(path)));

  describe('a release', () => {
    it('is put in place, with its empty folders', async () => {
      await published.put({ ...resnet, ...chain }, { version: '1.0' });
      expect(await volume.sync()).toMatchObject({ code: 0, said: expect.stringContaining('release 1.0 is in place') });
      expect(volume.tree()).toEqual(
        [
          'chain/',
          'chain/1/',
          'chain/config.pbtxt',
          'resnet/',
          'resnet/1/',
          'resnet/1/model.py',
          'resnet/config.pbtxt',
        ].sort(),
      );
      expect(volume.names()).toEqual(['metrics', 'previous', 'releases', 'repository']);
    });

    it('that is in place already costs one request', async () => {
      await published.put({ ...resnet, ...chain });
      await volume.sync();
      proxy.reset();
      expect((await volume.sync()).code).toBe(0);
      expect(proxy.requests).toHaveLength(1);
    });

    thorough('is fetched in its changed files alone, those of equal size among them; what is gone goes', async () => {
      await published.put({ ...resnet, 'resnet/1/notes.txt': 'x', 'old/1/model.py': 'x' });
      await volume.sync();
      const before = statSync(join(volume.root, 'repository/resnet/1/model.py')).ino;
      await published.put({
        ...resnet,
        'resnet/config.pbtxt': 'backend: "pythom"'.replace('m"', 'n"'),
        'resnet/1/notes.txt': 'y',
      });
      proxy.reset();
      expect((await volume.sync()).code).toBe(0);
      expect(volume.served('resnet/1/notes.txt')).toBe('y');
      expect(volume.tree()).not.toContain('old/');
      expect(statSync(join(volume.root, 'repository/resnet/1/model.py')).ino).toBe(before);
      expect(objects().filter(({ method, path }) => method === 'GET' && path.includes('model.py'))).toEqual([]);
    });

    it('is fetched in what the pod serves alone', async () => {
      await published.put({
        ...resnet,
        'resnet/2/model.py': 'two',
        'resnet/labels.txt': 'cat',
        'other/1/model.py': 'x',
      });
      const latest = volumeOf({ selection: 'resnet=latest:1' });
      expect((await latest.sync()).code).toBe(0);
      expect(latest.tree()).toEqual([
        'resnet/',
        'resnet/2/',
        'resnet/2/model.py',
        'resnet/config.pbtxt',
        'resnet/labels.txt',
      ]);
      expect(objects().filter(({ path }) => /other|resnet\/1/.test(path) && !path.includes('list-type'))).toEqual([]);
      const first = volumeOf({ selection: 'resnet=1' });
      expect((await first.sync()).code).toBe(0);
      expect(first.tree()).toContain('resnet/1/model.py');
      expect(first.tree()).not.toContain('resnet/2/');
    });

    thorough('that is named is fetched, whatever else was published after it', async () => {
      await published.put(resnet, { version: '1.0' });
      await published.put({ ...resnet, 'resnet/1/model.py': 'newer' }, { version: '2.0' });
      const pinned = volumeOf({ release: '1.0' });
      expect((await pinned.sync()).code).toBe(0);
      expect(pinned.served('resnet/1/model.py')).toBe('weights');
    });

    it('that was promoted again is served again, newer than what it replaces', async () => {
      await published.put(resnet, { version: '1.0' });
      await volume.sync();
      const old = new Date('2020-01-01');
      utimesSync(join(volume.root, 'repository/resnet/1/model.py'), old, old);
      await published.put({ ...resnet, 'resnet/1/model.py': 'newer' }, { version: '2.0' });
      await volume.sync();
      const newer = statSync(join(volume.root, 'repository/resnet/1/model.py')).mtimeMs;
      await published.promote('1.0');
      expect((await volume.sync()).code).toBe(0);
      expect([volume.release(), volume.served('resnet/1/model.py')]).toEqual(['1.0', 'weights']);
      // Triton loads what is newer than what it has.
      expect(statSync(join(volume.root, 'repository/resnet/1/model.py')).mtimeMs).toBeGreaterThan(newer);
    });

    it('has names with spaces, and hundreds of files', async () => {
      const many = Object.fromEntries(
        Array.from({ length: 250 }, (_, n) => [`resnet/1/part ${n}/data-${n}.bin`, `data ${n}`]),
      );
      await published.put({ ...resnet, ...many });
      expect((await volume.sync()).code).toBe(0);
      expect(volume.served('resnet/1/part 249/data-249.bin')).toBe('data 249');
    });

    thorough('takes the place of a folder that an older version of the sync left', async () => {
      await published.put(resnet);
      mkdirSync(join(volume.root, 'repository', 'old'), { recursive: true });
      expect((await volume.sync()).code).toBe(0);
      expect(volume.tree()).not.toContain('old/');
    });
  });

  describe.runIf(tool === 'rclone')('what an interrupted run left', () => {
    it('is not fetched again where it is right, and goes where it is not', async () => {
      await published.put({ ...resnet, 'resnet/1/data.bin': 'data' });
      const staging = join(volume.root, 'staging');
      mkdirSync(join(staging, 'resnet/1'), { recursive: true });
      mkdirSync(join(staging, 'old/1'), { recursive: true });
      writeFileSync(join(staging, 'resnet/1/model.py'), 'weights');
      writeFileSync(join(staging, 'resnet/1/data.bin'), 'DATA');
      writeFileSync(join(staging, 'resnet/1/data.bin.a1b2c3.partial'), 'da');
      expect((await volume.sync()).code).toBe(0);
      expect(volume.served('resnet/1/data.bin')).toBe('data');
      expect(volume.tree()).toEqual([
        'resnet/',
        'resnet/1/',
        'resnet/1/data.bin',
        'resnet/1/model.py',
        'resnet/config.pbtxt',
      ]);
      expect(objects().filter(({ method, path }) => method === 'GET' && path.includes('model.py'))).toEqual([]);
    });

    it('between two steps of the switch is mended by the next run', async () => {
      await published.put(resnet, { version: '1.0' });
      await volume.sync();
      await published.put({ ...resnet, 'resnet/1/model.py': 'newer' }, { version: '2.0' });
      const [link] = volume.names('releases');
      symlinkSync('releases/nowhere', join(volume.root, 'repository.new'));
      mkdirSync(join(volume.root, 'releases', '0.9.0123456789ab.00000000'));
      expect((await volume.sync()).code).toBe(0);
      expect(volume.release()).toBe('2.0');
      expect(volume.names('releases')).toHaveLength(2);
      expect(volume.names('releases')).not.toContain(link);
      expect(volume.names()).toEqual(['metrics', 'previous', 'releases', 'repository']);
    });

    it('of a release that lost a file is fetched again', async () => {
      await published.put({ ...resnet, 'resnet/1/data.bin': 'data' });
      await volume.sync();
      rmSync(join(volume.root, 'repository/resnet/1/data.bin'));
      proxy.reset();
      expect((await volume.sync()).code).toBe(0);
      expect(volume.served('resnet/1/data.bin')).toBe('data');
      expect(objects().filter(({ method, path }) => method === 'GET' && path.includes('model.py'))).toEqual([]);
    });
  });

  describe('a failure', () => {
    /** A volume that serves 1.0, and 2.0 published after it. */
    async function served(big: Buffer = noise(MIB)): Promise<void> {
      await published.put(resnet, { version: '1.0' });
      expect((await volume.sync()).code).toBe(0);
      await published.put({ ...resnet, 'big/1/model.bin': big }, { version: '2.0' });
    }
    const untouched = () => expect([volume.release(), volume.served('resnet/1/model.py')]).toEqual(['1.0', 'weights']);
    const aboutBig = (request: { path: string }) =>
      request.path.includes('model.bin') && !request.path.includes('list-type');
    const isManifest = ({ path }: { path: string }) => /\/current(\?|$)/.test(path);

    it('where nothing is published, or there is no bucket', async () => {
      expect(await volume.sync()).toMatchObject({
        code: 10,
        said: expect.stringContaining(`nothing is published at ${uri}`),
      });
      const pinned = volumeOf({ release: '3.0' });
      expect(await pinned.sync()).toMatchObject({ code: 10, said: expect.stringContaining('as release 3.0') });
      expect(volume.metrics()).toMatchObject({ 'model_sync_result{result="not-found"}': 1 });
    });

    thorough('where the manifest is torn', async () => {
      await served();
      proxy.fault = (request) => (isManifest(request) ? { kind: 'short', drop: 40 } : undefined);
      expect(await volume.sync()).toMatchObject({ code: 12, said: expect.stringContaining('no whole manifest') });
      untouched();
    });

    thorough('where a model that the server needs is not in the release', async () => {
      await published.put(resnet, { version: '1.0' });
      const needs = volumeOf({ selection: 'resnet=all bert=latest:1' });
      expect(await needs.sync()).toMatchObject({
        code: 12,
        said: expect.stringMatching(/no version of the model bert. It has: resnet/),
      });
      const version = volumeOf({ selection: 'resnet=1,7' });
      expect(await version.sync()).toMatchObject({
        code: 12,
        said: expect.stringContaining('no version 7 of resnet. It has: 1'),
      });
    });

    it('without permission', async () => {
      await served();
      expect(await volume.sync({ AWS_SECRET_ACCESS_KEY: 'wrong' })).toMatchObject({
        code: 13,
        said: expect.stringContaining('no permission'),
      });
      untouched();
    });

    it('where the store is down, after a while', async () => {
      await served();
      await proxy.refuse();
      try {
        expect(await volume.sync()).toMatchObject({
          code: 11,
          said: expect.stringMatching(/again in 0 s.*does not answer/s),
        });
      } finally {
        await proxy.accept();
      }
      untouched();
      expect(volume.metrics()).toMatchObject({ 'model_sync_result{result="unavailable"}': 1 });
    });

    thorough('where the store answers 503 for ever, and none where it does for a while', async () => {
      await served();
      const busy = { kind: 'status', status: 503, code: 'SlowDown' } as const;
      proxy.fault = (request) => (aboutBig(request) ? busy : undefined);
      expect(await volume.sync()).toMatchObject({ code: 11 });
      untouched();
      proxy.reset();
      proxy.fault = (request) => (request.count < 2 ? busy : undefined);
      expect(await volume.sync({ MODEL_ATTEMPTS: '6' })).toMatchObject({ code: 0 });
      expect(volume.release()).toBe('2.0');
    });

    it('where an object has other bytes than the manifest says, with both digests', async () => {
      await served();
      proxy.fault = (request) => (aboutBig(request) ? { kind: 'corrupt', at: 1000 } : undefined);
      expect(await volume.sync()).toMatchObject({
        code: 12,
        said: expect.stringMatching(
          /big\/1\/model\.bin is [0-9a-f]{64} 1048576, the manifest says [0-9a-f]{64} 1048576/,
        ),
      });
      untouched();
    });

    thorough('none where bytes were broken on the way, once', async () => {
      await served();
      proxy.fault = (request) =>
        aboutBig(request) && request.method === 'GET' && request.count === 0 ? { kind: 'corrupt', at: 5 } : undefined;
      expect(await volume.sync()).toMatchObject({ code: 0 });
      expect(volume.release()).toBe('2.0');
    });

    thorough('where an object is truncated', async () => {
      await served();
      proxy.fault = (request) => (aboutBig(request) ? { kind: 'short', drop: 100 } : undefined);
      expect((await volume.sync()).code).toBeOneOf([11, 12]);
      untouched();
    });

    thorough('none where connections are cut and lengths are wrong now and then', async () => {
      await served();
      proxy.fault = (request) => {
        if (!aboutBig(request) || request.count > 1) return undefined;
        return request.count === 0 ? { kind: 'cut', afterBytes: 300_000 } : { kind: 'length', add: 10 };
      };
      expect(
        await volume.sync({ RCLONE_LOW_LEVEL_RETRIES: '5', AWS_MAX_ATTEMPTS: '5', MODEL_ATTEMPTS: '6' }),
      ).toMatchObject({ code: 0 });
      expect(volume.release()).toBe('2.0');
    });

    thorough('where an object is not there, by name', async () => {
      await served();
      await published.store.remove('2.0', ['big/1/model.bin']);
      expect(await volume.sync()).toMatchObject({ code: 12, said: expect.stringContaining('lacks big/1/model.bin') });
      untouched();
    });

    thorough('where it was published over while it was fetched', async () => {
      await served();
      proxy.reset();
      proxy.fault = (request) => {
        if (isManifest(request) && request.count > 0) return { kind: 'short', drop: 20 };
        return aboutBig(request) ? { kind: 'corrupt', at: 1 } : undefined;
      };
      expect(await volume.sync()).toMatchObject({ code: 15, said: expect.stringContaining('published over') });
      untouched();
    });

    thorough('where the volume has no room, before anything is fetched', async () => {
      await served(noise(4 * MIB));
      proxy.reset();
      expect(await volume.sync({ MODEL_LIMIT_KIB: '2048' })).toMatchObject({
        code: 14,
        said: expect.stringMatching(/needs 4 MiB more, and the volume has 1 MiB left/),
      });
      expect(objects()).toEqual([]);
      untouched();
      expect(volume.names()).not.toContain('staging');
    });

    thorough('lets a pod start with what its volume holds, where none is named or it is the one', async () => {
      await served();
      const fallback = { MODEL_FALLBACK: '1', AWS_SECRET_ACCESS_KEY: 'wrong' };
      expect(await volume.sync(fallback)).toMatchObject({
        code: 0,
        said: expect.stringContaining('WARNING: starting with release 1.0'),
      });
      expect(volume.metrics()).toMatchObject({ 'model_sync_result{result="fallback"}': 1 });
      expect((await volume.sync({ ...fallback, MODEL_RELEASE: '1.0' })).code).toBe(0);
      expect((await volume.sync({ ...fallback, MODEL_RELEASE: '2.0' })).code).toBe(13);
      // Another selection is another release.
      expect((await volume.sync({ ...fallback, MODEL_SELECTION: 'resnet=all' })).code).toBe(13);
      rmSync(join(volume.root, 'repository/resnet/1/model.py'));
      expect((await volume.sync(fallback)).code).toBe(13);
    });
  });

  thorough('fetches large files in pieces, and finds a byte that is wrong in one', async () => {
    const files = { ...resnet, 'big/1/model.bin': noise(70 * MIB) };
    await published.put(files, { version: '1.0' });
    proxy.fault = ({ path }) => (path.includes('model.bin') ? { kind: 'corrupt', at: 1000 } : undefined);
    expect(await volume.sync()).toMatchObject({ code: 12, said: expect.stringContaining('the manifest says') });
    proxy.fault = undefined;
    proxy.reset();
    expect(await volume.sync()).toMatchObject({ code: 0 });
    const pieces = proxy.requests.filter(({ method, path }) => method === 'GET' && path.includes('model.bin'));
    expect(pieces.length).toBeGreaterThan(1);
    const release = await published.store.release('1.0');
    expect(volume.differences(release === undefined ? '' : formatManifest(release))).toEqual([]);
  });

  thorough('ends where nothing can be written here, and leaves what is served', async () => {
    await published.put(resnet, { version: '1.0' });
    await volume.sync();
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`resnet/1/part-${n}.bin`, `data ${n}`]));
    await published.put({ ...resnet, ...many }, { version: '2.0' });
    // No file may be larger than 8 KiB: the lists are, what is fetched is not. The manifest itself passes through a pipe.
    volume.before = 'ulimit -f 16';
    const { code } = await volume.sync();
    expect(code).not.toBe(0);
    expect([volume.release(), volume.served('resnet/1/model.py')]).toEqual(['1.0', 'weights']);
    volume.before = ':';
    expect((await volume.sync()).code).toBe(0);
    expect([volume.release(), volume.served('resnet/1/part-249.bin')]).toEqual(['2.0', 'data 249']);
  });

  thorough('takes names of models for what they are', async () => {
    await published.put({ 'stolen-credentials/1/NoSuchKey.bin': 'x' });
    proxy.fault = ({ path }) =>
      path.includes('NoSuchKey.bin') ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
    expect((await volume.sync()).code).toBe(11);
  });

  thorough('gives up a store that trickles', async () => {
    await published.put({ ...resnet, 'big/1/model.bin': noise(3 * MIB) });
    proxy.fault = ({ path }) => (path.includes('model.bin') ? { kind: 'slow', bytesPerSecond: 20_000 } : undefined);
    const impatient = { MODEL_PROGRESS_SECONDS: '1', MODEL_SLOW_SECONDS: '1', MODEL_ATTEMPTS: '1' };
    expect(await volume.sync(impatient)).toMatchObject({
      code: 11,
      said: expect.stringMatching(/less than 64 KiB\/s for \d+ s/),
    });
  });

  describe.runIf(tool === 'rclone')('with a watch', () => {
    const watched = { MODEL_WATCHED: '1' };
    const looking = { ...watched, MODEL_WATCH: '1' };
    /** 1.0 is served, and 2.0 has been fetched to be loaded. */
    async function pending(): Promise<void> {
      await published.put(resnet, { version: '1.0' });
      expect((await volume.sync(watched)).code).toBe(0);
      await published.put({ ...resnet, 'resnet/1/model.py': 'newer' }, { version: '2.0' });
      expect((await volume.sync(looking)).code).toBe(0);
      expect([volume.release(), volume.names().includes('pending')]).toEqual(['2.0', true]);
    }

    it('starts with the last release where the new one was not loaded yet, and goes on with it then', async () => {
      await pending();
      expect(await volume.sync(watched)).toMatchObject({
        code: 0,
        said: expect.stringContaining('starting with release 1.0'),
      });
      expect([volume.release(), volume.names().includes('pending')]).toEqual(['1.0', false]);
      proxy.reset();
      expect((await volume.sync(looking)).code).toBe(0);
      expect([volume.release(), volume.names().includes('pending')]).toEqual(['2.0', true]);
      expect(objects()).toEqual([]);
    });

    it('does not go on with a release of which a part is gone', async () => {
      await pending();
      rmSync(join(volume.root, 'repository/resnet/1/model.py'));
      expect((await volume.sync(looking)).code).toBe(0);
      expect(volume.served('resnet/1/model.py')).toBe('newer');
    });

    it('leaves a release alone that did not load, unless it is the one that is named', async () => {
      await pending();
      const [id = ''] = volume.read('pending').split(' ');
      expect((await volume.sync(watched)).code).toBe(0);
      writeFileSync(join(volume.root, 'rejected'), `${id}\n`);
      expect(await volume.sync(looking)).toMatchObject({ code: 0, said: expect.stringContaining('left alone') });
      expect(volume.release()).toBe('1.0');
      expect((await volume.sync({ MODEL_RELEASE: '2.0' })).code).toBe(0);
      expect(volume.release()).toBe('2.0');
    });
  });

  it('ends at once when the pod does, and takes its tools with it', async () => {
    await published.put({ ...resnet, 'big/1/model.bin': noise(MIB) });
    proxy.fault = ({ path }) => (path.includes('model.bin') ? { kind: 'slow', bytesPerSecond: 1000 } : undefined);
    const { process, result } = volume.start();
    await expect.poll(() => objects().some(({ path }) => path.includes('model.bin'))).toBe(true);
    process.kill('SIGTERM');
    expect((await result).code).toBe(143);
    expect(volume.names()).not.toContain('repository');
  });

  thorough('says how far it is, and tells the metrics', async () => {
    await published.put({ ...resnet, 'big/1/model.bin': noise(3 * MIB) }, { version: '1.0' });
    const heard = new AbortController();
    const slow = { kind: 'slow', bytesPerSecond: MIB / 10, until: heard.signal } as const;
    proxy.fault = ({ path }) => (path.includes('model.bin') ? slow : undefined);
    const { said, result } = volume.start({ MODEL_PROGRESS_SECONDS: '1' });
    await expect.poll(said).toMatch(/fetching release 1\.0 of s3:.*: 3 MiB in 3 files/);
    await expect.poll(said).toMatch(/ of 3 MiB, \d+ (K|M)iB\/s, \d+ s left/);
    heard.abort();
    expect((await result).code).toBe(0);
    const metrics = volume.metrics();
    expect(metrics).toMatchObject({
      'model_sync_result{result="fetched"}': 1,
      'model_sync_result{result="unchanged"}': 0,
      'model_sync_release_info{release="1.0"}': 1,
      model_sync_fetch_bytes: 3 * MIB + 'weights'.length + 'backend: "python"'.length,
    });
    expect(metrics.model_sync_fetch_seconds).toBeGreaterThan(1);
    proxy.fault = undefined;
    await volume.sync();
    expect(volume.metrics()).toMatchObject({
      'model_sync_result{result="unchanged"}': 1,
      model_sync_fetch_seconds: metrics.model_sync_fetch_seconds,
    });
  });
});
