import type { Requests } from './requests';

/** Seconds that requests of one replica have spent, since it started, counted when they are answered as Triton does. */
export interface Counters {
  waited: number;
  computed: number;
  answered: number;
  /** Seconds in which at least one was computed. */
  busy: number;
  /** Batches that were answered. */
  passes: number;
}

/** A server with a queue of its own. Time only goes forward: every call is at the time of the one before, or later. */
export interface Replica {
  readonly waiting: number;
  /** Waiting or computed. */
  readonly inFlight: number;
  /** When the next request is answered; infinite while none is computed. */
  readonly nextAt: number;
  readonly counters: Counters;
  /** A request comes. */
  take(request: number, now: number): void;
  /** Answers what is due at {@link Replica.nextAt}, and starts what waits. */
  answer(): void;
}

/** First in, first out. */
class Fifo {
  private items: number[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: number): void {
    this.items.push(item);
  }

  shift(): number {
    const item = this.items[this.head] as number;
    this.head += 1;
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}

/** In-flight batching: each request has a slot from its start to its end, and all are as fast as their number lets them. */
export class SlotReplica implements Replica {
  readonly counters: Counters = { waited: 0, computed: 0, answered: 0, busy: 0, passes: 0 };
  nextAt = Number.POSITIVE_INFINITY;
  private readonly queue = new Fifo();
  /** By the progress at which they are answered, falling: the next is the last. */
  private readonly computed: { readonly request: number; readonly at: number }[] = [];
  /** Work that each request in a slot has had since the replica started. */
  private progress = 0;
  private since = 0;

  /** @param secondsAt - of a request of mean work, by the number in flight */
  constructor(
    private readonly requests: Requests,
    private readonly slots: number,
    private readonly secondsAt: readonly number[],
  ) {}

  get waiting(): number {
    return this.queue.length;
  }

  get inFlight(): number {
    return this.queue.length + this.computed.length;
  }

  take(request: number, now: number): void {
    this.advance(now);
    if (this.computed.length < this.slots) this.start(request, now);
    else this.queue.push(request);
    this.plan();
  }

  answer(): void {
    const now = this.nextAt;
    this.advance(now);
    const { request } = this.computed.pop() as { request: number };
    finish(this.requests, this.counters, request, now);
    if (this.queue.length > 0) this.start(this.queue.shift(), now);
    this.plan();
  }

  private start(request: number, now: number): void {
    this.requests.started[request] = now;
    const at = this.progress + (this.requests.work[request] as number);
    let index = this.computed.length;
    while (index > 0 && (this.computed[index - 1] as { at: number }).at < at) index -= 1;
    this.computed.splice(index, 0, { request, at });
  }

  private advance(now: number): void {
    const { length } = this.computed;
    if (length > 0) {
      this.progress += (now - this.since) / (this.secondsAt[length] as number);
      this.counters.busy += now - this.since;
    }
    this.since = now;
  }

  private plan(): void {
    const next = this.computed.at(-1);
    this.nextAt =
      next === undefined
        ? Number.POSITIVE_INFINITY
        : this.since + Math.max(0, next.at - this.progress) * (this.secondsAt[this.computed.length] as number);
  }
}

/** Dynamic batching: an instance that is free takes what waits, up to a largest batch, and answers all of it at once. */
export class BatchReplica implements Replica {
  readonly counters: Counters = { waited: 0, computed: 0, answered: 0, busy: 0, passes: 0 };
  nextAt = Number.POSITIVE_INFINITY;
  private readonly queue = new Fifo();
  private readonly passes: { readonly batch: readonly number[]; readonly at: number }[] = [];
  private computing = 0;
  private since = 0;

  /** @param secondsAt - of a batch, by its size, for requests of mean work */
  constructor(
    private readonly requests: Requests,
    private readonly maxBatch: number,
    private readonly instances: number,
    private readonly secondsAt: readonly number[],
  ) {}

  get waiting(): number {
    return this.queue.length;
  }

  get inFlight(): number {
    return this.queue.length + this.computing;
  }

  take(request: number, now: number): void {
    this.advance(now);
    this.queue.push(request);
    this.start(now);
  }

  answer(): void {
    const now = this.nextAt;
    this.advance(now);
    const { batch } = this.passes.shift() as { batch: readonly number[] };
    this.computing -= batch.length;
    this.counters.passes += 1;
    for (const request of batch) finish(this.requests, this.counters, request, now);
    this.start(now);
  }

  private start(now: number): void {
    while (this.passes.length < this.instances && this.queue.length > 0) {
      const batch = Array.from({ length: Math.min(this.queue.length, this.maxBatch) }, () => this.queue.shift());
      for (const request of batch) this.requests.started[request] = now;
      // A batch takes as long as the work of its first request says: like batches vary, not the requests in them.
      const work = this.requests.work[batch[0] as number] as number;
      const at = now + (this.secondsAt[batch.length] as number) * work;
      let index = this.passes.length;
      while (index > 0 && (this.passes[index - 1] as { at: number }).at > at) index -= 1;
      this.passes.splice(index, 0, { batch, at });
      this.computing += batch.length;
    }
    this.nextAt = this.passes[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  private advance(now: number): void {
    if (this.passes.length > 0) this.counters.busy += now - this.since;
    this.since = now;
  }
}

function finish({ at, started, done }: Requests, counters: Counters, request: number, now: number): void {
  done[request] = now;
  const start = started[request] as number;
  counters.waited += start - (at[request] as number);
  counters.computed += now - start;
  counters.answered += 1;
}
