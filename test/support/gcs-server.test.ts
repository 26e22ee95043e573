import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProxy } from './fault-proxy';
import { GcsServer, gcsEnvironment } from './gcs-server';
import { pythonTool } from './python-tools';

const RCLONE_MS = 240_000;
/** Above what rclone sends in one piece. */
const LARGE = 17 * 2 ** 20;

describe('fake-gcs-server, with rclone', () => {
  let server: GcsServer;
  let proxy: FaultProxy;
  let source: string;
  beforeAll(async () => {
    server = await GcsServer.start();
    proxy = await FaultProxy.start(server.endpoint);
    source = mkdtempSync(join(tmpdir(), 'triton-stack-gcs-test-'));
    mkdirSync(join(source, 'resnet', '1'), { recursive: true });
    writeFileSync(join(source, 'resnet', 'config.pbtxt'), 'max_batch_size: 8');
    writeFileSync(join(source, 'resnet', '1', 'model.onnx'), randomBytes(LARGE));
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  async function rclone(endpoint: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(pythonTool('rclone'), [...args, '--config', '/notfound'], {
      env: { HOME: source, ...gcsEnvironment(endpoint) },
      timeout: RCLONE_MS,
    });
    return stdout;
  }

  it.each([
    ['asked directly', 'direct', () => server.endpoint],
    ['through a proxy', 'proxied', () => proxy.endpoint],
  ])('gives back what was put there, %s', async (_, bucket, endpoint) => {
    const back = join(source, bucket);
    await rclone(endpoint(), 'mkdir', `store:${bucket}`);
    await rclone(endpoint(), 'copy', join(source, 'resnet'), `store:${bucket}/release/resnet`);
    const listing = await rclone(endpoint(), 'lsf', '-R', '--files-only', '--format', 'ps', `store:${bucket}/release`);
    expect(listing.trim().split('\n').sort()).toEqual([`resnet/1/model.onnx;${LARGE}`, 'resnet/config.pbtxt;17']);
    expect(await rclone(endpoint(), 'cat', `store:${bucket}/release/resnet/config.pbtxt`)).toBe('max_batch_size: 8');
    await rclone(endpoint(), 'copy', `store:${bucket}/release`, back);
    const model = join('resnet', '1', 'model.onnx');
    expect(readFileSync(join(back, model)).equals(readFileSync(join(source, model)))).toBe(true);
  });

  it('is reached through the proxy alone where it links to it', async () => {
    await server.linkTo(proxy.endpoint);
    await rclone(server.endpoint, 'copy', join(source, 'resnet'), 'store:routes/resnet');
    proxy.reset();
    await rclone(proxy.endpoint, 'copyto', join(source, 'resnet', '1', 'model.onnx'), 'store:routes/large');
    const uploads = proxy.requests.filter(({ path }) => path.startsWith('/upload/'));
    expect(uploads.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST']);
    proxy.reset();
    const list = join(source, 'list');
    writeFileSync(list, 'resnet/config.pbtxt\n');
    await rclone(proxy.endpoint, 'cat', 'store:routes', '--files-from-raw', list, '--no-traverse');
    expect(proxy.requests).toEqual([
      { method: 'GET', path: '/storage/v1/b/routes/o/resnet%2Fconfig.pbtxt?alt=json&prettyPrint=false' },
      { method: 'GET', path: '/download/storage/v1/b/routes/o/resnet%2Fconfig.pbtxt?alt=media' },
    ]);
  });

  it('fails rclone where the proxy breaks an answer', async () => {
    await rclone(server.endpoint, 'copy', join(source, 'resnet', 'config.pbtxt'), 'store:broken');
    proxy.fault = ({ path }) => (path.startsWith('/download/') ? { kind: 'corrupt', at: 3 } : undefined);
    const copy = rclone(proxy.endpoint, 'copy', 'store:broken', join(source, 'broken'), '--retries', '1');
    await expect(copy).rejects.toThrow(/hashes differ/);
    proxy.fault = undefined;
  });
});
