import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../bin/free-ports';

/** Pieces that a slow body comes in, for each second. */
const PIECES_PER_SECOND = 10;

/**
 * What goes wrong with an answer. Bytes are those of its body: of an object's range where only that was asked for, none
 * where the request is a HEAD.
 */
export type Fault =
  /**
   * The connection ends after so many bytes, and before the last at the latest: no answer arrives whole. One that has no
   * body does not arrive at all.
   */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** This status with an error as S3 words it. The store is not asked. */
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** As slow as that, until the signal where there is one: what is left comes at once then. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number; readonly until?: AbortSignal }
  /** `Content-Length` says so many bytes more than come before the connection ends. */
  | { readonly kind: 'length'; readonly add: number }
  /** A truncated object: its last bytes are missing, in `Content-Length` too. What else the headers say of it stays. */
  | { readonly kind: 'short'; readonly drop: number }
  /** The byte at this offset is another. */
  | { readonly kind: 'corrupt'; readonly at: number }
  /** No answer as long as the proxy listens. The store is not asked. */
  | { readonly kind: 'hang' };

/** A request as it came in. */
export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
}

/** @param request.count - how many requests of this method and path came before, since the last reset */
export type FaultRule = (request: ProxiedRequest & { readonly count: number }) => Fault | undefined;

/** An HTTP proxy on the loopback interface before one object store: it counts requests, and breaks what a rule tells it to. */
export class FaultProxy {
  /** Asked of each request. Without it, or where it has nothing to say, requests and answers pass as they are. */
  fault: FaultRule | undefined;
  private received: ProxiedRequest[] = [];
  private readonly impossible: string[] = [];
  private readonly server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) =>
    this.take(request, response),
  );

  private constructor(
    private readonly target: URL,
    private readonly port: number,
  ) {}

  /** @param target - the store's address */
  static async start(target: string): Promise<FaultProxy> {
    const [port = 0] = await freePorts(1);
    const proxy = new FaultProxy(new URL(target), port);
    await proxy.accept();
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** In the order that they came in, since the last reset. */
  get requests(): readonly ProxiedRequest[] {
    return this.received;
  }

  /** Forgets the requests; the rule stays. */
  reset(): void {
    this.received = [];
  }

  /** The store is down: open connections end, new ones are refused. */
  async refuse(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  /** The store is there again, at the same address. */
  async accept(): Promise<void> {
    if (this.server.listening) return;
    const listening = once(this.server, 'listening');
    this.server.listen(this.port, '127.0.0.1');
    await listening;
  }

  /** @throws Error where an answer was too short for the fault that the rule wanted: a test of it has tested nothing */
  async stop(): Promise<void> {
    await this.refuse();
    if (this.impossible.length > 0) throw new Error(this.impossible.join('\n'));
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url: path = '' } = request;
    const count = this.received.filter((earlier) => earlier.method === method && earlier.path === path).length;
    this.received.push({ method, path });
    const fault = this.fault?.({ method, path, count });
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      response.statusCode = fault.status;
      response.setHeader('content-type', 'application/xml');
      response.end(errorXml(fault.code));
      return;
    }
    const { hostname, port } = this.target;
    // A connection for each request: none that the store has just closed breaks one that no rule meant.
    const onward = sendRequest({ hostname, port, method, path, headers: endToEnd(request), agent: false });
    onward.once('response', (answer) => {
      pass(answer, response, fault).catch((error: unknown) => {
        if (error instanceof TooShort) this.impossible.push(`${method} ${path}: ${error.message}`);
        response.destroy();
      });
    });
    onward.on('error', () => {
      // A store may refuse, and hang up, before it has read all of an upload.
      if (!response.headersSent) response.destroy();
    });
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  }
}

type BodyFault = Extract<Fault, { kind: 'cut' | 'length' | 'short' | 'corrupt' }>;
type AnswerFault = BodyFault | Extract<Fault, { kind: 'slow' }>;

class TooShort extends Error {}

async function pass(answer: IncomingMessage, response: ServerResponse, fault?: AnswerFault): Promise<void> {
  const { statusCode = 502, statusMessage } = answer;
  const headers = endToEnd(answer);
  if (fault === undefined || fault.kind === 'slow') {
    response.writeHead(statusCode, statusMessage, headers);
    await pipeline(fault === undefined ? answer : slowly(answer, fault), response);
    return;
  }
  const body = await buffer(answer);
  const length = Number(answer.headers['content-length'] ?? body.length);
  const { bytes, contentLength, whole } = broken(fault, body, length);
  if (bytes === undefined) {
    response.destroy();
    return;
  }
  delete headers['transfer-encoding'];
  response.writeHead(statusCode, statusMessage, { ...headers, 'content-length': contentLength });
  if (whole) {
    response.end(bytes);
    return;
  }
  response.flushHeaders();
  response.write(bytes);
  response.socket?.destroySoon();
}

interface BrokenBody {
  /** Undefined: not even a head. */
  readonly bytes: Buffer | undefined;
  readonly contentLength: number;
  /** Whether the connection outlives it. */
  readonly whole: boolean;
}

/** @param length - as the headers have it: that of a HEAD's answer, whose body is empty, is the object's */
function broken(fault: BodyFault, body: Buffer, length: number): BrokenBody {
  switch (fault.kind) {
    case 'cut': {
      const bytes = body.length > 0 ? body.subarray(0, Math.min(fault.afterBytes, body.length - 1)) : undefined;
      return { bytes, contentLength: length, whole: false };
    }
    case 'length':
      return { bytes: body, contentLength: length + fault.add, whole: false };
    case 'short': {
      const kept = length - fault.drop;
      if (kept < 0) throw new TooShort(`no ${fault.drop} bytes to drop from ${length}`);
      return { bytes: body.subarray(0, kept), contentLength: kept, whole: true };
    }
    case 'corrupt': {
      const byte = body[fault.at];
      if (byte === undefined) throw new TooShort(`no byte ${fault.at} to corrupt in ${body.length}`);
      body[fault.at] = byte ^ 0xff;
      return { bytes: body, contentLength: length, whole: true };
    }
  }
}

async function* slowly(
  chunks: AsyncIterable<Buffer>,
  { bytesPerSecond, until }: Extract<Fault, { kind: 'slow' }>,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = until?.aborted ? chunk.length : Math.ceil(bytesPerSecond / PIECES_PER_SECOND);
      const bytes = chunk.subarray(at, at + piece);
      yield bytes;
      at += piece;
      const pause = setTimeout((1000 * bytes.length) / bytesPerSecond, undefined, { ref: false, signal: until });
      await pause.catch(() => {});
    }
  }
}

/** Its headers but for those that are about one connection. */
function endToEnd({ headers: all }: IncomingMessage): OutgoingHttpHeaders {
  const { connection: _, 'keep-alive': __, ...headers } = all;
  return headers;
}

function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>a fault of the test</Message></Error>`;
}
