import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { layerBinary } from '../bin/kubectl-layer';
import { LockHeld, processLock } from '../bin/process-lock';
import type { Progress } from '../bin/progress';
import type { KubernetesObject } from '../preview/plan';
import { ControlPlane, kubeconfigOf } from './control-plane';
import { SandboxFailure } from './failure';
import { Kubectl } from './kubectl';
import { instanceTypes } from './node-objects';
import { type Prepared, prepare, type Wanted } from './prepare';
import { Processes } from './processes';
import { untilReady } from './readiness';
import { delaysOf, kwokConfig, LOG_TEXT } from './stages';
import { Toolbox } from './tools';
import { removeVolumes } from './volumes';

/** Who owns the fields of what the sandbox itself applies. */
const OWN = 'triton-sandbox';
/** Longest wait for another command on the same sandbox. */
const LOCK_MS = 120_000;
/** Longest wait for pods to be ready, milliseconds. */
const READY_MS = 180_000;
const ESTABLISHED_MS = 30_000;
const DELETE_MS = 60_000;

/** Which object, without what is in it. */
interface ObjectKey {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What a sandbox holds. */
interface Contents extends Wanted {
  /** What only a new cluster is without. */
  readonly ground: readonly ObjectKey[];
  readonly objects: readonly ObjectKey[];
}

/** A Kubernetes control plane on this machine, with simulated nodes like those of an environment. */
export class Sandbox {
  /**
   * @param root - the project's folder
   * @param folder - the sandbox's own: all that it holds is in there, but for empty folders of volumes
   */
  constructor(
    private readonly root: string,
    readonly folder: string,
  ) {}

  get exists(): boolean {
    return existsSync(this.folder);
  }

  get processes(): Processes {
    return new Processes(this.folder);
  }

  get kubectl(): Kubectl {
    return new Kubectl(this.kubectlBinary, kubeconfigOf(this.folder));
  }

  get kubectlBinary(): string {
    return layerBinary(this.root, 'kubectl');
  }

  /** What was applied last, or undefined where nothing was. */
  get contents(): Contents | undefined {
    return existsSync(this.contentsFile)
      ? (JSON.parse(readFileSync(this.contentsFile, 'utf8')) as Contents)
      : undefined;
  }

  private get contentsFile(): string {
    return join(this.folder, 'contents.json');
  }

  /**
   * Starts what does not run, and applies an environment.
   *
   * @throws InputError where the environment's file cannot work; SandboxFailure where the sandbox cannot
   */
  async up(wanted: Wanted, progress: Progress): Promise<Prepared> {
    // Bad input is told before anything is started.
    const prepared = await prepare(wanted, this.root, progress);
    return this.alone(progress, async () => {
      const tools = await new Toolbox(this.root).find(progress);
      const held = this.contents;
      if (held !== undefined && !fits(held, prepared)) {
        // A new cluster is there sooner than nodes, namespaces and definitions are gone from an old one.
        await this.clear();
        const other = held.name === wanted.name ? 'other nodes or namespaces' : held.name;
        progress.line(`The sandbox held ${other}: starting anew`);
      }
      const plane = new ControlPlane(this.folder, tools);
      await plane.start(progress);
      progress.done('control plane ready');
      await this.fill(plane, prepared, progress);
      return prepared;
    });
  }

  /** As {@link up}, on a sandbox that runs. */
  async apply(wanted: Wanted, progress: Progress): Promise<Prepared> {
    if (this.processes.pid('kube-apiserver') === undefined) {
      throw new SandboxFailure(`no sandbox runs in ${this.folder}. Start one: npm run sandbox -- up ${wanted.name}`);
    }
    return this.up(wanted, progress);
  }

  /** Ends all programs and deletes all that is left of them. */
  async down(progress: Progress): Promise<number> {
    return this.alone(progress, () => this.clear());
  }

  private async clear(): Promise<number> {
    const { processes } = this;
    const names = processes.started;
    await Promise.all(names.map((name) => processes.end(name, 'SIGKILL')));
    removeVolumes(join(this.folder, 'etcd'));
    rmSync(this.folder, { recursive: true, force: true });
    return names.length;
  }

