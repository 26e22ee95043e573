import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../bin/free-ports';
import { answers } from './answers';
import { pythonTool } from './python-tools';
import { StoreProcess } from './store-process';

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
    private readonly process: StoreProcess,
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
    const endpoint = `http://127.0.0.1:${s3}`;
    const process = await StoreProcess.start({
      name: 'the S3 server',
      command: pythonTool('weed'),
      args: ['server', ...args],
      folder,
      // Without keys it refuses requests.
      answers: () => answers(endpoint, ({ status }) => status < 500),
    });
    return new S3Server(endpoint, process);
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
