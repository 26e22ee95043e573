import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../bin/free-ports';
import { pythonTool } from './python-tools';

const START_MS = 60_000;

/** The keys that the server takes. */
const KEYS = { accessKey: 'test-access-key', secretKey: 'test-secret-key' } as const;

/** How much a server may hold. */
export interface S3ServerOptions {
  /** MiB of a file that it keeps data in. @default 64, for what tests publish */
  readonly volumeMib?: number;
  /** Files that it may keep data in. @default 16 */
  readonly volumes?: number;
}

/** A SeaweedFS server that speaks S3, on the loopback interface, with its data in a folder that goes with it. */
export class S3Server {
  /** The environment in which tools find the keys. */
  readonly keys = { AWS_ACCESS_KEY_ID: KEYS.accessKey, AWS_SECRET_ACCESS_KEY: KEYS.secretKey } as const;

  private constructor(
    readonly endpoint: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start({ volumeMib = 64, volumes = 16 }: S3ServerOptions = {}): Promise<S3Server> {
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-s3-'));
    const [master, masterGrpc, volume, volumeGrpc, filer, filerGrpc, s3, s3Grpc] = await freePorts(8);
    const config = join(folder, 's3.json');
    writeFileSync(
      config,
      JSON.stringify({
        identities: [{ name: 'test', credentials: [KEYS], actions: ['Admin', 'Read', 'Write', 'List'] }],
      }),
    );
    const log = join(folder, 'log');
    const flags = {
      dir: folder,
      ip: '127.0.0.1',
      'ip.bind': '127.0.0.1',
      s3: true,
      's3.config': config,
      's3.port': s3,
      's3.port.grpc': s3Grpc,
      's3.port.iceberg': 0,
      's3.port.lance': 0,
      'master.port': master,
      'master.port.grpc': masterGrpc,
      'master.volumeSizeLimitMB': volumeMib,
      'volume.port': volume,
      'volume.port.grpc': volumeGrpc,
      'volume.max': volumes,
      'filer.port': filer,
      'filer.port.grpc': filerGrpc,
    };
    const args = Object.entries(flags).map(([key, value]) => `-${key}=${value}`);
    const output = openSync(log, 'w');
    const child = spawn(pythonTool('weed'), ['server', ...args], { stdio: ['ignore', output, output] });
    const server = new S3Server(`http://127.0.0.1:${s3}`, child, folder);
    const deadline = Date.now() + START_MS;
    while (!(await server.answers())) {
      if (Date.now() > deadline || child.exitCode !== null) {
        const said = readFileSync(log, 'utf8').slice(-2000);
        await server.stop();
        throw new Error(`the S3 server did not start:\n${said}`);
      }
      await setTimeout(100);
    }
    return server;
  }

  async stop(): Promise<void> {
    const { process, folder } = this;
    if (process.exitCode === null && process.signalCode === null) {
      const ended = new Promise((done) => process.once('exit', done));
      // It has nothing worth a farewell, which takes it 15 seconds.
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  }

  /** Whether it takes requests: without keys it refuses them. */
  private async answers(): Promise<boolean> {
    try {
      const { status } = await fetch(this.endpoint, { signal: AbortSignal.timeout(2000) });
      return status < 500;
    } catch {
      return false;
    }
  }
}
