import { type SpawnSyncReturns, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { KubernetesObject } from '../preview/plan';
import { SandboxFailure } from './failure';

/** How `kubectl apply` names who owns the fields that it sets. */
const FIELD_MANAGER = 'triton-stack';
const ASK_MS = 60_000;

export interface KubectlResult extends Pick<SpawnSyncReturns<string>, 'status' | 'stdout' | 'stderr'> {}

export interface ApplyOptions {
  /** Who owns the fields that are set. @default triton-stack */
  readonly manager?: string;
  /** Take fields over that others have set. @default false: it is an error */
  readonly force?: boolean;
}

/** What kubectl is run with: what it remembers of a cluster goes with the sandbox. */
export function kubectlEnvironment(kubeconfig: string): NodeJS.ProcessEnv {
  return { ...process.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(dirname(kubeconfig), 'kubectl-cache') };
}

/** kubectl on one cluster. */
export class Kubectl {
  constructor(
    private readonly binary: string,
    readonly kubeconfig: string,
  ) {}

  /** Runs kubectl and returns what came of it, whatever that is. */
  async try(
    args: readonly string[],
    options: { readonly input?: string; readonly timeoutMs?: number } = {},
  ): Promise<KubectlResult> {
    const { input, timeoutMs = ASK_MS } = options;
    const child = spawn(this.binary, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: timeoutMs,
      env: kubectlEnvironment(this.kubeconfig),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A kubectl that ends before it has read all says why itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    const status = await new Promise<number | null>((done, failed) => {
      child.once('error', failed);
      child.once('close', done);
    });
    return { status, stdout, stderr };
  }

  /** @throws SandboxFailure with what kubectl said, where it fails */
  async run(
    args: readonly string[],
    options: { readonly input?: string; readonly timeoutMs?: number } = {},
  ): Promise<string> {
    const { status, stdout, stderr } = await this.try(args, options);
    if (status === 0) return stdout;
    const command = args.filter((arg) => !arg.startsWith('-')).slice(0, 3);
    throw new SandboxFailure(
      `kubectl ${command.join(' ')} failed:\n${(stderr || stdout || 'no answer in time').trimEnd()}`,
    );
  }

  /** All objects of these kinds (`pods`, `nodes,persistentvolumes`), in a namespace or in all. */
  async list<T = KubernetesObject>(kinds: string, namespace?: string): Promise<T[]> {
    const where = namespace === undefined ? ['--all-namespaces'] : ['--namespace', namespace];
    const { items } = JSON.parse(await this.run(['get', kinds, ...where, '--output=json'])) as { items: T[] };
    return items;
  }

  /**
   * Applies objects server-side, refusing fields that the API does not know. Returns kubectl's line for each.
   *
   * @throws SandboxFailure with what the API server said, where it refuses one of them
   */
  async apply(objects: readonly KubernetesObject[], options: ApplyOptions = {}): Promise<string[]> {
    if (objects.length === 0) return [];
    const { status, stdout, stderr } = await this.tryApply(objects, options);
    if (status === null) throw new SandboxFailure(`kubectl apply had no answer in time:\n${stderr.trimEnd()}`);
    if (status !== 0) throw new SandboxFailure(`the API server refuses what is applied:\n${stderr.trimEnd()}`);
    return stdout.trimEnd().split('\n');
  }

  /** As {@link apply}, and returns what came of it, whatever that is. */
  tryApply(
    objects: readonly KubernetesObject[],
    { manager = FIELD_MANAGER, force = false }: ApplyOptions = {},
  ): Promise<KubectlResult> {
    // One by one: the fields of a List kubectl checks itself, less strictly than the API server.
    const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    const flags = [
      '--server-side',
      '--validate=strict',
      `--field-manager=${manager}`,
      ...(force ? ['--force-conflicts'] : []),
    ];
    return this.try(['apply', ...flags, '--filename=-'], { input, timeoutMs: 5 * ASK_MS });
  }
}
