import { Command } from 'commander';
import { type Output, runCommand, styleOf } from '../bin/command';
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
  const command = new Command('preview')
    .description('Show everything that `pulumi up` would create, offline.')
    .argument('[environment]', `one of: ${environmentNames(folder).join(', ')}`)
    .option('--json', 'the whole plan as one JSON object on standard output')
    .option('--folder <folder>', 'where the Pulumi.<environment>.yaml files are (default: the project)')
    .option('--out <folder>', 'write plan.json and one manifest a chart to a folder')
    .action((environment: string | undefined, options: Options) =>
      preview(environment, options.folder ?? folder, options, out),
    );
  return runCommand(command, args, { out, err });
}

interface Options {
  readonly folder?: string;
  readonly json?: true;
  readonly out?: string;
}

async function preview(environment: string | undefined, folder: string, options: Options, out: Output): Promise<void> {
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
    return;
  }
  out.write(renderTerminal(plan, styleOf(out)));
  if (options.out !== undefined) out.write(`\nWritten to ${options.out}: plan.json, manifests/\n`);
}
