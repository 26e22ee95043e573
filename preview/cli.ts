import { Command, CommanderError } from 'commander';
import { InputError } from '../models/problem';
import { buildPlan } from './build-plan';
import { environmentNames } from './config-file';
import { planJson } from './plan-json';
import { renderTerminal } from './terminal';
import { writeOut } from './write-out';

/** The project's folder, which the bundler fills in. */
declare const __PROJECT_ROOT__: string;

/** Where a command reads and writes. */
export interface Surroundings {
  /** The folder of the `Pulumi.<env>.yaml` files. */
  readonly folder: string;
  readonly out: Output;
  readonly err: Pick<Output, 'write'>;
}

/** What a command writes to: a terminal, a pipe, or a test. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const MAX_WIDTH = 120;
const DEFAULT_WIDTH = 80;

/**
 * `npm run preview -- <environment>`: shows what `pulumi up` would create.
 *
 * @returns the exit code: 0, or 2 for input that cannot work
 */
export async function main(
  args: readonly string[],
  surroundings: Surroundings = { folder: __PROJECT_ROOT__, out: process.stdout, err: process.stderr },
): Promise<number> {
  const { folder, out, err } = surroundings;
  let code = 0;
  const command = new Command('preview')
    .description('Show everything that `pulumi up` would create, offline.')
    .argument('[environment]', `one of: ${environmentNames(folder).join(', ')}`)
    .option('--json', 'the whole plan as one JSON object on standard output')
    .option('--folder <folder>', 'where the Pulumi.<environment>.yaml files are (default: the project)')
    .option('--out <folder>', 'write plan.json and one manifest a chart to a folder')
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: (text) => err.write(text) })
    .action(async (environment: string | undefined, options: Options) => {
      code = await preview(environment, options.folder ?? folder, options, out);
    });
  try {
    await command.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : InputError.EXIT_CODE;
    if (!(error instanceof InputError)) throw error;
    err.write(`${error.message}\n`);
    return InputError.EXIT_CODE;
  }
}

interface Options {
  readonly folder?: string;
  readonly json?: true;
  readonly out?: string;
}

async function preview(
  environment: string | undefined,
  folder: string,
  options: Options,
  out: Output,
): Promise<number> {
  if (environment === undefined) {
    throw new InputError('command line', [
      {
        key: 'environment',
        reason: 'is missing',
        allowed: environmentNames(folder).join(', '),
        fix: 'npm run preview -- dev',
      },
    ]);
  }
  const plan = await buildPlan(folder, environment);
  if (options.out !== undefined) writeOut(plan, options.out);
  if (options.json) {
    out.write(planJson(plan));
    return 0;
  }
  const colour = out.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
  out.write(renderTerminal(plan, { width: Math.min(out.columns ?? DEFAULT_WIDTH, MAX_WIDTH), colour }));
  if (options.out !== undefined) out.write(`\nWritten to ${options.out}: plan.json, manifests/\n`);
  return 0;
}
