import { spawn } from 'node:child_process';
import { basename, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type Output, runCommand, type Style, styleOf } from '../bin/command';
import { Progress } from '../bin/progress';
import { InputError } from '../models/problem';
import { openEnvironment, planOf } from '../preview/build-plan';
import { environmentNames } from '../preview/config-file';
import { kubeconfigOf } from './control-plane';
import { SandboxFailure } from './failure';
import { kubectlEnvironment } from './kubectl';
import type { Prepared, Wanted } from './prepare';
import { report } from './report';
import { Sandbox } from './sandbox';

declare const __PROJECT_ROOT__: string;

export interface SandboxSurroundings {
  /** The project's folder. */
  readonly root: string;
  /** The folder of the `Pulumi.<env>.yaml` files. */
  readonly folder: string;
  readonly out: Output;
  readonly err: Pick<Output, 'write'>;
}

const DEFAULT_ENVIRONMENT = 'dev';
const DEFAULT_NAME = 'default';
const FAILED = 1;

/**
 * `npm run sandbox -- up | status | apply | kubectl | down`: an environment on a real Kubernetes control plane with
 * simulated nodes, on this machine.
 *
 * @returns the exit code: 0; 1 where the sandbox failed or something in it does not run; 2 for input that cannot work
 */
export async function main(
  args: readonly string[],
  surroundings: SandboxSurroundings = {
    root: __PROJECT_ROOT__,
    folder: __PROJECT_ROOT__,
    out: process.stdout,
    err: process.stderr,
  },
): Promise<number> {
  const { out, err } = surroundings;
  let code = 0;
  const program = new Command('sandbox')
    .description('An environment on a real Kubernetes control plane with simulated nodes, on this machine.')
    .option('--name <name>', 'which sandbox: several can run side by side', DEFAULT_NAME)
    .enablePositionalOptions();
  const environments = environmentNames(surroundings.folder).join(', ');
  const folderOption = [
    '--folder <folder>',
    'where the Pulumi.<environment>.yaml files are (default: the project)',
  ] as const;
  const sandbox = () => sandboxOf(surroundings.root, program.opts<{ name: string }>().name);
  program
    .command('up')
    .description('start what does not run, apply an environment, wait until its pods are ready')
    .argument('[environment]', `one of: ${environments} (default: the last one, or ${DEFAULT_ENVIRONMENT})`)
    .option(...folderOption)
    .option(
      '--bare',
      "the environment's nodes, storage classes and definitions alone, until it is taken down: for a pulumi up",
    )
    .action((environment: string | undefined, options: BringUpOptions) =>
      bringUp('up', sandbox(), environment, options, surroundings),
    );
  program
    .command('apply')
    .description('apply an environment to the sandbox that runs')
    .argument('[environment]', `one of: ${environments} (default: the last one)`)
    .option(...folderOption)
    .action((environment: string | undefined, options: BringUpOptions) =>
      bringUp('apply', sandbox(), environment, options, surroundings),
    );
  program
    .command('status')
    .description('what runs, what is served where')
    .action(async () => {
      code = await status(sandbox(), surroundings);
    });
  program
    .command('kubectl')
    .description('kubectl on the sandbox: kubectl get pods --all-namespaces')
    .argument('[args...]')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (passed: string[]) => {
      code = await kubectl(sandbox(), passed);
    });
  program
    .command('down')
    .description('end everything and delete all that is left of it')
    .action(() => takeDown(sandbox(), surroundings));
  try {
    return (await runCommand(program, args, { out, err })) || code;
  } catch (error) {
    if (!(error instanceof SandboxFailure)) throw error;
    err.write(`${error.message}\n`);
    return FAILED;
  }
}

function sandboxOf(root: string, name: string): Sandbox {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) return new Sandbox(root, join(root, '.sandbox', name));
  throw new InputError('command line', [
    {
      key: '--name',
      value: name,
      reason: 'is no name for a folder of the sandbox',
      allowed: 'up to 32 lowercase letters, digits and "-"',
    },
  ]);
}

interface BringUpOptions {
  readonly folder?: string;
  readonly bare?: true;
}

