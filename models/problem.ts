import { wrap } from './text';

/** One thing that is wrong with an input, told so that the reader can mend it without opening the code. */
export interface Problem {
  /** The key as it is written in the input, for example `triton-stack:pools.l4.machineType`. */
  readonly key: string;
  /** The line of the input that the key stands on, from 1, where the input has lines. */
  readonly line?: number;
  /** What is wrong, as a clause that follows the key and its value. */
  readonly reason: string;
  /** The value found. Left out when there is none (a missing key). */
  readonly value?: unknown;
  /** What would be accepted. */
  readonly allowed?: string;
  /** The change that mends it. */
  readonly fix?: string;
}

/**
 * Input that cannot work. Carries every problem found, not only the first.
 *
 * Commands print `message` without a stack trace and exit with {@link InputError.EXIT_CODE}.
 */
export class InputError extends Error {
  /** The exit code of every command for input that cannot work. */
  static readonly EXIT_CODE = 2;

  /**
   * @param source - what was read, for example `Pulumi.dev.yaml`
   * @param problems - at least one
   */
  constructor(
    readonly source: string,
    readonly problems: readonly Problem[],
  ) {
    super(describe(source, problems));
    this.name = 'InputError';
  }
}

function describe(source: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 error' : `${problems.length} errors`;
  const blocks = problems.map((problem) => {
    const lines = [`  ${problem.key}${problem.line === undefined ? '' : ` (line ${problem.line})`}`];
    if (problem.value !== undefined) lines.push(labelled('value', show(problem.value)));
    lines.push(labelled('problem', problem.reason));
    if (problem.allowed !== undefined) lines.push(labelled('allowed', problem.allowed));
    if (problem.fix !== undefined) lines.push(labelled('fix', problem.fix));
    return lines.join('\n');
  });
  return `${source}: ${count}\n\n${blocks.join('\n\n')}`;
}

const LABEL_WIDTH = 9;
const TEXT_WIDTH = 66;

/** A labelled text, wrapped so that the whole fits 80 columns. */
function labelled(label: string, text: string): string {
  const indent = ' '.repeat(4 + LABEL_WIDTH);
  return `    ${label.padEnd(LABEL_WIDTH)}${wrap(text, TEXT_WIDTH).join(`\n${indent}`)}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > TEXT_WIDTH ? `${text.slice(0, TEXT_WIDTH - 3)}...` : text;
}
