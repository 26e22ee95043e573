import { setTimeout } from 'node:timers/promises';

/** One request, when it was sent, how long it took, and what came of it. */
export interface Sent {
  readonly at: number;
  readonly milliseconds: number;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
}

/** Sends one request to an address, and returns its HTTP status. */
export type Send = (address: string, signal: AbortSignal) => Promise<number>;

const ANSWER_MS = 60_000;
/** How long clients go on with the addresses that they have, as with a Service. */
const ADDRESSES_MS = 250;

/** Clients that send at random times (Poisson), whether or not they were answered, each to one of the addresses. */
export class Load {
  readonly sent: Sent[] = [];
  private ratePerSecond = 0;
  private next = 0;
  private ended = false;
  private readonly patience = new AbortController();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly loop: Promise<void>;

  constructor(
    private readonly addresses: () => Promise<readonly string[]>,
    private readonly send: Send,
  ) {
    this.loop = this.run();
  }

  /** Changes how many requests a second are sent. */
  rate(perSecond: number): void {
    this.ratePerSecond = perSecond;
    this.next = performance.now();
  }

  /** Stops sending, and gives up what is not answered. */
  async end(): Promise<void> {
    this.ended = true;
    await this.loop;
    this.patience.abort();
    await Promise.all(this.inFlight);
  }

  /** What was sent since a time of `performance.now()`. */
  since(at: number): readonly Sent[] {
    return this.sent.filter((each) => each.at >= at);
  }

  private async run(): Promise<void> {
    let addresses: readonly string[] = [];
    let known = Number.NEGATIVE_INFINITY;
    while (!this.ended) {
      const now = performance.now();
      if (now - known > ADDRESSES_MS) {
        addresses = await this.addresses();
        known = now;
      }
      while (this.ratePerSecond > 0 && this.next <= now) {
        this.next -= (Math.log(1 - Math.random()) * 1000) / this.ratePerSecond;
        const one = this.one(addresses).finally(() => this.inFlight.delete(one));
        this.inFlight.add(one);
      }
      await setTimeout(10);
    }
  }

  private async one(addresses: readonly string[]): Promise<void> {
    const at = performance.now();
    const address = addresses[Math.floor(Math.random() * addresses.length)];
    let status = 0;
    try {
      const patience = AbortSignal.any([this.patience.signal, AbortSignal.timeout(ANSWER_MS)]);
      if (address !== undefined) status = await this.send(address, patience);
    } catch {
      // No answer.
    }
    this.sent.push({ at, milliseconds: performance.now() - at, status });
  }
}
