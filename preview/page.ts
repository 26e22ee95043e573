import type { Style } from '../bin/command';
import { wrap } from '../models/text';

/** Lines of a text of limited width. */
export class Page {
  private readonly lines: string[] = [];

  constructor(
    readonly width: number,
    readonly colours: Style['colours'],
  ) {}

  add(line: string): void {
    this.lines.push(line);
  }

  heading(title: string, count = ''): void {
    this.lines.push('', `${this.colours.bold(title)}${count === '' ? '' : ` ${this.colours.dim(count)}`}`);
  }

  /**
   * A label, and what there is to say of it from `column` on, over as many lines as that takes.
   *
   * @param under - what stands before the following lines: the branches of a tree
   */
  entry(label: string, column: number, text: string, under = ''): void {
    if (text === '') {
      this.lines.push(label);
      return;
    }
    if (label.length >= column && label.length + 2 + text.length <= this.width) {
      this.lines.push(`${label}  ${this.colours.dim(text)}`);
      return;
    }
    // A word that the column has no room for starts further left.
    const start = Math.max(under.length, Math.min(column, this.width - longest(text.split(' '))));
    const lines = wrap(text, this.width - start);
    if (label.length >= start) this.lines.push(label);
    for (const [index, line] of lines.entries()) {
      const before = index === 0 && label.length < start ? label : under;
      this.lines.push(`${before.padEnd(start)}${this.colours.dim(line)}`);
    }
  }

  rest(count: number, what: string): void {
    if (count > 0) this.lines.push(this.colours.dim(`  ... and ${count} more ${what}: --json has them all`));
  }

  text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

/** A label and what there is to say of it. */
export interface Row {
  readonly label: string;
  /** What goes on below the label where its text takes more lines. */
  readonly under: string;
  readonly text: string;
}

/** The column that the texts beside labels start in: past most labels; a longer one has its text on the next line. */
function textColumn(page: Page, labels: readonly string[]): number {
  return Math.min(Math.floor(page.width * 0.45), longest(labels) + 2);
}

/** Rows whose texts start in one column. */
export function addRows(page: Page, rows: readonly Row[]): void {
  const column = textColumn(
    page,
    rows.filter(({ text }) => text !== '').map(({ label }) => label),
  );
  for (const { label, under, text } of rows) page.entry(label, column, text, under);
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0);
}
