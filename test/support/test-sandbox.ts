import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Progress } from '../../bin/progress';
import { imageReference, versions } from '../../models/versions';
import type { KubernetesObject } from '../../preview/plan';
import { customKind, Definitions } from '../../sandbox/definitions';
import { SandboxFailure } from '../../sandbox/failure';
import type { Kubectl } from '../../sandbox/kubectl';
import type { Prepared } from '../../sandbox/prepare';
import type { Pod } from '../../sandbox/readiness';
import { Sandbox } from '../../sandbox/sandbox';
import { untilAccounts, untilServed } from '../../sandbox/usable';
import { Captured } from './captured';
import { ROOT } from './environment-file';

/** Longest wait for a sandbox, milliseconds. */
export const UP_MS = 600_000;
/** Longest wait for anything that comes by itself: it costs nothing where it comes. */
const WAIT_MS = 180_000;
/** Between looks: kubectl is a process that takes a tenth of a second of a core. */
const LOOK_MS = 500;

/** A sandbox in a folder of its own, with an environment applied. */
export class TestSandbox {
  private constructor(
    readonly sandbox: Sandbox,
    private readonly home: string,
  ) {}

  /** @param folder - of the environment's file */
  static async up(name: string, folder: string = ROOT): Promise<TestSandbox & { readonly prepared: Prepared }> {
    const test = TestSandbox.empty();
    try {
      const prepared = await test.sandbox.up({ name, folder, bare: false }, quiet());
      return Object.assign(test, { prepared });
    } catch (error) {
      await test.down();
      throw error;
    }
  }

  static empty(): TestSandbox {
    const home = mkdtempSync(join(tmpdir(), 'triton-stack-sandbox-'));
    return new TestSandbox(new Sandbox(ROOT, join(home, 'sandbox')), home);
  }

  get kubectl(): Kubectl {
    return this.sandbox.kubectl;
  }

  /**
   * Installs the definitions of these objects' kinds.
   *
   * @returns the kinds that nobody here defines
   */
  async define(objects: readonly KubernetesObject[]): Promise<string[]> {
    const definitions = Definitions.open(ROOT, quiet());
    const kinds = [...new Set(objects.flatMap((object) => customKind(object) ?? []))].sort();
    const found = kinds.flatMap((kind) => definitions.of(kind) ?? []);
    await this.apply(found);
    return kinds.filter((kind) => definitions.of(kind) === undefined);
  }

  /** Applies objects, and waits until more can be applied that need them: their kinds, and pods in their namespaces. */
  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    await this.kubectl.apply(objects);
    await this.untilUsable(objects);
  }

  /** Waits for what others make of objects that were applied. */
  async untilUsable(objects: readonly KubernetesObject[]): Promise<void> {
    await untilServed(this.kubectl, objects);
    await untilAccounts(this.kubectl, objects);
  }

  async down(): Promise<void> {
    await this.sandbox.down(quiet());
    // A kubectl of a command that was killed may write its last.
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

export function quiet(): Progress {
  return new Progress(new Captured());
}

/**
 * Asks until the answer is as wanted, and returns it. That the API server refuses, or does not answer, is an answer like
 * others that are not wanted yet. Whatever else is thrown is a mistake, and ends it.
 *
 * @param lookMs - between looks: shorter for what is soon over
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  waitMs = WAIT_MS,
  lookMs = LOOK_MS,
): Promise<T> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    let told: string;
    try {
      const answer = await ask();
      if (wanted(answer)) return answer;
      told = JSON.stringify(answer) ?? 'nothing';
    } catch (error) {
      if (!isRefusal(error)) throw error;
      told = error.message;
    }
    if (Date.now() > deadline) throw new Error(`not so after ${waitMs / 1000} s: ${told.slice(0, 2000)}`);
    await setTimeout(lookMs);
  }
}

/** What is said by the API server, or of the way to it: not of what is asked, which is as wrong the next time. */
const REFUSAL =
  /^(Error from server(?! \((BadRequest|Invalid)\))|Unable to connect to the server|The connection to the server|no answer in time)/m;

function isRefusal(error: unknown): error is SandboxFailure {
  return error instanceof SandboxFailure && REFUSAL.test(error.message);
}

/** Whether no node has room for a pod. */
export function isUnschedulable({ status }: { readonly status: Pick<Pod['status'], 'conditions'> }): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'PodScheduled' && is === 'False') ?? false;
}

export interface TestPod extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>> & { readonly containers: readonly object[] };
}

/** A pod that a cluster of production admits as far as it has no digest, in part as given. */
export function pod(name: string, namespace: string, spec: object = {}, container: object = {}): TestPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': name } },
    spec: {
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image: imageReference(versions.images.rclone),
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          ...container,
        },
      ],
      ...spec,
    },
  };
}
