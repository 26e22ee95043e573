import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { layerBinary } from '../bin/kubectl-layer';
import { LockHeld, processLock } from '../bin/process-lock';
import type { Progress } from '../bin/progress';
import { openEnvironment, planOf } from '../preview/build-plan';
import type { KubernetesObject, Plan } from '../preview/plan';
import type { Environment } from '../stacks/environment/environment';
import { KWOK_RIGHTS, missingNamespaces, storageClasses } from './cluster-objects';
import { ControlPlane, kubeconfigOf } from './control-plane';
import { customKind, Definitions, UPSTREAM_VARIABLE } from './definitions';
import { SandboxFailure } from './failure';
import { Kubectl } from './kubectl';
import { growingPools, instanceTypes, nodes } from './node-objects';
import { simulatedPools } from './pools';
import { Processes } from './processes';
import { untilReady } from './readiness';
import { delaysOf, kwokConfig, LOG_TEXT } from './stages';
import { Toolbox } from './tools';
import { removeVolumes } from './volumes';

/** What the sandbox itself applies. Definitions are upstream's, and kubectl's own check trips over OpenShift's. */
const OWN = { manager: 'triton-sandbox', validate: 'ignore' } as const;
/** Longest wait for another command on the same sandbox. */
const LOCK_MS = 120_000;
/** Longest wait for pods to be ready, milliseconds. */
const READY_MS = 180_000;
const ESTABLISHED_MS = 30_000;

/** What an environment is made of: what was read, and what it renders to. */
export interface Applied {
  readonly environment: Environment;
  readonly plan: Plan;
}

/** Which object, without what is in it. */
interface ObjectKey {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What a sandbox holds: where its environment's file is, and what was applied. */
interface Contents {
  readonly environment: string;
  readonly folder: string;
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
   * @param environments - the folder of the `Pulumi.<name>.yaml` files
   * @throws InputError where the environment's file cannot work; SandboxFailure where the sandbox cannot
   */
  async up(environments: string, name: string, progress: Progress): Promise<Applied> {
    // Bad input is told before anything is started.
    openEnvironment(environments, name);
    return this.alone(progress, async () => {
      const tools = await new Toolbox(this.root).find(progress);
      const held = this.contents?.environment;
      if (held !== undefined && held !== name) {
        // Other nodes, other storage classes: a new cluster is there sooner than an old one is cleared.
        await this.clear();
        progress.line(`The sandbox held ${held}: starting anew for ${name}`);
      }
      const plane = new ControlPlane(this.folder, tools);
      await plane.start(progress);
      progress.done('control plane ready');
      return this.applyTo(plane, environments, name, progress);
    });
  }

  /** As {@link up}, on a sandbox that runs. */
  async apply(environments: string, name: string, progress: Progress): Promise<Applied> {
    openEnvironment(environments, name);
    if (this.processes.pid('kube-apiserver') === undefined) {
      throw new SandboxFailure(`no sandbox runs in ${this.folder}. Start one: npm run sandbox -- up ${name}`);
    }
    return this.up(environments, name, progress);
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

  private async applyTo(plane: ControlPlane, folder: string, name: string, progress: Progress): Promise<Applied> {
    const { config, environment } = openEnvironment(folder, name);
    const plan = await planOf(environment, config);
    const { kubectl } = this;
    const pools = simulatedPools(environment);
    const growing = growingPools(pools);
    const objects = plan.charts.flatMap((chart) => chart.objects);
    const isNamespace = ({ kind }: KubernetesObject) => kind === 'Namespace';
    const definitions = this.definitionsFor([...growing, ...objects], progress);
    const { kubernetesVersion } = new Toolbox(this.root);
    const first = [
      ...definitions,
      ...KWOK_RIGHTS,
      ...storageClasses(environment, plan),
      ...pools.flatMap(nodes),
      ...missingNamespaces(plan),
    ];
    const keys = [...objects, ...growing, ...first].map(keyOf);
    await this.prune(kubectl, keys, progress);
    // On record before it is there: were we killed now, the next run would still find it.
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(this.contentsFile, JSON.stringify({ environment: name, folder, objects: keys } satisfies Contents));

    progress.now('applying nodes, storage classes and definitions');
    await Promise.all([kubectl.apply(first, OWN), kubectl.apply(objects.filter(isNamespace))]);
    await established(kubectl, definitions);
    const logFile = join(this.folder, 'pod.log');
    writeFileSync(logFile, LOG_TEXT);
    await plane.simulateNodes(kwokConfig(delaysOf(environment.models), { logFile, kubeletVersion: kubernetesVersion }));
    if (growing.length > 0) await plane.simulateAutoscaler(instanceTypes(pools));
    else await plane.endAutoscaler();
    progress.done(`${pools.length} node pools like those of ${name}`);

    const rest = objects.filter((object) => !isNamespace(object));
    progress.now(`applying ${rest.length} objects`);
    await kubectl.apply(growing, OWN);
    await kubectl.apply(rest);
    progress.done(`${objects.length} objects of ${plan.charts.length} charts applied, unknown fields refused`);
    await untilReady(kubectl, environment.servingNamespace, READY_MS, progress);
    progress.done('all pods ready');
    return { environment, plan };
  }

  /** The definitions of the custom resources among these objects. */
  private definitionsFor(objects: readonly KubernetesObject[], progress: Progress): KubernetesObject[] {
    const names = [...new Set(objects.flatMap((object) => customKind(object) ?? []))].sort();
    if (names.length === 0) return [];
    const known = Definitions.open(this.root, progress);
    // Karpenter does not start without the others of its own.
    const needed = names.some((name) => name.startsWith('karpenter.sh/'))
      ? [...new Set([...names, ...known.names.filter((name) => name.startsWith('karpenter.'))])]
      : names;
    return needed.map((name) => {
      const definition = known.of(name);
      if (definition !== undefined) return definition;
      throw new SandboxFailure(
        `no definition of ${name} is at hand. Set ${UPSTREAM_VARIABLE} to a folder with crds/PROJECT/*.yaml that has it`,
      );
    });
  }

  /** Deletes what the environment had before and has no longer. */
  private async prune(kubectl: Kubectl, keys: readonly ObjectKey[], progress: Progress): Promise<void> {
    const kept = new Set(keys.map((key) => JSON.stringify(key)));
    const gone = (this.contents?.objects ?? []).filter((key) => !kept.has(JSON.stringify(key)));
    if (gone.length === 0) return;
    progress.now(`deleting ${gone.length} objects that the environment no longer has`);
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: gone });
    // Without waiting: a pool goes when its nodes are empty, and they are when the new objects are there.
    await kubectl.run(['delete', '--ignore-not-found', '--wait=false', '--filename=-'], { input });
    progress.done(`${gone.length} objects deleted that the environment no longer has`);
  }
}

async function established(kubectl: Kubectl, definitions: readonly KubernetesObject[]): Promise<void> {
  if (definitions.length === 0) return;
  const names = definitions.map(({ metadata }) => `customresourcedefinition/${metadata.name}`);
  await kubectl.run(['wait', '--for=condition=Established', `--timeout=${ESTABLISHED_MS / 1000}s`, ...names]);
}

function keyOf({ apiVersion, kind, metadata: { name, namespace } }: KubernetesObject): ObjectKey {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}
