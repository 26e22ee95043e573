import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../../bin/model-cli';
import { readRepositoryFolder } from '../../../bin/release/repository-folder';
import { ModelSource } from '../../../constructs/model-source';
import { InputError } from '../../../models/problem';
import { Captured } from '../../support/captured';
import { FaultProxy } from '../../support/fault-proxy';
import { ModelVolume } from '../../support/model-volume';
import { noise } from '../../support/noise';
import { Published, writeTree } from '../../support/published';
import { pythonTool } from '../../support/python-tools';
import { S3Server } from '../../support/s3-server';

const SECRET = { kind: 'secret', secretName: 'keys' } as const;
const resnet = { 'resnet/config.pbtxt': 'backend: "python"', 'resnet/1/model.py': 'weights' };

describe('the folder that is published', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function problemsOf(files: Record<string, string>): InputError {
    writeTree(folder, files);
    try {
      readRepositoryFolder(folder);
    } catch (error) {
      return error as InputError;
    }
    throw new Error('it was taken');
  }

  it('is read with its empty folders, through links, and without what lies beside the models', () => {
    writeTree(folder, { ...resnet, 'resnet/2/': '', 'README.md': 'hello', '.git/HEAD': 'x' });
    mkdirSync(join(folder, '.weights'));
    writeFileSync(join(folder, '.weights', 'large.bin'), 'x');
    symlinkSync('../../.weights/large.bin', join(folder, 'resnet/1/large.bin'));
    expect(readRepositoryFolder(folder)).toEqual({
      root: folder,
      files: ['resnet/1/large.bin', 'resnet/1/model.py', 'resnet/config.pbtxt'],
      folders: ['resnet/2'],
      models: ['resnet'],
      leftOut: ['.git', '.weights', 'README.md'],
    });
  });

  it("has an ensemble's version, which git does not keep", () => {
    const step =
      'step { model_name: "resnet" model_version: -1 input_map { key: "I" value: "I" } output_map { key: "O" value: "O" } }';
    const io = 'input { name: "I" data_type: TYPE_FP32 dims: 1 } output { name: "O" data_type: TYPE_FP32 dims: 1 }';
    writeTree(folder, {
      ...resnet,
      'chain/config.pbtxt': `platform: "ensemble" ${io} ensemble_scheduling { ${step} }`,
    });
    expect(readRepositoryFolder(folder).folders).toEqual(['chain/1']);
  });

  it('is refused for all that Triton or a pod would stumble over, at once', () => {
    symlinkSync('nowhere', join(folder, 'link'));
    const { problems, message } = problemsOf({
      'resnet/config.pbtxt': 'backend: "python" max_batch_sise: 4',
      'resnet/1/model.py': 'x',
      'bert/config.pbtxt': 'name: "burt" backend: "python"',
      'bert/1/a*b.bin': 'x',
      'empty/notes.txt': 'x',
    });
    expect(problems.map(({ key }) => key)).toEqual([
      'bert/config.pbtxt: name',
      'empty',
      expect.stringMatching(/^resnet\/config.pbtxt: line 1/),
      'bert/1/a*b.bin',
    ]);
    expect(message).toContain('allowed  a folder with a number for its name: empty/1');
  });

  it('is refused where it holds no model, or is none', () => {
    expect(problemsOf({ 'notes.txt': 'x' }).message).toContain('holds no folder of a model');
    expect(() => readRepositoryFolder(join(folder, 'nowhere'))).toThrow(/there is no such folder/);
  });
});

