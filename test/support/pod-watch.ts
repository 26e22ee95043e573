import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { kubectlEnvironment } from '../../sandbox/kubectl';
import type { Sandbox } from '../../sandbox/sandbox';
import { eventually } from './test-sandbox';

/** What kubectl says of each change of a pod. */
const LINE = '{.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status}{"\\n"}';

/**
 * Has kubectl tell of objects, and of each change of them. Who looks now and then misses what is soon over.
 *
 * @param args - of `kubectl get`
 * @returns what ends it
 */
export function watch(sandbox: Sandbox, args: readonly string[], onLine: (line: string) => void): () => void {
  const child = spawn(sandbox.kubectlBinary, ['get', ...args, '--watch'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: kubectlEnvironment(sandbox.kubectl.kubeconfig),
  });
  createInterface({ input: child.stdout }).on('line', onLine);
  return () => child.kill('SIGKILL');
}

/** The pods of a server in every state that they come to. */
export class PodWatch {
  /** The least that were ready at a time. */
  leastReady = Number.POSITIVE_INFINITY;
  /** The most that were there at a time. */
  most = 0;
  private readonly pods = new Map<string, boolean>();
  readonly stop: () => void;

  private constructor(sandbox: Sandbox, namespace: string, instance: string) {
    const args = ['pods', `--namespace=${namespace}`, `--selector=app.kubernetes.io/instance=${instance}`];
    this.stop = watch(sandbox, [...args, '--output-watch-events', `--output=jsonpath=${LINE}`], (line) => {
      const [change, name = '', ready] = line.split(' ');
      if (change === 'DELETED') this.pods.delete(name);
      else this.pods.set(name, ready === 'True');
      this.count();
    });
  }

  /** Starts once so many pods are there, all of them ready. */
  static async start(sandbox: Sandbox, namespace: string, instance: string, pods: number): Promise<PodWatch> {
    const started = new PodWatch(sandbox, namespace, instance);
    try {
      await eventually(
        async () => [...started.pods.values()],
        (ready) => ready.length === pods && ready.every(Boolean),
      );
    } catch (error) {
      started.stop();
      throw error;
    }
    started.leastReady = Number.POSITIVE_INFINITY;
    started.most = 0;
    started.count();
    return started;
  }

  /** Of the pods that are there. */
  get names(): string[] {
    return [...this.pods.keys()];
  }

  get ready(): number {
    return [...this.pods.values()].filter(Boolean).length;
  }

  private count(): void {
    this.leastReady = Math.min(this.leastReady, this.ready);
    this.most = Math.max(this.most, this.pods.size);
  }
}
