import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Send } from './load';

const ANSWER_MS = 30_000;
/** How many it has answered at a time for each address that there is. */
const AT_A_TIME = 8;
const LOOK_MS = 100;

/**
 * What holds requests while nobody serves, such as a gateway that queues or a broker: it sends each until it is answered,
 * and tells Prometheus how many it holds.
 */
export class HoldingQueue {
  private readonly held: number[] = [];
  private sending = 0;
  private accepted = 0;
  private ended = false;
  /** Requests that were answered. */
  answered = 0;
  /** Attempts that were not. */
  failures = 0;
  private readonly loop: Promise<void>;

  private constructor(
    private readonly server: Server,
    private readonly addresses: () => Promise<readonly string[]>,
    private readonly send: Send,
  ) {
    server.on('request', (_request, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4');
      response.end(`# TYPE queue_held_requests gauge\nqueue_held_requests ${this.waiting}\n`);
    });
    this.loop = this.run();
  }

  static async open(addresses: () => Promise<readonly string[]>, send: Send): Promise<HoldingQueue> {
    const server = createServer();
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done);
    });
    return new HoldingQueue(server, addresses, send);
  }

  /** host:port of its metrics. */
  get target(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Requests that it took and that were not answered. */
  get waiting(): number {
    return this.held.length + this.sending;
  }

  put(count: number): void {
    for (let each = 0; each < count; each += 1) {
      this.accepted += 1;
      this.held.push(this.accepted);
    }
  }

  async close(): Promise<void> {
    this.ended = true;
    await this.loop;
    await new Promise((done) => {
      this.server.close(done);
    });
  }

  private async run(): Promise<void> {
    while (!this.ended) {
      const addresses = await this.addresses();
      while (this.held.length > 0 && this.sending < AT_A_TIME * addresses.length) {
        void this.one(this.held.shift() as number, addresses[this.accepted % addresses.length] as string);
      }
      await setTimeout(LOOK_MS);
    }
  }

  private async one(request: number, address: string): Promise<void> {
    this.sending += 1;
    try {
      const status = await this.send(address, AbortSignal.timeout(ANSWER_MS));
      if (status !== 200) throw new Error(`HTTP ${status}`);
      this.answered += 1;
    } catch {
      this.failures += 1;
      this.held.push(request);
    } finally {
      this.sending -= 1;
    }
  }
}