describe('publishing to S3', () => {
  let server: S3Server;
  let proxy: FaultProxy;
  let published: Published;
  let uri: string;
  let count = 0;
  beforeAll(async () => {
    server = await S3Server.start();
    proxy = await FaultProxy.start(server.endpoint);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });
  beforeEach(() => {
    count += 1;
    uri = `s3://models/publish-${count}`;
    published = new Published(uri, { endpoint: proxy.endpoint, keys: server.keys });
    proxy.fault = undefined;
    proxy.reset();
  });
  const writes = () =>
    proxy.requests
      .filter(({ method }) => method === 'PUT')
      .map(({ path }) => path.replace(/\?.*/, '').replace(/^.*publish-\d+\//, ''));

  it('writes files first, the manifest after them, and what is served last', async () => {
    await published.publish(resnet, { version: '1.0' });
    expect(writes().slice(-2)).toEqual(['releases/1.0/manifest', 'current']);
    expect(writes()[0]).toBe('releases/1.0/unfinished');
    expect(writes().slice(1, -2).sort()).toEqual([
      'releases/1.0/resnet/1/model.py',
      'releases/1.0/resnet/config.pbtxt',
    ]);
    expect(await published.store.current()).toEqual(await published.store.release('1.0'));
  });

  it('refuses a version that is published, whatever it is made of', async () => {
    await published.publish(resnet, { version: '1.0' });
    proxy.reset();
    await expect(published.publish({ ...resnet, 'resnet/1/model.py': 'other' }, { version: '1.0' })).rejects.toThrow(
      InputError,
    );
    expect(writes()).toEqual([]);
  });

  it('lets one of two at the same time publish a version', async () => {
    const one = { ...resnet, 'resnet/1/model.py': 'one' };
    const two = { ...resnet, 'resnet/1/model.py': 'two' };
    const results = await Promise.allSettled([
      published.publish(one, { version: '1.0' }),
      published.publish(two, { version: '1.0' }),
    ]);
    const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(1);
    expect(String(refused[0]?.reason)).toMatch(/is being published with other content|is published .* already/);
    // Of the other not a byte: digests are looked at by the sync.
    expect(await fetched()).toBe(0);
  });

  it('copies what the current release has within the store', async () => {
    await published.publish({ ...resnet, 'resnet/1/large.bin': noise(300_000) }, { version: '1.0' });
    proxy.reset();
    await published.publish(
      { ...resnet, 'resnet/1/model.py': 'newer', 'resnet/1/large.bin': noise(300_000) },
      { version: '2.0' },
    );
    const copied = proxy.requests.filter(({ method, path }) => method === 'GET' && path.includes('large.bin'));
    expect(copied).toEqual([]);
    expect((await published.store.sizes('2.0')).get('resnet/1/large.bin')).toBe(300_000);
  });

  it('goes on where the last run was interrupted: with the same content, or by consent with other', async () => {
    const first = { ...resnet, 'resnet/1/stray.bin': 'x' };
    const refuse = ({ method, path }: { method: string; path: string }) =>
      method === 'PUT' && path.includes('manifest');
    const denied = { kind: 'status', status: 403, code: 'AccessDenied' } as const;
    proxy.fault = (request) => (refuse(request) ? denied : undefined);
    await expect(published.publish(first, { version: '1.0' })).rejects.toThrow(/can't write/);
    expect(await published.store.release('1.0')).toBeUndefined();
    proxy.fault = undefined;
    await expect(published.publish(resnet, { version: '1.0' })).rejects.toThrow(
      /is being published with other content, from/,
    );
    proxy.reset();
    await published.publish(resnet, { version: '1.0', takeOver: true });
    expect(writes()).toEqual(['releases/1.0/unfinished', 'releases/1.0/manifest', 'current']);
    expect([...(await published.store.sizes('1.0')).keys()].sort()).toEqual([
      'resnet/1/model.py',
      'resnet/config.pbtxt',
    ]);
    proxy.fault = (request) => (refuse(request) ? denied : undefined);
    await expect(published.publish(first, { version: '2.0' })).rejects.toThrow(/can't write/);
    proxy.fault = undefined;
    await published.publish(first, { version: '2.0' });
    expect(await published.store.versions()).toEqual(['1.0', '2.0']);
  });

  it('publishes nothing where the store did not take all of it', async () => {
    proxy.fault = ({ method, path }) =>
      method === 'PUT' && path.includes('model.py') ? { kind: 'status', status: 507, code: 'Full' } : undefined;
    await expect(published.publish(resnet, { version: '1.0' })).rejects.toThrow(/rclone copy failed/);
    expect(await published.store.versions()).toEqual([]);
  });

  /** What a pod makes of the release that is served. */
  async function fetched(): Promise<number | null> {
    const source = ModelSource.s3({ uri, region: 'us-east-1', endpoint: server.endpoint, credentials: SECRET });
    const volume = new ModelVolume(source, server.keys);
    const { code } = await volume.sync();
    volume.remove();
    return code;
  }

  it('touches nothing of a version that somebody has published since it looked', async () => {
    await published.publish(resnet, { version: '1.0' });
    const late = new Published(uri, { endpoint: proxy.endpoint, keys: server.keys });
    vi.spyOn(late.store, 'release').mockResolvedValueOnce(undefined);
    proxy.reset();
    await expect(late.publish({ ...resnet, 'resnet/1/model.py': 'other' }, { version: '1.0' })).rejects.toThrow(
      InputError,
    );
    expect(writes().filter((path) => path.includes('resnet'))).toEqual([]);
    expect(await fetched()).toBe(0);
  });

  it('mends what the current release has lost', async () => {
    await published.publish(resnet, { version: '1.0' });
    await published.store.remove('1.0', ['resnet/1/model.py']);
    await expect(published.promote('1.0')).rejects.toThrow(/does not hold all of release 1\.0/);
    await published.publish(resnet, { version: '1.1' });
    expect(await fetched()).toBe(0);
  });

  it('publishes nothing that changed while it was read', async () => {
    const upload = published.store.upload.bind(published.store);
    vi.spyOn(published.store, 'upload').mockImplementationOnce(async (folder, version, paths) => {
      writeFileSync(join(folder, 'resnet/1/model.py'), 'WEIGHTS');
      await upload(folder, version, paths);
    });
    await expect(published.publish(resnet, { version: '1.0' })).rejects.toThrow(
      /changed while they were published.*resnet\/1\/model\.py/s,
    );
    expect(await published.store.versions()).toEqual([]);
  });

  it('promotes what was published by a run that ended then', async () => {
    const refuse = ({ method, path }: { method: string; path: string }) =>
      method === 'PUT' && path.includes('/current');
    proxy.fault = (request) => (refuse(request) ? { kind: 'status', status: 403, code: 'AccessDenied' } : undefined);
    await expect(published.publish(resnet, { version: '1.0' })).rejects.toThrow(/can't write .*current/);
    proxy.fault = undefined;
    await published.publish(resnet, { version: '1.0' });
    expect((await published.store.current())?.version).toBe('1.0');
  });

  describe('by npm run model', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
      writeTree(folder, { ...resnet, 'README.md': 'hello' });
      for (const [key, value] of Object.entries(server.keys)) vi.stubEnv(key, value);
      vi.stubEnv('PATH', `${join(pythonTool('rclone'), '..')}:${process.env.PATH}`);
    });
    afterEach(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true, force: true });
    });

    async function run(...args: string[]) {
      const [out, err] = [new Captured(), new Captured()];
      const code = await main([...args, '--endpoint', proxy.endpoint, '--region', 'us-east-1'], { out, err });
      return { code, out: out.text, err: err.text };
    }

    it('publishes, lists, promotes', async () => {
      const first = await run('publish', folder, uri, '--release', '1.0');
      expect(first).toMatchObject({ code: 0, out: '1.0\n' });
      expect(first.err).toMatch(
        /Left out, no model: README.md.*uploaded what the store did not have of 24 B.*servers that name no release take it/s,
      );
      writeFileSync(join(folder, 'resnet/1/model.py'), 'newer');
      expect(await run('publish', folder, uri, '--release', '2.0', '--no-promote')).toMatchObject({ code: 0 });
      expect((await run('releases', uri)).out).toBe('1.0  served: 2 files, 24 B\n2.0\n');
      expect(await run('promote', uri, '--release', '2.0')).toMatchObject({ code: 0 });
      expect((await run('releases', uri)).out).toBe('1.0\n2.0  served: 2 files, 22 B\n');
      const unnamed = await run('publish', folder, uri);
      expect(unnamed.out).toMatch(/^\d{8}T\d{6}Z\n$/);
    });

    it('says what is wrong with the input, exit code 2', async () => {
      await run('publish', folder, uri, '--release', '1.0');
      writeFileSync(join(folder, 'resnet/1/model.py'), 'other');
      for (const [args, said] of [
        [['publish', folder, uri, '--release', '1.0'], /is published at .* already/],
        [['publish', folder, uri, '--release', 'a/b'], /is no name for a release/],
        [['publish', join(folder, 'nowhere'), uri], /there is no such folder/],
        [['publish', folder, 'https://models'], /is not the address of a model repository/],
        [['promote', uri, '--release', '9'], /is not published.*allowed {2}1\.0/s],
      ] as const) {
        const { code, err } = await run(...args);
        expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(said) });
      }
    });

    it('says why a store refuses, exit code 1, no stack trace', async () => {
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
      const { code, err } = await run('publish', folder, uri);
      expect(code).toBe(1);
      expect(err).toMatch(/can't read .*403/s);
      expect(err).not.toMatch(/ at .*\.ts:/);
    });
  });
});
