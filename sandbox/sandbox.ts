import { existsSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { layerBinary } from '../bin/kubectl-layer';
import type { Progress } from '../bin/progress';
import { replaceFile } from '../bin/replace-file';
import { tolerate } from '../bin/tolerate';
import { slug } from '../constructs/naming';
import type { KubernetesObject } from '../preview/plan';
import type { Environment } from '../stacks/environment/environment';
import { Certificates } from './certificates';
import { commandLock } from './command-lock';
import { ControlPlane, kubeconfigOf } from './control-plane';
import { SandboxFailure } from './failure';
import { Kubectl } from './kubectl';
import { instanceTypes } from './node-objects';
import { type Prepared, prepare, type Wanted } from './prepare';
import { Processes } from './processes';
import { untilReady } from './readiness';
import { delaysOf, kwokConfig, LOG_TEXT } from './stages';
import { CLUSTER_TOOLS, Toolbox } from './tools';
import { untilAccounts, untilServed } from './usable';
import { removeVolumes } from './volumes';

/** How the sandbox's own objects are applied: controllers may have tainted its nodes since. */
const OWN = { manager: 'triton-sandbox', force: true } as const;
/** Longest wait for another command on the same sandbox. */
const LOCK_MS = 300_000;
const DELETE_MS = 180_000;

/** Which object, without what is in it. */
interface ObjectKey {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What a sandbox holds. */
interface Contents extends Wanted {
  /** What only a new cluster is without, as text. */
  readonly ground: readonly string[];
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

  /** Whether anything of it is left, be it of a run that was killed. */
  get exists(): boolean {
    return [this.folder, this.goneFolder, this.lockFile].some(existsSync);
  }

  private get lockFile(): string {
    return `${this.folder}.lock`;
  }

  /** Where the folder goes before it is deleted: half a folder would be taken for a whole one. */
  private get goneFolder(): string {
    return `${this.folder}.gone`;
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

  get certificates(): Certificates {
    return new Certificates(join(this.folder, 'pki'));
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
      const toolbox = new Toolbox(this.root, CLUSTER_TOOLS);
      const tools = await toolbox.find(progress);
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
      await this.fill(plane, prepared, toolbox.kubernetesVersion, progress);
      return prepared;
    });
  }

  /** As {@link up}, on a sandbox that runs. */
  async apply(wanted: Wanted, progress: Progress): Promise<Prepared> {
    if (this.processes.pid('kube-apiserver') === undefined) {
      throw new SandboxFailure(`no sandbox runs in ${this.folder}: nothing can be applied to it before \`up\``);
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
    if (existsSync(this.folder)) {
      rmSync(this.goneFolder, { recursive: true, force: true });
      removeVolumes(join(this.folder, 'etcd'));
      renameSync(this.folder, this.goneFolder);
    }
    rmSync(this.goneFolder, { recursive: true, force: true });
    return names.length;
  }

  /** One command at a time on a sandbox. */
  private async alone<T>(progress: Progress, act: () => Promise<T>): Promise<T> {
    const release = await commandLock(this.lockFile, LOCK_MS, 'is at work on this sandbox', progress);
    try {
      return await act();
    } finally {
      release();
      // Another sandbox may be in there, or have taken it away.
      tolerate(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => rmdirSync(dirname(this.folder)));
    }
  }

  private async fill(
    plane: ControlPlane,
    prepared: Prepared,
    kubeletVersion: string,
    progress: Progress,
  ): Promise<void> {
    const { kubectl } = this;
    const { wanted, environment, plan, pools, ground, growing, definitions, claims, objects } = prepared;
    const namespaces = objects.filter(isNamespace);
    const contents: Contents = { ...wanted, ground: groundOf(prepared), objects: objects.map(keyOf) };
    await this.prune(kubectl, contents, progress);
    // On record before it is there: were we killed now, the next run would still find it.
    replaceFile(this.contentsFile, JSON.stringify(contents));

    progress.now('applying nodes, storage classes and definitions');
    await Promise.all([kubectl.apply(ground, OWN), kubectl.apply(namespaces)]);
    await untilServed(kubectl, definitions);
    const logFile = join(this.folder, 'pod.log');
    replaceFile(logFile, LOG_TEXT);
    await plane.simulateNodes(
      kwokConfig(delaysOf(environment.models), { logFile, kubeletVersion, unsimulated: wanted.unsimulated }),
      kubectl,
    );
    if (growing.length > 0) await plane.simulateAutoscaler(instanceTypes(pools), kubectl);
    await kubectl.apply([...growing, ...claims], OWN);
    await untilAccounts(kubectl, [...ground, ...namespaces]);
    progress.done(`${pools.length} ${pools.length === 1 ? 'node pool' : 'node pools'} like those of ${wanted.name}`);
    if (wanted.bare) return;

    progress.now(`applying ${objects.length} objects`);
    await kubectl.apply(objects.filter((object) => !isNamespace(object)));
    progress.done(`${objects.length} objects of ${plan.charts.length} charts applied, unknown fields refused`);
    await untilReady(kubectl, environment.servingNamespace, {
      waitMs: readyMs(environment),
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
function fits(held: Contents, prepared: Prepared): boolean {
  const { name, folder, bare } = prepared.wanted;
  if (held.name !== name || held.folder !== folder || held.bare !== bare) return false;
  const kept = new Set(groundOf(prepared));
  return held.ground.every((text) => kept.has(text));
}

/** What a cluster cannot be rid of in seconds. What a node offers stays as it was when it came. */
function groundOf({ ground, growing, objects }: Prepared): string[] {
  return [...ground, ...growing, ...objects.filter(isNamespace)].map((object) =>
    JSON.stringify(object.kind === 'Node' ? object : keyOf(object)),
  );
}

/** Those of `keys` that are not among `others`. */
function without(keys: readonly ObjectKey[], others: readonly ObjectKey[]): ObjectKey[] {
  const texts = new Set(others.map((key) => JSON.stringify(key)));
  return keys.filter((key) => !texts.has(JSON.stringify(key)));
}

/** Longest wait for pods to be ready, milliseconds: a rollout takes the pods of a server one by one. */
function readyMs({ models }: Environment): number {
  const { fetch, load } = delaysOf(models);
  const rollouts = models.map(({ model }) => {
    const name = slug(model.name);
    return model.scale.max * ((fetch[name] ?? 0) + (load[name] ?? 0));
  });
  return 180_000 + 2000 * Math.max(0, ...rollouts);
}

function isNamespace({ kind }: KubernetesObject): boolean {
  return kind === 'Namespace';
}

function keyOf({ apiVersion, kind, metadata: { name, namespace } }: KubernetesObject): ObjectKey {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}
