import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { ModelSource } from '../../constructs/model-source';
import { watchEnvironment } from '../../constructs/sync/model-watch';
import { LOAD_KEY_HEADER, LOAD_KEY_VARIABLE, loadKeyFlags } from '../../constructs/triton-options';
import { EVALUATION_FLAGS } from '../../models/engine/evaluation';
import { commandFlags, type EngineCommand } from '../../models/engine/release-flags';
import { replacedFlag } from '../../models/engine/replaced-flags';
import type { Model } from '../../models/model';
import { type PipelineInput, type PipelineOptions, pipelineInput } from '../../models/pipeline/pipeline-input';
import { TRAINING_FLAGS } from '../../models/pipeline/training';
import { configPbtxt } from '../../models/repository/config-pbtxt';
import type { TensorRtLlmBackend } from '../../models/spec/backend';
import { ModelVolume } from '../support/model-volume';
import { Published } from '../support/published';
import { pipelineTool, pythonTool } from '../support/python-tools';
import { S3Server } from '../support/s3-server';
import { TritonServer } from '../support/triton-server';

/** Of the servers' load API. */
export const KEY = 'key-of-the-pipeline';
const STAND_IN = join(import.meta.dirname, 'stand-in');
const LOCAL_RUN = join(import.meta.dirname, '..', '..', 'pipelines', 'local_run.py');
/** Longest that a run of all steps may take. */
const RUN_MS = 900_000;

const DEPLOY = `
import json, sys
from pathlib import Path
from steps import deploy, rollout
from steps.say import StepFailed
rollout.LOOK_SECONDS = 0
given = json.loads(sys.argv[1])
try:
    deploy.run(given["section"], Path(given["engine"]), {"sources": {}, "checks": {}}, given["release"], "alone")
except StepFailed as error:
    print(f"StepFailed: {error}")
    sys.exit(1)
`;

/** How a stand-in fails, by the program's name. */
export type Faults = Readonly<
  Record<
    string,
    {
      readonly lines?: readonly string[];
      readonly exit?: number;
      readonly seconds?: number;
      readonly build_config?: object;
      readonly wrong?: true;
    }
  >
>;

/** How the deploy step runs alone. */
export interface AloneOptions {
  /** A folder. */
  readonly engine: string;
  readonly release: string;
  /** @default none */
  readonly key?: string | undefined;
  readonly loadSeconds: number;
}

export interface PipelineRun {
  readonly code: number | null;
  /** What all steps and the runner said. */
  readonly said: string;
}

/**
 * A served model, and all that its pipeline reaches: a real S3 server, a real tritonserver, and beside it the sync and the
 * watch of a pod. TensorRT-LLM's programs, the trainer and Triton's backend of engines are stand-ins.
 */
export class LocalPipeline {
  private watch: ChildProcess | undefined;
  private watchSaid = '';
  readonly folder = mkdtempSync(join(tmpdir(), 'triton-stack-pipeline-'));

  private constructor(
    readonly model: Model,
    readonly store: S3Server,
    readonly published: Published,
    readonly volume: ModelVolume,
    readonly server: TritonServer,
    private readonly metrics: Server,
  ) {}

  /** With `first` served, a release whose engine is an older one. */
  static async start(model: Model, first: string): Promise<LocalPipeline> {
    const store = await S3Server.start();
    const uri = `s3://models/${model.name}`;
    const published = new Published(uri, store);
    const credentials = { kind: 'secret', secretName: 'keys' } as const;
    const source = ModelSource.s3({ uri, region: 'us-east-1', endpoint: store.endpoint, credentials });
    const volume = new ModelVolume(source, store.keys);
    writeFileSync(join(volume.work, 'key'), KEY);
    const repository = join(volume.root, 'repository');
    await published.publish(
      {
        [`${model.name}/config.pbtxt`]: configPbtxt(model, { repository }),
        [`${model.name}/1/config.json`]: JSON.stringify(OLD_ENGINE),
        [`${model.name}/1/rank0.engine`]: 'an older engine',
      },
      { version: first },
    );
    const { code, said } = await volume.sync();
    if (code !== 0) throw new Error(said);
    const server = await TritonServer.start({
      repository,
      loadModels: [model.name],
      flags: [...loadKeyFlags(KEY), '--disable-auto-complete-config'],
    });
    const metrics = createServer((_, response) => response.end(volume.read('metrics/metrics.txt')));
    await new Promise<void>((done) => metrics.listen(0, '127.0.0.1', done));
    const pipeline = new LocalPipeline(model, store, published, volume, server, metrics);
    pipeline.layStandIns();
    pipeline.startWatch();
    return pipeline;
  }

