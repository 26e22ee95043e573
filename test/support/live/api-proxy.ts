import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../../bin/free-ports';
import { kubeconfigOf } from '../../../sandbox/control-plane';
import type { Sandbox } from '../../../sandbox/sandbox';

const START_MS = 20_000;
const ASK_MS = 10_000;

/** The API server of a sandbox over plain HTTP on the loopback interface, as its administrator. */
export class ApiProxy {
  private constructor(readonly url: string) {}

  static async start(sandbox: Sandbox): Promise<ApiProxy> {
    const [port] = await freePorts(1);
    await sandbox.processes.ensure({
      name: 'kubectl-proxy',
      command: sandbox.kubectlBinary,
      args: [`--kubeconfig=${kubeconfigOf(sandbox.folder)}`, 'proxy', `--port=${port}`],
    });
    const proxy = new ApiProxy(`http://127.0.0.1:${port}`);
    await untilAnswers(`${proxy.url}/readyz`, START_MS);
    return proxy;
  }

  /** The answer, or undefined where there is no such thing. */
  async get<T>(path: string): Promise<T | undefined> {
    return this.ask<T>('GET', path);
  }

  /** Merges into an object; undefined where it is gone. */
  async merge<T>(path: string, change: object): Promise<T | undefined> {
    return this.ask<T>('PATCH', path, change, 'application/merge-patch+json');
  }

  async delete(path: string, options: object): Promise<void> {
    await this.ask('DELETE', path, options, 'application/json');
  }

  private async ask<T>(method: string, path: string, body?: object, type?: string): Promise<T | undefined> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      signal: AbortSignal.timeout(ASK_MS),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': type ?? '' } }),
    });
    const text = await answer.text();
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 1000)}`);
    return JSON.parse(text) as T;
  }
}

/** Waits until an address answers with success. */
export async function untilAnswers(url: string, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
      await answer.arrayBuffer();
      if (answer.ok) return;
    } catch {
      // Nobody listens yet.
    }
    if (Date.now() > deadline) throw new Error(`${url} does not answer after ${waitMs / 1000} s`);
    await setTimeout(100);
  }
}
