import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../bin/versions-cli';
import { versions } from '../../models/versions';
import { Captured } from '../support/captured';
import { ROOT } from '../support/environment-file';

let server: Server | undefined;
afterEach(async () => {
  await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
});

/** A registry on the loopback interface; returns its address. */
async function registry(listener: RequestListener): Promise<string> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((done) => started.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

async function run(file: string, ...args: string[]) {
  const out = new Captured();
  const err = new Captured();
  const code = await main(args, { file, out, err });
  return { code, out: out.text, err: err.text };
}

function copyOfVersions(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'triton-stack-test-')), 'versions.json');
  copyFileSync(join(ROOT, 'versions.json'), file);
  return file;
}

const REGISTRIES = ['nvcr.io', 'docker.io', 'ghcr.io', 'gcr.io', 'quay.io'];
const mirrors = (url: string) => REGISTRIES.flatMap((host) => ['--mirror', `${host}=${url}`]);
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** Speaks the token protocol; knows every tag. */
function withTokens(request: Parameters<RequestListener>[0], response: Parameters<RequestListener>[1]): void {
  const url = new URL(request.url ?? '', `http://${request.headers.host}`);
  if (url.pathname === '/token') {
    response.end(JSON.stringify({ token: `for ${url.searchParams.get('scope')}` }));
    return;
  }
  const name = url.pathname.replace(/^\/v2\/|\/manifests\/.*$/g, '');
  const scope = `repository:${name}:pull`;
  if (request.headers.authorization !== `Bearer for ${scope}`) {
    response.writeHead(401, {
      'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="test",scope="${scope}"`,
    });
    response.end();
    return;
  }
  response.setHeader('docker-content-digest', digestOf(url.pathname));
  response.end();
}

describe('versions resolve', () => {
  it('writes the digests that registries answer with, and changes nothing else', async () => {
    const file = copyOfVersions();
    const before = JSON.parse(readFileSync(file, 'utf8'));
    const { code, err, out } = await run(file, 'resolve', ...mirrors(await registry(withTokens)));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const all = Object.keys(before.images).length;
    expect(out).toContain(`${all} of ${all} digests found`);
    const after = JSON.parse(readFileSync(file, 'utf8'));
    expect(after.images.triton.digest).toBe(digestOf('/v2/nvidia/tritonserver/manifests/25.10-py3'));
    for (const [key, image] of Object.entries<{ digest: string }>(after.images)) {
      image.digest = before.images[key].digest;
    }
    expect(after).toEqual(before);
    expect((await run(file, 'resolve')).out).toBe('Every image has its digest.\n');
  });

  it('digests the manifest itself where the registry does not say', async () => {
    const file = copyOfVersions();
    const url = await registry((request, response) => response.end(request.method === 'GET' ? 'manifest' : undefined));
    expect((await run(file, 'resolve', ...mirrors(url))).code).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8')).images.rclone.digest).toBe(digestOf('manifest'));
  });

  it('says which tags have moved', async () => {
    const file = copyOfVersions();
    await run(file, 'resolve', ...mirrors(await registry((_request, response) => response.end('old'))));
    server?.close();
    const url = await registry((_request, response) => response.end('new'));
    const { out } = await run(file, 'resolve', '--refresh', ...mirrors(url));
    expect(out).toContain(`${digestOf('new')}, was ${digestOf('old')}: the tag has moved`);
  });

  it.each<[string, RequestListener, string]>([
    [
      'a tag that is not there',
      (_request, response) => response.writeHead(404).end(),
      'the registry has no tag 25.10-py3',
    ],
    ['a server that fails', (_request, response) => response.writeHead(503).end(), 'answered 503'],
    [
      'a digest that is none',
      (_request, response) => response.setHeader('docker-content-digest', 'x').end(),
      'a digest that is none',
    ],
    [
      'a login',
      (_request, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
      'a login that is not known',
    ],
    ['a connection that breaks', (request) => request.socket.destroy(), 'was not reached'],
  ])('leaves the file as it was: %s', async (_name, listener, message) => {
    const file = copyOfVersions();
    const before = readFileSync(file, 'utf8');
    const { code, err, out } = await run(file, 'resolve', ...mirrors(await registry(listener)));
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(out).toContain('nothing was written');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('refuses a mirror that is no address', async () => {
    expect(await run(copyOfVersions(), 'resolve', '--mirror', 'docker.io')).toMatchObject({
      code: 2,
      err: expect.stringContaining('HOST=URL'),
    });
  });
});

describe('versions', () => {
  it('lists every version with its source', async () => {
    const { out, code } = await run(join(ROOT, 'versions.json'), 'list');
    expect(code).toBe(0);
    const { charts, images, upstream, kubernetes } = versions;
    const all = [charts, images, upstream, kubernetes].flatMap((each) => Object.keys(each));
    expect(out.match(/^ {2}from /gm)).toHaveLength(all.length);
  });

  it('shows its commands where none is named', async () => {
    expect(await run(copyOfVersions())).toMatchObject({ code: 2, err: expect.stringContaining('resolve') });
  });
});
