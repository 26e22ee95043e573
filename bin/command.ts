import { type Command, CommanderError } from 'commander';
import { createColors } from 'picocolors';
import { InputError } from '../models/problem';

/** What a command writes to: a terminal, a pipe, or a test. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A command that could not do its work though its input was right: told without a stack trace, exit code 1. */
export class CommandFailed extends Error {
  /** The exit code of a command that failed. */
  static readonly EXIT_CODE = 1;
}

/** How a command writes. */
export interface Style {
  /** Columns. */
  readonly width: number;
  readonly colours: ReturnType<typeof createColors>;
}

const MAX_WIDTH = 120;
const DEFAULT_WIDTH = 80;

/** As wide as the window, up to 120 columns; coloured on a terminal alone, and not where NO_COLOR says otherwise. */
export function styleOf(out: Output): Style {
  const colour = out.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
  return { width: Math.min(out.columns ?? DEFAULT_WIDTH, MAX_WIDTH), colours: createColors(colour) };
}

/**
 * Runs a command line.
 *
 * @returns the exit code: 0, 1 for a {@link CommandFailed}, or 2 for input that cannot work, with the reason on `err`
 */
export async function runCommand(
  program: Command,
  args: readonly string[],
  { out, err }: { readonly out: Pick<Output, 'write'>; readonly err: Pick<Output, 'write'> },
): Promise<number> {
  const output = { writeOut: (text: string) => out.write(text), writeErr: (text: string) => err.write(text) };
  for (const command of [program, ...program.commands]) command.exitOverride().configureOutput(output);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : InputError.EXIT_CODE;
    if (!(error instanceof InputError || error instanceof CommandFailed)) throw error;
    err.write(`${error.message}\n`);
    return (error.constructor as typeof InputError | typeof CommandFailed).EXIT_CODE;
  }
}
