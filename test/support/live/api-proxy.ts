import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../../bin/free-ports';
import { kubeconfigOf } from '../../../sandbox/control-plane';
import type { Sandbox } from '../../../sandbox/sandbox';
import { answers } from '../answers';

const START_MS = 120_000;
/** Longest wait for one answer. */
const ASK_MS = 30_000;
/** Longest wait for an answer that says something. */
const PATIENCE_MS = 180_000;
const LOOK_MS = 100;

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
    // All of it can be asked again.
    const { status, text } = await patientFetch(`${this.url}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': type ?? '' } }),
    });
    if (status === 404) return undefined;
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 1000)}`);
    return JSON.parse(text) as T;
  }
}

/** A conflict, too many requests, and what goes wrong on the other side are of the moment. */
const isOfTheMoment = (status: number) => status === 409 || status === 429 || status >= 500;

/** Asks until there is an answer that is not of the moment alone, or for three minutes. */
export async function patientFetch(url: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await setTimeout(LOOK_MS)) {
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(ASK_MS) });
      const said = { status: answer.status, text: await answer.text() };
      if (!isOfTheMoment(said.status) || Date.now() > deadline) return said;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${url} does not answer`, { cause: error });
    }
  }
}

/** Waits until an address answers with success. */
export async function untilAnswers(url: string, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!(await answers(url))) {
    if (Date.now() > deadline) throw new Error(`${url} does not answer after ${waitMs / 1000} s`);
    await setTimeout(LOOK_MS);
  }
}
