import { Command } from 'commander';
import { CommandFailed, type Output, runCommand, styleOf } from '../bin/command';
import { Progress } from '../bin/progress';
import { InputError } from '../models/problem';
import { buildPlan } from './build-plan';
import { environmentNames } from './config-file';
import { compare } from './diff/compare';
import { renderMarkdown } from './diff/diff-markdown';
import { renderDiff } from './diff/diff-terminal';
import { FAIL_ON, type FailOn, failures, failureText, parseFailOn } from './diff/fail-on';
import type { Compared } from './diff/plan-diff';
import { renderHtml } from './html/render-html';
import { planJson } from './plan-json';
import { policyFailures } from './policies-section';
import { renderTerminal } from './terminal';
import { writeOut, writeReport } from './write-out';

/** The project's folder, which the bundler fills in. */
declare const __PROJECT_ROOT__: string;

/** Where a command reads and writes. */
export interface Surroundings {
  /** The folder of the `Pulumi.<env>.yaml` files. */
  readonly folder: string;
  /** The project's root, which a base is told from. @default the project's own */
  readonly root?: string;
  readonly out: Output;
  readonly err: Pick<Output, 'write'>;
}

/**
 * `npm run preview -- <environment>`: shows what `pulumi up` would create, and with `--base` what it would change.
 *
 * @returns the exit code: 0, 1 where a policy fails or what `--fail-on` names is there, or 2 for input that cannot work
 */
export async function main(
  args: readonly string[],
  surroundings: Surroundings = { folder: __PROJECT_ROOT__, out: process.stdout, err: process.stderr },
): Promise<number> {
  const { folder, out, err } = surroundings;
  const command = new Command('preview')
    .description('Show everything that `pulumi up` would create, offline.')
    .argument('[environment]', `one of: ${environmentNames(folder).join(', ')}`)
    .option('--base <ref>', 'what changes, against the commit that the change started from: origin/main')
    .option('--markdown <file>', 'write what changes as a comment on a pull request; with --base')
    .option('--html <file>', 'write a report to read in a browser, one file')
    .option('--json', 'the whole plan as one JSON object on standard output')
    .option('--out <folder>', 'write plan.json and one manifest a chart to a folder')
    .option('--fail-on <list>', `exit with 1 on any of: ${Object.keys(FAIL_ON).join(', ')}; with --base`, parseFailOn)
    .option('--folder <folder>', 'where the Pulumi.<environment>.yaml files are (default: the project)')
    .action((environment: string | undefined, options: Options) =>
      preview(environment, options.folder ?? folder, options, surroundings),
    );
  return runCommand(command, args, { out, err });
}

interface Options {
  readonly folder?: string;
  readonly base?: string;
  readonly markdown?: string;
  readonly html?: string;
  readonly json?: true;
  readonly out?: string;
  readonly failOn?: readonly FailOn[];
}

async function preview(
  environment: string | undefined,
  folder: string,
  options: Options,
  surroundings: Surroundings,
): Promise<void> {
  const { out } = surroundings;
  if (environment === undefined) throw missingEnvironment(folder);
  refuseWithoutBase(options);
  const compared = await planned(environment, folder, options.base, surroundings);
  const { plan, diff } = compared;
  const written = write(compared, options);
  if (options.json) out.write(planJson(plan, diff));
  else {
    out.write(diff === undefined ? renderTerminal(plan, styleOf(out)) : renderDiff(plan, diff, styleOf(out)));
    if (written.length > 0) out.write(`\n${written.join('\n')}\n`);
  }
  const failed = [
    ...policyFailures(plan.summary.policies),
    ...(diff === undefined ? [] : failures(diff, options.failOn ?? [])),
  ];
  if (failed.length > 0) throw new CommandFailed(failureText(failed));
}

function planned(
  environment: string,
  folder: string,
  base: string | undefined,
  { root = __PROJECT_ROOT__, err }: Surroundings,
): Promise<Compared> {
  if (base === undefined) return buildPlan(folder, environment).then((plan) => ({ plan }));
  return compare({ root, folder, environment, base }, new Progress(err));
}

/** Writes what is to be written, and says so. */
function write({ plan, diff }: Compared, { out, html, markdown }: Options): string[] {
  const written: string[] = [];
  if (out !== undefined) {
    writeOut(plan, out);
    written.push(`Written to ${out}: plan.json, manifests/`);
  }
  if (html !== undefined) {
    writeReport('--html', html, renderHtml({ plan, diff }));
    written.push(`Written to ${html}`);
  }
  if (markdown !== undefined && diff !== undefined) {
    writeReport('--markdown', markdown, renderMarkdown(plan, diff));
    written.push(`Written to ${markdown}`);
  }
  return written;
}

function missingEnvironment(folder: string): InputError {
  return new InputError('command line', [
    {
      key: 'environment',
      reason: 'is missing',
      allowed: environmentNames(folder).join(', '),
      fix: 'npm run preview -- dev',
    },
  ]);
}

function refuseWithoutBase({ base, markdown, failOn }: Options): void {
  if (base !== undefined) return;
  const alone = [...(markdown === undefined ? [] : ['--markdown']), ...(failOn === undefined ? [] : ['--fail-on'])];
  if (alone.length === 0) return;
  throw new InputError(
    'command line',
    alone.map((key) => ({
      key,
      reason: 'tells of changes, and there is nothing to compare with',
      fix: 'add --base origin/main',
    })),
  );
}
