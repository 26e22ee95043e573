import type { Output } from '../../bin/command';

/** An output that keeps what is written to it. */
export class Captured implements Output {
  text = '';

  constructor(
    readonly isTTY = false,
    readonly columns?: number,
  ) {}

  write(text: string): void {
    this.text += text;
  }
}
