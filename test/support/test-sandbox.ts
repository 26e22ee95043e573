import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Progress } from '../../bin/progress';
import { imageReference, versions } from '../../models/versions';
import type { KubernetesObject } from '../../preview/plan';
import { customKind, Definitions } from '../../sandbox/definitions';
import type { Kubectl } from '../../sandbox/kubectl';
import type { Prepared } from '../../sandbox/prepare';
import { Sandbox } from '../../sandbox/sandbox';
import { Captured } from './captured';
import { ROOT } from './environment-file';

/** Longest wait for a sandbox, milliseconds. */
export const UP_MS = 240_000;
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
    await this.kubectl.apply(found);
    await this.untilEstablished(found);
    return kinds.filter((kind) => definitions.of(kind) === undefined);
  }

  /** Waits until the definitions among objects that were applied are known. */
  async untilEstablished(objects: readonly KubernetesObject[]): Promise<void> {
    const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    if (definitions.length === 0) return;
    const names = definitions.map(({ metadata }) => `crd/${metadata.name}`);
    const wait = ['wait', '--for=condition=Established', '--timeout=60s', ...names];
    // One that was just made has no conditions to wait for.
    await eventually(
      () => this.kubectl.try(wait, { timeoutMs: 70_000 }),
      ({ status }) => status === 0,
    );
  }

  async down(): Promise<void> {
    await this.sandbox.down(quiet());
    rmSync(this.home, { recursive: true, force: true });
  }
}

export function quiet(): Progress {
  return new Progress(new Captured());
}

/**
 * Asks until the answer is as wanted, and returns it.
 *
 * @param lookMs - between looks: shorter for what is soon over
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  waitMs = 60_000,
  lookMs = LOOK_MS,
): Promise<T> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline)
      throw new Error(`not so after ${waitMs / 1000} s: ${JSON.stringify(answer).slice(0, 2000)}`);
    await setTimeout(lookMs);
  }
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
