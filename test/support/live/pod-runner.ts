import { setTimeout } from 'node:timers/promises';
import { answers } from '../answers';
import type { TritonServer } from '../triton-server';
import type { ApiProxy } from './api-proxy';

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: number };
  readonly failureThreshold?: number;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly exec?: { readonly command: readonly string[] } } };
}

/** A pod as the API server tells it. */
export interface LivePod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly [Container, ...Container[]] };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Starts what a pod's container runs, on an address of its own. */
export type StartServer = (pod: LivePod, address: string) => Promise<TritonServer>;

const LOOK_MS = 250;
const PROBE_MS = 500;
/** What a kubelet waits before it starts a container again, at first: milliseconds. */
const BACK_OFF_MS = 1000;

/**
 * What a kubelet is to the pods of a namespace whose containers are real servers on this machine: it starts them when a pod
 * is bound to a node, asks the container's own probes, tells the API server, starts again what has ended, and has a pod
 * that is deleted end as the pod says.
 *
 * It asks probes twice a second, whatever their period: the nodes and volumes of the sandbox are fast as well.
 */
export class PodRunner {
  private readonly running = new Map<string, RunningPod>();
  private ended = false;
  private failure: Error | undefined;
  private readonly loop: Promise<void>;

  constructor(
    private readonly api: ApiProxy,
    private readonly namespace: string,
    private readonly start: StartServer,
  ) {
    this.loop = this.run().catch((error: Error) => {
      this.failure = error;
    });
  }

  /** The servers of pods that are there, by the pod's name. */
  server(name: string): TritonServer | undefined {
    return [...this.running.values()].find(({ pod }) => pod.metadata.name === name)?.server;
  }

  /** Addresses of a server's pods that are ready and not about to end, as a Service has them. */
  async addresses(instance: string): Promise<string[]> {
    if (this.failure !== undefined) throw this.failure;
    const ready = [...this.running.values()].filter(
      ({ pod, ready, stopping }) =>
        pod.metadata.labels['app.kubernetes.io/instance'] === instance && ready && !stopping,
    );
    return ready.map(({ address }) => address);
  }

  /** Ends all servers. What the API server knows of the pods stays. */
  async end(): Promise<void> {
    this.ended = true;
    await this.loop;
    await Promise.all([...this.running.values()].map((each) => each.kill()));
    if (this.failure !== undefined) throw this.failure;
  }

  private async run(): Promise<void> {
    while (!this.ended) {
      const list = await this.api.get<{ items: LivePod[] }>(`/api/v1/namespaces/${this.namespace}/pods`);
      const pods = list?.items ?? [];
      for (const pod of pods) this.settle(pod);
      for (const [uid, each] of this.running) {
        if (pods.some(({ metadata }) => metadata.uid === uid)) continue;
        this.running.delete(uid);
        await each.kill();
      }
      await setTimeout(LOOK_MS);
    }
  }

  private settle(pod: LivePod): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const known = this.running.get(uid);
    if (known !== undefined) {
      if (deletionTimestamp !== undefined) known.stop();
    } else if (pod.spec.nodeName !== undefined && deletionTimestamp === undefined) {
      this.running.set(uid, new RunningPod(this.api, this.namespace, pod, this.start));
    }
  }
}

class RunningPod {
  readonly address = ownAddress();
  server: TritonServer | undefined;
  ready = false;
  stopping = false;
  private gone = false;
  private restarts = 0;
  private readonly life: Promise<void>;

  constructor(
    private readonly api: ApiProxy,
    private readonly namespace: string,
    readonly pod: LivePod,
    private readonly start: StartServer,
  ) {
    this.life = this.live();
  }

  /** Has it end as a kubelet does: the sleep before, then the signal, then the pod goes. */
  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    const [container] = this.pod.spec.containers;
    const [command, seconds] = container.lifecycle?.preStop?.exec?.command ?? [];
    void (async () => {
      if (command === 'sleep') await setTimeout(Number(seconds) * 1000);
      await this.kill();
      const { name, uid } = this.pod.metadata;
      await this.api.delete(this.path(name), { gracePeriodSeconds: 0, preconditions: { uid } }).catch(() => undefined);
    })();
  }

  async kill(): Promise<void> {
    this.gone = true;
    await this.life;
    await this.server?.stop();
  }

  private async live(): Promise<void> {
    while (!this.gone) {
      await this.tell({ ready: false, started: false });
      try {
        this.server = await this.start(this.pod, this.address);
        if (this.gone) break;
        await this.watch(this.server);
      } catch (error) {
        if (this.gone) break;
        process.stderr.write(`${this.pod.metadata.name}: ${(error as Error).message}\n`);
      }
      await this.server?.stop();
      this.ready = false;
      this.restarts += 1;
      await setTimeout(BACK_OFF_MS);
    }
  }

  /** Until the server ends, or should. */
  private async watch(server: TritonServer): Promise<void> {
    const [{ startupProbe, readinessProbe }] = this.pod.spec.containers;
    let failures = 0;
    let started = startupProbe === undefined;
    while (!this.gone && server.runs) {
      started ||= await this.passes(startupProbe);
      const now = started && (await this.passes(readinessProbe));
      failures = now ? 0 : failures + 1;
      const ready = now || (this.ready && failures < (readinessProbe?.failureThreshold ?? 3));
      if (ready !== this.ready) {
        this.ready = ready;
        await this.tell({ ready, started });
      }
      await setTimeout(PROBE_MS);
    }
  }

  private async passes(probe: Probe | undefined): Promise<boolean> {
    if (probe?.httpGet === undefined) return true;
    const { path, port } = probe.httpGet;
    return answers(`http://${this.address}:${port}${path}`);
  }

  private async tell({ ready, started }: { readonly ready: boolean; readonly started: boolean }): Promise<void> {
    const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const is = ready ? 'True' : 'False';
    await this.api.merge(`${this.path(this.pod.metadata.name)}/status`, {
      status: {
        phase: 'Running',
        hostIP: '127.0.0.1',
        podIP: this.address,
        podIPs: [{ ip: this.address }],
        startTime: at,
        conditions: [
          { type: 'PodScheduled', status: 'True', lastTransitionTime: at },
          { type: 'Initialized', status: 'True', lastTransitionTime: at },
          { type: 'ContainersReady', status: is, lastTransitionTime: at },
          { type: 'Ready', status: is, lastTransitionTime: at },
        ],
        containerStatuses: this.pod.spec.containers.map(({ name, image }) => ({
          name,
          image,
          imageID: '',
          ready,
          started,
          restartCount: this.restarts,
          state: { running: { startedAt: at } },
        })),
      },
    });
  }

  private path(name: string): string {
    return `/api/v1/namespaces/${this.namespace}/pods/${name}`;
  }
}

/** A loopback address that nobody else has, as far as chance goes: 4 million of them. */
function ownAddress(): string {
  const part = (from: number, to: number) => from + Math.floor(Math.random() * (to - from + 1));
  return `127.${part(64, 127)}.${part(0, 255)}.${part(1, 254)}`;
}
