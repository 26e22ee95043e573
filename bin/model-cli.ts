import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { catalog } from '../models/catalog';
import { explain } from '../models/explain';
import { defineModel, type Model, type ModelSpec } from '../models/model';
import { InputError } from '../models/problem';
import { totalBytes } from '../models/release-manifest';
import { configProblems } from '../models/repository/check-config';
import { repositoryLayout } from '../models/repository/layout';
import { parseConfig } from '../models/repository/model-config';
import { architectureFromHuggingFace } from '../models/spec/architecture';
import { addCapacityCommand } from './capacity-command';
import { catalogModel } from './catalog-model';
import { type Output, runCommand, styleOf } from './command';
import { renderConfig, renderExplanation, renderFit } from './model-report';
import { Progress } from './progress';
import { findRclone } from './rclone';
import { promoteRelease, publishRelease, size } from './release/publish';
import { ReleaseStore } from './release/release-store';
import { readRepositoryFolder } from './release/repository-folder';

declare const __PROJECT_ROOT__: string;

export interface ModelSurroundings {
  readonly out: Output;
  readonly err: Output;
}

interface StoreOptions {
  readonly region?: string;
  readonly endpoint?: string;
}

interface ExplainOptions {
  readonly json?: true;
  readonly region?: string;
  readonly utilization?: string;
  readonly tokensPerSecond?: string;
}

interface FitOptions {
  readonly accelerator: string;
  readonly precision: string;
  readonly kvCache?: string;
  readonly tensorParallel: string;
  readonly maxBatch: string;
  readonly maxInput: string;
  readonly maxOutput: string;
}

/**
 * `npm run model -- list | explain | fit | capacity | check | files | publish | promote | releases`.
 *
 * @returns the exit code: 0; 1 where a store refuses; 2 for input that cannot work
 */
export async function main(
  args: readonly string[],
  { out, err }: ModelSurroundings = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const style = styleOf(out);
  const program = new Command('model').description('The models of the catalogue, and what follows from each.');
  program
    .command('list')
    .description('name the models of the catalogue')
    .action(() => {
      for (const model of catalog.values()) out.write(`${model.name}\n`);
    });
  program
    .command('explain')
    .description('show memory, placement and every figure that follows from a model')
    .argument('<name>', 'a model of the catalogue')
    .option('--json', 'as one JSON object on standard output')
    .option('--region <region>', 'whose prices to take (default: us-central1)')
    .option('--utilization <share>', 'share of the time in which it is active, 0 to 1 (default: 0.5)')
    .option('--tokens-per-second <tokens>', 'of one replica, for the cost of a million tokens')
    .action((name: string, options: ExplainOptions) => {
      const { region, utilization, tokensPerSecond } = options;
      const explanation = explain(catalogModel(name), {
        ...(region !== undefined && { region }),
        ...(utilization !== undefined && { utilization: Number(utilization) }),
        ...(tokensPerSecond !== undefined && { tokensPerSecond: Number(tokensPerSecond) }),
      });
      out.write(options.json ? `${JSON.stringify(explanation, null, 2)}\n` : renderExplanation(explanation, style));
    });
  program
    .command('fit')
    .description('show how a Hugging Face model fills GPUs, from its config.json')
    .argument('<file>', "the model's config.json")
    .requiredOption('--accelerator <name>', 'nvidia-l4, nvidia-tesla-a100 or nvidia-a100-80gb')
    .requiredOption('--precision <type>', 'of the weights: bf16, fp16, fp8, int8-wo, int4-awq, ...')
    .option('--kv-cache <type>', 'of the key-value cache: fp16, bf16, fp8 or int8')
    .option('--tensor-parallel <gpus>', 'GPUs that share each layer', '1')
    .option('--max-batch <requests>', 'requests in flight', '64')
    .option('--max-input <tokens>', 'tokens of a prompt', '4096')
    .option('--max-output <tokens>', 'tokens of an answer', '1024')
    .action((file: string, options: FitOptions) => {
      out.write(renderFit(fitted(file, options), style));
    });
  program
    .command('check')
    .description('check a config.pbtxt: its schema, and what Triton refuses though the schema allows it')
    .argument('<file>', 'a config.pbtxt')
    .action((file: string) => {
      const config = checkedConfig(file);
      out.write(renderConfig(file, config, style));
    });
  program
    .command('files')
    .description('write what a model repository holds that follows from the model; without a folder, name its files')
    .argument('<name>', 'a model of the catalogue')
    .option('--out <folder>', 'a folder that is not there yet')
    .action((name: string, options: { out?: string }) => writeFiles(catalogModel(name), options.out, out));
  addCapacityCommand(program, out, catalogModel, __PROJECT_ROOT__);
  const progress = new Progress(err);
  const storeOf = async (uri: string, options: StoreOptions) =>
    new ReleaseStore({ uri, ...options }, await findRclone(progress), (line) => progress.now(line));
  const withStore = (command: Command) =>
    command
      .argument('<store>', 's3://bucket/path or gs://bucket/path')
      .option('--region <region>', 'of S3 (default: AWS_REGION)')
      .option('--endpoint <url>', 'of a store that speaks S3 and is not AWS (default: AWS_ENDPOINT_URL)');
  withStore(
    program
      .command('publish')
      .description('publish a model repository as a release, which the servers of the store then fetch')
      .argument('<folder>', "the folder that holds the models' folders"),
  )
    .option('--release <version>', 'its version, which must be new (default: the time)')
    .option('--take-over', 'go on with a version that an interrupted run of other content has begun')
    .option('--no-promote', 'servers that name no release go on with the one that they have')
    .action(
      async (
        folder: string,
        uri: string,
        options: StoreOptions & { release?: string; promote: boolean; takeOver?: true },
      ) => {
        const repository = readRepositoryFolder(resolve(folder));
        const { release, promote, takeOver = false, ...address } = options;
        if (repository.leftOut.length > 0) progress.line(`Left out, no model: ${repository.leftOut.join(', ')}`);
        const version = release === undefined ? {} : { version: release };
        const published = await publishRelease(repository, await storeOf(uri, address), progress, {
          ...version,
          promote,
          takeOver,
        });
        out.write(`${published.version}\n`);
      },
    );
  withStore(program.command('promote').description('have a published release served, an older one too'))
    .requiredOption('--release <version>', 'one that is published')
    .action(async (uri: string, { release, ...address }: StoreOptions & { release: string }) => {
      const store = await storeOf(uri, address);
      await promoteRelease(store, release);
      progress.done(`servers of ${store.uri} that name no release take ${release} from now on`);
    });
  withStore(program.command('releases').description('list what is published, and which release is served')).action(
    async (uri: string, options: StoreOptions) => {
      const store = await storeOf(uri, options);
      const current = await store.current();
      for (const version of await store.versions()) {
        const served =
          version === current?.version
            ? `  served: ${current.files.length} files, ${size(totalBytes(current.files))}`
            : '';
        out.write(`${version}${served}\n`);
      }
    },
  );
  return runCommand(program, args, { out, err });
}

