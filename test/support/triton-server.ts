import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../bin/free-ports';
import { tritonEnvironment } from './python-tools';
import { type Answer, TritonClient } from './triton/client';
import { StagedRepository } from './triton/staged-repository';

const START_MS = 240_000;
/** Twice what it is told to wait for requests in flight, and for its models to leave. */
const STOP_MS = 60_000;
/** How often a start is tried when another process took one of the ports. */
const TRIES = 3;
/** What the core says in its log alone. */
const REFUSAL = /Poll failed|failed to poll|libprotobuf ERROR|version directory is not present/;
const STAND_IN = join(import.meta.dirname, 'triton', 'stand-in');

/** The backends that stand in for real ones. `python` and `ensemble` are the real ones. */
export const STAND_INS: readonly string[] = ['tensorrtllm', 'onnxruntime', 'pytorch', 'tensorrt', 'vllm'];

export interface TritonServerOptions {
  /**
   * The folder that holds a folder for each model. The python backend writes `__pycache__` beside each model.py, after
   * which the next load of that model loads it again: give it a folder of the test's own.
   */
  readonly repository: string;
  /** `none` loads all models at the start, and ends when one of them is bad; `poll` looks for changes each second. @default 'explicit' */
  readonly modelControl?: 'explicit' | 'none' | 'poll';
  /** Loaded at the start under explicit control. @default none */
  readonly loadModels?: readonly string[];
  /**
   * Further flags of tritonserver, such as `--rate-limit=execution_count`. `--disable-auto-complete-config` makes a load
   * take 0.15 s instead of 1.4 s, and the core no longer fills in what a configuration leaves out. @default none
   */
  readonly flags?: readonly string[];
  /** Backends that `triton/stand-in/model.py` stands in for, by name. @default STAND_INS */
  readonly backends?: readonly string[];
  /**
   * The server sees no GPU, and its core refuses `KIND_GPU`: "instance group x_0 of model x has kind KIND_GPU but no GPUs
   * are available". With this it gets a copy of each config.pbtxt in which `KIND_GPU` is `KIND_CPU` and `gpus` is empty,
   * so a group has `count` instances, not `count` on each GPU. Nothing else of an instance group changes. @default false
   */
  readonly gpuAsCpu?: boolean;
  /**
   * Where a pod mounts the repository, such as `/models`. Strings in config.pbtxt that start with it (`gpt_model_path`)
   * start with `repository` instead. @default no string is rewritten
   */
  readonly mountedAt?: string;
  /** A loopback address of its own, on which it has the ports that Triton has in a pod. @default free ports of 127.0.0.1 */
  readonly address?: string;
}

const POD_PORTS = [8000, 8001, 8002];

/**
 * A real tritonserver without a GPU, on the loopback interface: the wheel of test/requirements-triton.txt. Its core reads
 * and checks configurations, schedules, batches and counts; `triton/stand-in/model.py` says what it leaves to backends.
 */
export class TritonServer extends TritonClient {
  private ended: string | undefined;
  /** For a caller that ends without stopping it. */
  private readonly killAtExit = () => {
    this.killGroup();
    rmSync(this.folder, { recursive: true, force: true });
  };

  private constructor(
    http: string,
    /** host:port */
    readonly grpc: string,
    metricsUrl: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly staged: StagedRepository | undefined,
  ) {
    super(http, metricsUrl);
    globalThis.process.once('exit', this.killAtExit);
  }

  /** @throws when the server ends, or does not answer within four minutes, with the end of what it said. */
  static async start(options: TritonServerOptions): Promise<TritonServer> {
    for (let attempt = 1; ; attempt++) {
      const server = await TritonServer.spawn(options);
      const deadline = Date.now() + START_MS;
      // Until every model of the start is loaded, nobody listens. `ready` also asks for models loaded later.
      while (server.runs && Date.now() < deadline) {
        if (await server.live()) return server;
        await setTimeout(50);
      }
      await server.stop();
      const said = server.log();
      if (attempt < TRIES && /Socket '.*' already in use/.test(said)) continue;
      throw new Error(`tritonserver did not start:\n${(errors(said) || said).slice(-4000)}`);
    }
  }

