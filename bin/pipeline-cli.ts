import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { catalog } from '../models/catalog';
import { type PipelineInput, pipelineInput } from '../models/pipeline/pipeline-input';
import { catalogModel } from './catalog-model';
import { CommandFailed, type Output, runCommand } from './command';
import { environmentPipeline } from './environment-pipeline';
import { pipelineOptions, type RenderOptions } from './pipeline-options';
import { Progress } from './progress';
import { pipelinePython } from './python-environment';
import { replaceFile } from './replace-file';

declare const __PROJECT_ROOT__: string;

export interface PipelineSurroundings {
  readonly out: Output;
  readonly err: Output;
  /** The folder of the `Pulumi.<env>.yaml` files. @default the project's */
  readonly folder?: string;
  /** A Python with what pipelines/requirements.txt pins. @default one that is installed once */
  readonly python?: string;
}

const COMPILE_MS = 120_000;
/** Readable by those who read the folder. */
const MODE = 0o644;

/**
 * `npm run pipeline -- list | render | compile`.
 *
 * @returns the exit code: 0; 1 where the compiler fails; 2 for input that cannot work
 */
export async function main(
  args: readonly string[],
  { out, err, folder = __PROJECT_ROOT__, python }: PipelineSurroundings = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const program = new Command('pipeline').description('The pipeline from data to a served model.');
  program
    .command('list')
    .description('name the models that have an engine to build')
    .action(() => {
      for (const { name, backend } of catalog.values()) if (backend.kind === 'tensorrtllm') out.write(`${name}\n`);
    });
  const withModel = (command: Command) =>
    command
      .argument('<model>', 'a model of the catalogue')
      .option('--environment <name>', 'whose store, servers and nodes are meant: Pulumi.<name>.yaml')
      .option('--store <uri>', "where releases are published (default: the environment's store, or the model's)")
      .option('--region <region>', 'of S3')
      .option('--endpoint <url>', 'of a store that speaks S3 and is not AWS')
      .option('--server <url...>', "HTTP addresses of the servers (default: the environment's)")
      .option('--load-key <secret>', "a Secret with the key of the servers' load API: NAME or NAME/ENTRY")
      .option('--store-secret <name>', 'a Secret with keys of the store (default: the identity of the steps)')
      .option('--hub-secret <name>', 'a Secret whose entry HF_TOKEN opens gated checkpoints of Hugging Face')
      .option('--registry <kind=url>', 'tells releases to a registry: mlflow=https://... or kubeflow=https://...')
      .option('--examples <folder>', "where TensorRT-LLM's examples lie in the image")
      .option('--served-at <folder>', 'where servers see the repository')
      .option('--no-training', 'build the checkpoint as it is')
      .option('--out <file>', 'a file in place of standard output');
  const inputOf = (name: string, options: RenderOptions): PipelineInput => {
    const model = catalogModel(name);
    const { environment } = options;
    return environment === undefined
      ? pipelineInput(model, { servers: [], ...pipelineOptions(options) })
      : environmentPipeline(model, environment, folder, pipelineOptions(options));
  };
  const write = (text: string, file: string | undefined) => {
    if (file === undefined) out.write(text);
    else replaceFile(resolve(file), text, MODE);
  };
  withModel(program.command('render').description('write what the pipeline of a model is made from, as JSON')).action(
    (name: string, options: RenderOptions) => write(jsonOf(inputOf(name, options)), options.out),
  );
  withModel(program.command('compile').description('write the pipeline of a model for Kubeflow, as YAML')).action(
    async (name: string, options: RenderOptions) => {
      const input = inputOf(name, options);
      write(compile(python ?? (await pipelinePython(new Progress(err))), input), options.out);
    },
  );
  return runCommand(program, args, { out, err });
}

/** The text of the JSON that pipelines/ reads. */
export function jsonOf(input: PipelineInput): string {
  return `${JSON.stringify(input, null, 2)}\n`;
}

/**
 * The IR of a model's pipeline: two YAML documents, the pipeline and what is Kubernetes' own of it.
 *
 * @throws CommandFailed with what the compiler says
 */
export function compile(python: string, input: PipelineInput): string {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-pipeline-'));
  try {
    const file = join(folder, 'input.json');
    writeFileSync(file, jsonOf(input));
    const script = join(__PROJECT_ROOT__, 'pipelines', 'compile.py');
    const { status, stdout, stderr, error } = spawnSync(python, ['-B', script, file], {
      encoding: 'utf8',
      timeout: COMPILE_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error !== undefined || status !== 0) {
      throw new CommandFailed(`pipelines/compile.py failed:\n${error?.message ?? stderr.trimEnd()}`);
    }
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