/** How a person calls this command for this sandbox. */
function commandOf(sandbox: Sandbox): string {
  const name = basename(sandbox.folder);
  return `npm run -s sandbox --${name === DEFAULT_NAME ? '' : ` --name ${name}`}`;
}

function noneRuns(sandbox: Sandbox): string {
  return `No sandbox runs. Start one: ${commandOf(sandbox)} up`;
}

async function bringUp(
  act: 'up' | 'apply',
  sandbox: Sandbox,
  environment: string | undefined,
  options: BringUpOptions,
  { folder, out }: SandboxSurroundings,
): Promise<void> {
  const last = sandbox.contents;
  const name = environment ?? last?.name ?? DEFAULT_ENVIRONMENT;
  const lastFolder = environment === undefined ? last?.folder : undefined;
  const wanted = {
    name,
    folder: options.folder === undefined ? (lastFolder ?? folder) : resolve(options.folder),
    // What somebody else has applied to it is not wiped.
    bare: options.bare ?? (last?.name === name && last.bare),
  };
  const progress = new Progress(out);
  try {
    const applied = await sandbox[act](wanted, progress);
    progress.clear();
    if (!wanted.bare) out.write(`\n${await report(applied, sandbox.kubectl, styleOf(out))}`);
    out.write(`\n${lookAround(sandbox, applied)}`);
  } finally {
    progress.clear();
  }
}

/** What to do next, in commands. */
function lookAround(sandbox: Sandbox, { environment }: Pick<Prepared, 'environment'>): string {
  const command = commandOf(sandbox);
  return [
    'Look around',
    `  ${command} kubectl get pods -n ${environment.servingNamespace} -o wide`,
    `  export KUBECONFIG=${relative(process.cwd(), kubeconfigOf(sandbox.folder))}`,
    `  ${command} down`,
    '',
  ].join('\n');
}

async function status(sandbox: Sandbox, { out }: SandboxSurroundings): Promise<number> {
  const { processes, contents } = sandbox;
  const started = processes.started;
  if (started.length === 0) {
    out.write(`${noneRuns(sandbox)}\n`);
    return FAILED;
  }
  let dead = 0;
  let total = 0;
  for (const name of started) {
    const pid = processes.pid(name);
    const memory = processes.memoryMib(name);
    total += memory;
    if (pid === undefined) dead += 1;
    const state =
      pid === undefined ? `does not run: see ${processes.logFile(name)}` : `process ${pid}, ${Math.round(memory)} MiB`;
    out.write(`${name.padEnd(24)}  ${state}\n`);
  }
  out.write(`${'memory'.padEnd(24)}  ${Math.round(total)} MiB\n`);
  if (processes.pid('kube-apiserver') !== undefined && processes.pid('etcd') !== undefined && contents !== undefined) {
    out.write(`${'environment'.padEnd(24)}  ${contents.name}\n`);
    out.write(`\n${await reportOf(sandbox, contents, styleOf(out))}`);
  }
  if (dead > 0) out.write(`\nWhat does not run is started again by: ${commandOf(sandbox)} up\n`);
  return dead > 0 ? FAILED : 0;
}

/** @returns the report, or why there is none: the environment's file may have changed since it was applied */
async function reportOf(sandbox: Sandbox, { folder, name }: Wanted, style: Style): Promise<string> {
  try {
    const { config, environment } = openEnvironment(folder, name);
    return await report({ environment, plan: await planOf(environment, config) }, sandbox.kubectl, style);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `The environment's file has changed since it was applied, and cannot work:\n${error.message}\n`;
  }
}

async function kubectl(sandbox: Sandbox, args: readonly string[]): Promise<number> {
  if (sandbox.processes.started.length === 0) throw new SandboxFailure(noneRuns(sandbox));
  const child = spawn(sandbox.kubectlBinary, args, {
    stdio: 'inherit',
    env: kubectlEnvironment(kubeconfigOf(sandbox.folder)),
  });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (status) => done(status ?? FAILED));
  });
}

async function takeDown(sandbox: Sandbox, { out }: SandboxSurroundings): Promise<void> {
  if (!sandbox.exists) {
    out.write('No sandbox is there.\n');
    return;
  }
  const ended = await sandbox.down(new Progress(out));
  out.write(`${ended} programs ended, ${relative(process.cwd(), sandbox.folder)} deleted.\n`);
}