  private static async spawn(options: TritonServerOptions): Promise<TritonServer> {
    const wheel = findWheel();
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-triton-'));
    const backends = join(folder, 'backends');
    // Copies: the core refuses the library of a python-based backend behind a link as one that "escapes" the folder.
    cpSync(join(wheel.server, 'backends', 'python'), join(backends, 'python'), { recursive: true });
    cpSync(wheel.stub, join(backends, 'python', 'triton_python_backend_stub'));
    for (const name of options.backends ?? STAND_INS) cpSync(STAND_IN, join(backends, name), { recursive: true });

    const { gpuAsCpu = false, mountedAt, modelControl = 'explicit' } = options;
    const rewritten = gpuAsCpu || mountedAt !== undefined;
    const staged = rewritten
      ? new StagedRepository(options.repository, join(folder, 'models'), { gpuAsCpu, mountedAt })
      : undefined;
    staged?.refresh();

    const { address = '127.0.0.1' } = options;
    const [http, grpc, metrics] = options.address === undefined ? await freePorts(3) : POD_PORTS;
    const flags = {
      'model-repository': staged?.folder ?? options.repository,
      'model-control-mode': modelControl,
      ...(modelControl === 'poll' && { 'repository-poll-secs': 1 }),
      'backend-directory': backends,
      'cache-directory': join(wheel.server, 'caches'),
      'http-address': address,
      'http-port': http,
      'grpc-address': address,
      'grpc-port': grpc,
      'metrics-address': address,
      'metrics-port': metrics,
      'allow-gpu-metrics': false,
      'exit-timeout-secs': STOP_MS / 2 / 1000,
    };
    const args = [
      ...Object.entries(flags).map(([key, value]) => `--${key}=${value}`),
      ...(options.loadModels ?? []).map((name) => `--load-model=${name}`),
      ...(options.flags ?? []),
    ];
    const log = openSync(join(folder, 'log'), 'w');
    const child = spawn(join(wheel.server, 'bin', 'tritonserver'), args, {
      stdio: ['ignore', log, log],
      // A group of its own: the processes of Python models go with it, whatever state they are in.
      detached: true,
      cwd: folder,
      // Nothing else of the caller's: AIP_MODE, CUDA and Python variables would make it another server.
      env: {
        // The python backend finds its Python, and so numpy, by this. It heeds no PYTHON* variable.
        PATH: `${join(tritonEnvironment(), 'bin')}:/usr/bin:/bin`,
        HOME: folder,
        LD_LIBRARY_PATH: wheel.libraries,
        CUDA_VISIBLE_DEVICES: '',
      },
    });
    closeSync(log);
    const url = (port: number | undefined, path: string) => `http://${address}:${port}${path}`;
    return new TritonServer(url(http, ''), `${address}:${grpc}`, url(metrics, '/metrics'), child, folder, staged);
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Whether the process is there. */
  get runs(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** What it and its backends have said until now, or had said when it was stopped. */
  log(): string {
    return this.ended ?? readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Returns when the process has ended: asked to, or, after a minute, made to. */
  async stop(): Promise<void> {
    if (this.ended !== undefined) return;
    if (this.runs) {
      const exit = new Promise((done) => this.process.once('exit', done));
      this.process.kill('SIGTERM');
      const patience = new AbortController();
      const late = setTimeout(STOP_MS, 'late', { signal: patience.signal }).catch(() => undefined);
      if ((await Promise.race([exit, late])) === 'late') this.process.kill('SIGKILL');
      await exit;
      patience.abort();
    }
    this.killGroup();
    globalThis.process.removeListener('exit', this.killAtExit);
    this.ended = this.log();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @throws with what the server said last, when it has ended in the meantime. */
  protected override async send(...request: Parameters<TritonClient['send']>) {
    try {
      return await super.send(...request);
    } catch (error) {
      if (this.runs) throw error;
      const { exitCode, signalCode } = this.process;
      throw new Error(`tritonserver ended by ${signalCode ?? exitCode}:\n${this.log().slice(-4000)}`, { cause: error });
    }
  }

  private killGroup(): void {
    try {
      if (this.pid !== undefined) globalThis.process.kill(-this.pid, 'SIGKILL');
    } catch {
      // All of them have ended.
    }
  }

  /**
   * As a client does, with what the log adds to a refusal: when the core refuses the file itself, its answer is "failed
   * to poll from model repository" and only the log says why. (Of loads at the same time, all get all that was said.)
   */
  override async load(name: string, config?: object): Promise<Answer> {
    this.staged?.refresh();
    const before = this.log().length;
    const answer = await super.load(name, config && (this.staged?.rewriteConfig(config) ?? config));
    if (answer.error === undefined) return answer;
    return { ...answer, error: [answer.error.trim(), ...refusals(this.log().slice(before))].join('\n') };
  }
}

/** What the log says of configurations that were not taken, without time and place. */
function refusals(log: string): string[] {
  const lines = log.split('\n').filter((line) => REFUSAL.test(line));
  return lines.map((line) => line.replace(/^.*?\] "?(.*?)"?$/, '$1'));
}

/** Lines that tell of errors; information and tables left out. */
function errors(log: string): string {
  return log.replaceAll(/^(I\d{4} |[+|]).*\n/gm, '').trim();
}

interface Wheel {
  /** bin, backends and caches. */
  readonly server: string;
  readonly packages: string;
  /** The python backend's process, of this Python's version. */
  readonly stub: string;
  readonly libraries: string;
}

function findWheel(): Wheel {
  const script =
    'import json, sys, sysconfig as s; ' +
    'print(json.dumps([s.get_path("purelib"), "%d.%d" % sys.version_info[:2], s.get_config_var("LIBDIR")]))';
  const said = execFileSync(join(tritonEnvironment(), 'bin', 'python'), ['-c', script], { timeout: START_MS });
  const [packages, version, libraries] = JSON.parse(said.toString()) as [string, string, string];
  const server = join(packages, 'pytriton', 'tritonserver');
  if (!existsSync(server)) {
    throw new Error('tritonserver comes as a wheel for Linux on x86-64 alone (test/requirements-triton.txt)');
  }
  const stub = join(server, 'python_backend_stubs', version, 'triton_python_backend_stub');
  if (!existsSync(stub)) throw new Error(`nvidia-pytriton has no python backend for Python ${version}: ${stub}`);
  return { server, packages, stub, libraries: `${join(packages, 'nvidia_pytriton.libs')}:${libraries}` };
}
