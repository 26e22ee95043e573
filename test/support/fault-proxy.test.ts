import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fault, FaultProxy } from './fault-proxy';

/** Longest wait for what is expected to come. */
const WAIT_MS = 60_000;
const OBJECT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
  readonly agent?: Agent;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the connection ended before the answer did. */
  readonly broken: boolean;
  readonly onUsedConnection: boolean;
}

async function ask(url: string, { method = 'GET', headers = {}, body, agent }: Sent = {}): Promise<Answer> {
  const signal = AbortSignal.timeout(WAIT_MS);
  const asked = request(url, { method, headers, agent: agent ?? false, signal });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  const parts: Buffer[] = [];
  let broken = false;
  try {
    for await (const part of answer) parts.push(part);
  } catch (error) {
    if (signal.aborted) throw error;
    broken = true;
  }
  const { statusCode: status, headers: answered } = answer;
  return { status, headers: answered, body: Buffer.concat(parts), broken, onUsedConnection: asked.reusedSocket };
}

describe('the fault proxy', () => {
  let asked: Asked[];
  let proxy: FaultProxy;
  let url: string;
  const store = createServer(async (incoming, response) => {
    const { method = '', url: path = '', headers } = incoming;
    asked.push({ method, path, headers, body: await buffer(incoming) });
    if (path === '/missing') response.writeHead(404, 'Nowhere', { 'X-Tag': ['a', 'b'] }).end('no');
    else if (path === '/chunked') response.writeHead(200, { 'Transfer-Encoding': 'chunked' }).end(OBJECT);
    else if (path === '/dies') {
      response.writeHead(200, { 'Content-Length': OBJECT.length }).write(OBJECT.subarray(0, 100));
      response.socket?.destroySoon();
    } else response.writeHead(200, { 'Content-Length': OBJECT.length, ETag: '"tag"' }).end(OBJECT);
  });

  beforeAll(async () => {
    store.listen(0, '127.0.0.1');
    await once(store, 'listening');
  });
  afterAll(() => {
    store.closeAllConnections();
    store.close();
  });
  beforeEach(async () => {
    asked = [];
    proxy = await FaultProxy.start(`http://127.0.0.1:${(store.address() as AddressInfo).port}`);
    url = `${proxy.endpoint}/object`;
  });
  afterEach(() => proxy.stop());

  const inject = (fault: Fault) => {
    proxy.fault = () => fault;
  };

  /** What has come of an answer first, with the answer as it goes on. */
  async function firstOf(): Promise<{ slow: IncomingMessage; first: Buffer }> {
    const asking = request(url, { agent: false, signal: AbortSignal.timeout(WAIT_MS) }).end();
    const [slow] = await once(asking, 'response');
    const [first] = await once(slow, 'data');
    return { slow, first };
  }

  it('passes requests as they are', async () => {
    await ask(`${url}?part=1`, {
      method: 'PUT',
      body: OBJECT,
      headers: { Host: 'bucket.example', 'X-Key': ['a', 'b'] },
    });
    expect(asked).toEqual([
      {
        method: 'PUT',
        path: '/object?part=1',
        headers: { host: 'bucket.example', 'x-key': 'a, b', 'content-length': '1000', connection: 'close' },
        body: OBJECT,
      },
    ]);
  });

  it('passes uploads of unknown length, and requests without a body', async () => {
    await ask(url, { method: 'PUT', body: OBJECT, headers: { 'Transfer-Encoding': 'chunked' } });
    await ask(url, { method: 'POST' });
    expect(
      asked.map(({ body, headers }) => [body.length, headers['content-length'], headers['transfer-encoding']]),
    ).toEqual([
      [1000, undefined, 'chunked'],
      [0, '0', undefined],
    ]);
  });

  it('passes answers as they are', async () => {
    expect(await ask(url)).toMatchObject({
      status: 200,
      headers: { etag: '"tag"', 'content-length': '1000' },
      body: OBJECT,
    });
    expect(await ask(url, { method: 'HEAD' })).toMatchObject({ headers: { 'content-length': '1000' }, broken: false });
    expect(await ask(`${proxy.endpoint}/chunked`)).toMatchObject({ body: OBJECT, broken: false });
    expect(await ask(`${proxy.endpoint}/missing`)).toMatchObject({ status: 404, headers: { 'x-tag': 'a, b' } });
    expect(await ask(`${proxy.endpoint}/dies`)).toMatchObject({ body: OBJECT.subarray(0, 100), broken: true });
  });

  it('takes several requests on one connection', async () => {
    const agent = new Agent({ keepAlive: true });
    expect(await ask(url, { agent })).toMatchObject({ onUsedConnection: false });
    expect(await ask(url, { agent })).toMatchObject({ onUsedConnection: true, body: OBJECT });
    agent.destroy();
  });

  it('records requests, and counts those of one method and path', async () => {
    const counts: number[] = [];
    proxy.fault = ({ count }) => {
      counts.push(count);
      return undefined;
    };
    for (const method of ['GET', 'HEAD', 'GET']) await ask(url, { method });
    await ask(`${url}?other`);
    expect(proxy.requests).toEqual([
      { method: 'GET', path: '/object' },
      { method: 'HEAD', path: '/object' },
      { method: 'GET', path: '/object' },
      { method: 'GET', path: '/object?other' },
    ]);
    proxy.reset();
    expect(proxy.requests).toEqual([]);
    await ask(url);
    expect(counts).toEqual([0, 0, 1, 0, 0]);
  });

  it('cuts an answer, and no other', async () => {
    proxy.fault = ({ count }) => (count === 0 ? { kind: 'cut', afterBytes: 300 } : undefined);
    expect(await ask(url)).toMatchObject({ status: 200, body: OBJECT.subarray(0, 300), broken: true });
    expect(await ask(url)).toMatchObject({ body: OBJECT, broken: false });
  });

  it.each([
    ['before the body', '/object', 0, 0],
    ['before the last byte at the latest', '/object', 5000, 999],
    ['where the store does not say the length', '/chunked', 300, 300],
  ])('cuts %s', async (_, path, afterBytes, arrived) => {
    inject({ kind: 'cut', afterBytes });
    expect(await ask(`${proxy.endpoint}${path}`)).toMatchObject({ body: OBJECT.subarray(0, arrived), broken: true });
  });

  it('cuts what has no body before it arrives', async () => {
    inject({ kind: 'cut', afterBytes: 300 });
    await expect(ask(url, { method: 'HEAD' })).rejects.toThrow('socket hang up');
  });

  it('answers in place of the store', async () => {
    inject({ kind: 'status', status: 503, code: 'SlowDown' });
    const { status, headers, body } = await ask(url, { method: 'PUT', body: OBJECT });
    expect({ status, type: headers['content-type'] }).toEqual({ status: 503, type: 'application/xml' });
    expect(body.toString()).toContain('<Error><Code>SlowDown</Code>');
    expect(await ask(url, { method: 'HEAD' })).toMatchObject({ status: 503, body: Buffer.alloc(0) });
    expect(asked).toEqual([]);
  });

  it('slows an answer', async () => {
    inject({ kind: 'slow', bytesPerSecond: 0.1 });
    const { slow, first } = await firstOf();
    expect(first).toEqual(OBJECT.subarray(0, 1));
    slow.destroy();
    inject({ kind: 'slow', bytesPerSecond: 10_000 });
    expect(await ask(url)).toMatchObject({ body: OBJECT, broken: false });
  });

  it('slows an answer until it is told not to', async () => {
    const enough = new AbortController();
    inject({ kind: 'slow', bytesPerSecond: 0.1, until: enough.signal });
    const { slow, first } = await firstOf();
    enough.abort();
    expect(Buffer.concat([first, await buffer(slow)])).toEqual(OBJECT);
  });

  it('announces more than comes', async () => {
    inject({ kind: 'length', add: 24 });
    expect(await ask(url)).toMatchObject({ headers: { 'content-length': '1024' }, body: OBJECT, broken: true });
    expect(await ask(`${proxy.endpoint}/chunked`)).toMatchObject({
      headers: { 'content-length': '1024' },
      broken: true,
    });
  });

  it('truncates an object, whole as the answer is', async () => {
    inject({ kind: 'short', drop: 10 });
    const short = { headers: { 'content-length': '990' }, body: OBJECT.subarray(0, 990), broken: false };
    expect(await ask(url)).toMatchObject({ ...short, headers: { ...short.headers, etag: '"tag"' } });
    expect(await ask(`${proxy.endpoint}/chunked`)).toMatchObject(short);
    expect(await ask(url, { method: 'HEAD' })).toMatchObject({ headers: short.headers, broken: false });
  });

  it('corrupts one byte', async () => {
    inject({ kind: 'corrupt', at: 500 });
    const { body, headers, broken } = await ask(url);
    expect({ length: headers['content-length'], broken }).toEqual({ length: '1000', broken: false });
    expect([...body.keys()].filter((at) => body[at] !== OBJECT[at])).toEqual([500]);
  });

  it.each<[Fault, string]>([
    [{ kind: 'short', drop: 1001 }, 'GET /object: no 1001 bytes to drop from 1000'],
    [{ kind: 'corrupt', at: 1000 }, 'GET /object: no byte 1000 to corrupt in 1000'],
  ])('tells of what it could not do: %o', async (fault, problem) => {
    inject(fault);
    await expect(ask(url)).rejects.toThrow('socket hang up');
    await expect(proxy.stop()).rejects.toThrow(problem);
    proxy = await FaultProxy.start(url);
  });

  it('does not answer before it stops', async () => {
    inject({ kind: 'hang' });
    const hung = Promise.allSettled([ask(url), ask(url, { method: 'PUT', body: OBJECT })]);
    await vi.waitFor(() => expect(proxy.requests).toHaveLength(2), WAIT_MS);
    await proxy.stop();
    expect(await hung).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'ECONNRESET' }) },
      { status: 'rejected', reason: expect.objectContaining({ code: 'ECONNRESET' }) },
    ]);
    expect(asked).toEqual([]);
  });

  it('is down, and there again at the same address', async () => {
    const agent = new Agent({ keepAlive: true });
    await ask(url, { agent });
    const idle = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    expect(idle).toHaveLength(1);
    const ended = idle.map((socket) => once(socket, 'close', { signal: AbortSignal.timeout(WAIT_MS) }));
    await proxy.refuse();
    await Promise.all(ended);
    await expect(ask(url)).rejects.toThrow('ECONNREFUSED');
    await proxy.refuse();
    await proxy.accept();
    await proxy.accept();
    expect(await ask(url, { agent })).toMatchObject({ onUsedConnection: false, body: OBJECT });
    agent.destroy();
  });

  it('stops in the middle of an answer', async () => {
    inject({ kind: 'slow', bytesPerSecond: 0.1 });
    const { slow } = await firstOf();
    const broken = expect(buffer(slow)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await proxy.stop();
    await broken;
  });

  it('breaks the connection where the store cannot be reached', async () => {
    const lonely = await FaultProxy.start('http://127.0.0.1:9');
    await expect(ask(lonely.endpoint)).rejects.toThrow('socket hang up');
    await lonely.stop();
  });
});