  async stop(): Promise<void> {
    await this.stopWatch();
    this.metrics.close();
    await this.server.stop();
    await this.store.stop();
    this.volume.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What `render` writes for this model, store and server. */
  input(options: Partial<PipelineOptions> = {}): PipelineInput {
    return pipelineInput(this.model, {
      store: this.published.uri,
      endpoint: this.store.endpoint,
      region: 'us-east-1',
      servers: [this.server.http],
      syncMetrics: { port: (this.metrics.address() as AddressInfo).port, path: '/metrics.txt' },
      servedAt: join(this.volume.root, 'repository'),
      examples: join(this.folder, 'stand-in', 'examples'),
      ...options,
    });
  }

  /** Runs the pipeline under kfp's local runner. What an earlier run has got is taken again. */
  async run(input: PipelineInput, parameters: Readonly<Record<string, string | number>>): Promise<PipelineRun> {
    const file = join(this.folder, 'input.json');
    writeFileSync(file, JSON.stringify(input));
    const values = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
    return this.python(['-B', LOCAL_RUN, file, this.folder, ...values], { [LOAD_KEY_VARIABLE]: KEY });
  }

  /** Runs the deploy step alone. It waits `loadSeconds` for a release, without a watch's time to look. */
  deploy({ key, loadSeconds, ...given }: AloneOptions): Promise<PipelineRun> {
    const section = { ...this.input().deploy, loadSeconds, fetchSeconds: 0 };
    const env = { PYTHONPATH: dirname(LOCAL_RUN), ...(key !== undefined && { [LOAD_KEY_VARIABLE]: key }) };
    return this.python(['-B', '-c', DEPLOY, JSON.stringify({ section, ...given })], env);
  }

  private async python(args: readonly string[], env: Readonly<Record<string, string>>): Promise<PipelineRun> {
    const path = [join(this.folder, 'stand-in', 'bin'), dirname(pipelineTool('python')), dirname(pythonTool('rclone'))];
    const child = spawn(pipelineTool('python'), [...args], {
      env: {
        PATH: [...path, '/usr/bin', '/bin'].join(delimiter),
        HOME: this.folder,
        TMPDIR: this.folder,
        STAND_IN: join(this.folder, 'stand-in'),
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONWARNINGS: 'ignore',
        ...this.store.keys,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_MS,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    const code = await new Promise<number | null>((done, failed) => {
      child.once('error', failed);
      child.once('close', done);
    });
    return { code, said };
  }

  /** How stand-ins fail from now on. */
  fail(faults: Faults): void {
    writeFileSync(join(this.folder, 'stand-in', 'faults.json'), JSON.stringify(faults));
  }

  /** Puts objects into the store. */
  async put(path: string, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.folder, 'put', path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    await this.rclone('copy', join(this.folder, 'put', path), `store:data/${path}`);
    return `s3://data/${path}`;
  }

  /** A folder with what lies below an address in the store. */
  async get(uri: string): Promise<string> {
    const folder = mkdtempSync(join(this.folder, 'get-'));
    await this.rclone('copy', uri.replace('s3://', 'store:'), folder);
    return folder;
  }

  /** An object beside the releases of the model, or undefined where there is none. */
  async read(key: string): Promise<string | undefined> {
    const folder = await this.get(this.published.uri);
    const file = join(folder, key);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  private async rclone(...args: readonly string[]): Promise<void> {
    const child = spawn(pythonTool('rclone'), [...args], {
      env: { ...this.volume.environment(), ...this.store.keys, ...this.remote() },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const code = await new Promise((done) => child.once('close', done));
    if (code !== 0) throw new Error(`rclone ended with ${code}`);
  }

  /** The release that the server says it serves, and whether it is ready. */
  async served(): Promise<{ readonly release: string | undefined; readonly ready: boolean }> {
    const config = await this.server.config(this.model.name);
    const parameters = config.parameters as Record<string, { string_value?: string }> | undefined;
    const ready = await fetch(`${this.server.http}/v2/models/${this.model.name}/ready`);
    return { release: parameters?.triton_stack_release?.string_value, ready: ready.status === 200 };
  }

  /** Has nobody load but who has the key. */
  async stopWatch(): Promise<void> {
    const watch = this.watch;
    if (watch === undefined) return;
    this.watch = undefined;
    const ended = new Promise((done) => watch.once('close', done));
    watch.kill('SIGKILL');
    await ended;
  }

  /** What the watch beside the server has said. */
  get watched(): string {
    return this.watchSaid;
  }

  private layStandIns(): void {
    const target = join(this.folder, 'stand-in');
    cpSync(STAND_IN, target, { recursive: true });
    const { release, family = 'llama' } = this.model.backend as TensorRtLlmBackend;
    // Options that warn are refused, too.
    const flags = (command: EngineCommand) => {
      const { flags: all, unsettled } = commandFlags(release, command, family);
      return [...all, ...unsettled].filter((flag) => replacedFlag(command, flag) === undefined);
    };
    const known = {
      'quantize.py': flags('quantize'),
      'convert_checkpoint.py': flags('convert'),
      'trtllm-build': flags('build'),
      'run.py': EVALUATION_FLAGS,
      'trl sft': TRAINING_FLAGS,
    };
    writeFileSync(join(target, 'flags.json'), JSON.stringify(known));
  }

  private startWatch(): void {
    const { volume, server, model } = this;
    const sidecar = watchEnvironment({
      models: [model.name],
      everySeconds: 1,
      loadSeconds: 300,
      syncScript: volume.script,
    });
    const here = { WATCH_SERVER: server.http, LOAD_KEY_FILE: join(volume.work, 'key'), LOAD_KEY_HEADER };
    const env = volume.environment({ ...sidecar, ...here });
    const watch = spawn('/bin/sh', [volume.watchScript], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [watch.stdout, watch.stderr]) stream.on('data', (data) => (this.watchSaid += data));
    this.watch = watch;
  }

  private remote(): Record<string, string> {
    return {
      RCLONE_CONFIG: '/notfound',
      RCLONE_CONFIG_STORE_TYPE: 's3',
      RCLONE_CONFIG_STORE_PROVIDER: 'Other',
      RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
      RCLONE_CONFIG_STORE_ENDPOINT: this.store.endpoint,
      RCLONE_CONFIG_STORE_REGION: 'us-east-1',
    };
  }
}

const OLD_ENGINE = {
  version: '1.0.0',
  build_config: { max_batch_size: 8 },
  pretrained_config: { mapping: { world_size: 1, tp_size: 1, pp_size: 1 } },
};
