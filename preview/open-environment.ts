import { InputError } from '../models/problem';
import type { Environment } from '../stacks/environment/environment';
import { readEnvironment } from '../stacks/environment/read';
import { ownValues, readStackConfig, type StackConfig } from './config-file';

/** An environment, and the file that it was read from. */
export interface OpenedEnvironment {
  readonly config: StackConfig;
  readonly environment: Environment;
}

/**
 * Reads and checks `Pulumi.<name>.yaml`.
 *
 * @throws InputError where the environment's file cannot work, with the lines that say so
 */
export function openEnvironment(folder: string, name: string): OpenedEnvironment {
  const config = readStackConfig(folder, name);
  return {
    config,
    environment: withLines(config.lineOf, () => readEnvironment(name, ownValues(config), config.file)),
  };
}

/** Says on which lines of the file the problems are. */
function withLines<T>(lineOf: (key: string) => number | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(
      error.source,
      error.problems.map((problem) => ({ ...problem, line: lineOf(problem.key) })),
    );
  }
}
