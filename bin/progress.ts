import type { Output } from './command';

/** Milliseconds between lines of progress where lines cannot be written over. */
const LINE_EVERY_MS = 15_000;

/** Says what goes on, in lines that stay and one that is written over. */
export class Progress {
  private open = false;
  private lastLine = Date.now();
  private readonly started = performance.now();

  constructor(private readonly out: Output) {}

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.started) / 1000;
  }

  /** A line that stays, with the time that has passed. */
  done(text: string): void {
    this.line(`${`${this.seconds.toFixed(1)} s`.padStart(8)}  ${text}`);
  }

  /** A line that stays. */
  line(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
    this.lastLine = Date.now();
  }

  /** What goes on now: on a terminal one line that is written over, elsewhere a line now and then. */
  now(text: string): void {
    if (this.out.isTTY) {
      const room = (this.out.columns ?? 80) - 11;
      this.out.write(`\r\u001b[K          ${text.slice(0, room)}`);
      this.open = true;
    } else if (Date.now() - this.lastLine > LINE_EVERY_MS) this.done(text);
  }

  /** Takes the line that is written over away. */
  clear(): void {
    if (this.open) this.out.write('\r\u001b[K');
    this.open = false;
  }
}