  /** One command at a time on a sandbox. */
  private async alone<T>(progress: Progress, act: () => Promise<T>): Promise<T> {
    const file = `${this.folder}.lock`;
    try {
      const onWait = (holder: number) =>
        progress.line(`Waiting for process ${holder}, which is at work on this sandbox`);
      const release = await processLock(file, { waitMs: LOCK_MS, onWait });
      try {
        return await act();
      } finally {
        release();
        const home = dirname(this.folder);
        if (existsSync(home) && readdirSync(home).length === 0) rmdirSync(home);
      }
    } catch (error) {
      if (error instanceof LockHeld)
        throw new SandboxFailure(`another command is at work on this sandbox: ${error.message}`);
      throw error;
    }
  }

  private async fill(plane: ControlPlane, prepared: Prepared, progress: Progress): Promise<void> {
    const { kubectl } = this;
    const { wanted, environment, plan, pools, ground, growing, definitions, objects } = prepared;
    const namespaces = objects.filter(isNamespace);
    const contents: Contents = {
      ...wanted,
      ground: [...ground, ...growing, ...namespaces].map(keyOf),
      objects: objects.map(keyOf),
    };
    await this.prune(kubectl, contents, progress);
    // On record before it is there: were we killed now, the next run would still find it.
    writeFileSync(this.contentsFile, JSON.stringify(contents));

    progress.now('applying nodes, storage classes and definitions');
    await Promise.all([kubectl.apply(ground, OWN), kubectl.apply(namespaces)]);
    await established(kubectl, definitions);
    const logFile = join(this.folder, 'pod.log');
    writeFileSync(logFile, LOG_TEXT);
    const kubeletVersion = new Toolbox(this.root).kubernetesVersion;
    await plane.simulateNodes(kwokConfig(delaysOf(environment.models), { logFile, kubeletVersion }), kubectl);
    if (growing.length > 0) await plane.simulateAutoscaler(instanceTypes(pools));
    await kubectl.apply(growing, OWN);
    progress.done(`${pools.length} ${pools.length === 1 ? 'node pool' : 'node pools'} like those of ${wanted.name}`);
    if (wanted.bare) return;

    progress.now(`applying ${objects.length} objects`);
    await kubectl.apply(objects.filter((object) => !isNamespace(object)));
    progress.done(`${objects.length} objects of ${plan.charts.length} charts applied, unknown fields refused`);
    await untilReady(kubectl, environment.servingNamespace, {
      waitMs: READY_MS,
      progress,
      check: () => plane.requireRunning(),
    });
    progress.done('all pods ready');
  }

  /** Deletes what the environment had before and has no longer. */
  private async prune(kubectl: Kubectl, { objects }: Contents, progress: Progress): Promise<void> {
    const gone = without(this.contents?.objects ?? [], objects);
    if (gone.length === 0) return;
    progress.now(`deleting ${gone.length} objects that the environment no longer has`);
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: gone });
    const wait = `--timeout=${DELETE_MS / 1000}s`;
    await kubectl.run(['delete', '--ignore-not-found', wait, '--filename=-'], { input, timeoutMs: 2 * DELETE_MS });
    progress.done(`${gone.length} objects deleted that the environment no longer has`);
  }
}

/** Whether what is wanted can be had of the same cluster. */
function fits(held: Contents, { wanted, ground, growing, objects }: Prepared): boolean {
  if (held.name !== wanted.name || held.folder !== wanted.folder || held.bare !== wanted.bare) return false;
  const kept = [...ground, ...growing, ...objects.filter(isNamespace)].map(keyOf);
  return without(held.ground, kept).length === 0;
}

/** Those of `keys` that are not among `others`. */
function without(keys: readonly ObjectKey[], others: readonly ObjectKey[]): ObjectKey[] {
  const texts = new Set(others.map((key) => JSON.stringify(key)));
  return keys.filter((key) => !texts.has(JSON.stringify(key)));
}

function isNamespace({ kind }: KubernetesObject): boolean {
  return kind === 'Namespace';
}

async function established(kubectl: Kubectl, definitions: readonly KubernetesObject[]): Promise<void> {
  if (definitions.length === 0) return;
  const names = definitions.map(({ metadata }) => `customresourcedefinition/${metadata.name}`);
  await kubectl.run(['wait', '--for=condition=Established', `--timeout=${ESTABLISHED_MS / 1000}s`, ...names]);
}

function keyOf({ apiVersion, kind, metadata: { name, namespace } }: KubernetesObject): ObjectKey {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}