function textOf(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  throw new InputError('command line', [{ key: 'file', value: file, reason: 'there is no such file' }]);
}

/** The model that a config.json and the options describe, as an engine. */
function fitted(file: string, options: FitOptions): Model {
  let config: unknown;
  try {
    config = JSON.parse(textOf(file));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(file, [{ key: 'config.json', reason: `is not JSON: ${(error as Error).message}` }]);
  }
  const spec = {
    name: 'model',
    accelerator: options.accelerator,
    scale: { min: 1, max: 1 },
    backend: {
      kind: 'tensorrtllm',
      release: '1.0',
      architecture: architectureFromHuggingFace(config, file),
      precision: options.precision,
      ...(options.kvCache !== undefined && { kvCache: options.kvCache }),
      tensorParallel: Number(options.tensorParallel),
      maxBatch: Number(options.maxBatch),
      maxInput: Number(options.maxInput),
      maxOutput: Number(options.maxOutput),
    },
  };
  return defineModel(spec as unknown as ModelSpec);
}

function checkedConfig(file: string) {
  const path = resolve(file);
  const config = parseConfig(textOf(file), file);
  const folder = basename(path) === 'config.pbtxt' ? basename(dirname(path)) : undefined;
  const problems = configProblems(config, folder);
  if (problems.length > 0) throw new InputError(file, problems);
  return config;
}

/** Writes the files of a repository that follow from the model, all of them or none. */
function writeFiles(model: Model, folder: string | undefined, out: Pick<Output, 'write'>): void {
  const entries = repositoryLayout(model);
  if (folder !== undefined) {
    const target = resolve(folder);
    if (existsSync(target)) {
      throw new InputError('command line', [
        { key: '--out', value: folder, reason: 'is there already', fix: 'name a folder that is not' },
      ]);
    }
    mkdirSync(dirname(target), { recursive: true });
    const staging = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
    try {
      for (const entry of entries) {
        const path = join(staging, entry.path);
        mkdirSync(entry.path.endsWith('/') ? path : dirname(path), { recursive: true });
        if ('content' in entry) writeFileSync(path, entry.content);
      }
      renameSync(staging, target);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  const verb = folder === undefined ? 'follows from the model' : 'written';
  for (const entry of entries)
    out.write(`${entry.path}  ${'content' in entry ? verb : `to be added: ${entry.artifact}`}\n`);
}
