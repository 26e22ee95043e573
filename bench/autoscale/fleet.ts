import type { SeenPod } from './hpa';
import { Random } from './random';
import type { Replica } from './replica';
import type { Requests } from './requests';
import { KEPT_SECONDS, type Sample, SCRAPE_SECONDS, type Scrape } from './sample';

/** How long things take around the servers, seconds. */
export interface ClusterTimes {
  /** From a pod that finds no node until one is there. */
  readonly nodeSeconds: number;
  /** From a node until the pod on it is ready: files and load. */
  readonly startSeconds: number;
  /** How long a node without a pod stays. */
  readonly idleSeconds: number;
}

/** A pod, as far as an autoscaler can know it. */
export interface PodView extends Pick<SeenPod, 'phase'> {
  /** @default none: it has not been scraped */
  readonly sample?: Sample;
}

/** Decides on the number of replicas, every 15 seconds. */
export type Decide = (now: number, current: number, pods: readonly PodView[]) => number;

interface Node {
  /** When it is there. */
  readonly at: number;
  readonly orderedAt: number;
  /** Since when no pod is on it. */
  freeAt: number;
}

interface Pod {
  readonly node: Node;
  readonly startAt: number;
  readonly readyAt: number;
  readonly replica: Replica;
  readonly scrapes: Scrape[];
  ending: boolean;
}

/** `--horizontal-pod-autoscaler-sync-period` of kube-controller-manager. */
const SYNC_SECONDS = 15;
const TICK_SECONDS = 5;

/** What a run cost and did, beside what became of the requests. */
export interface FleetRun {
  /** Of all nodes, from the order to the removal. One GPU, one pod, one replica each. */
  readonly nodeSeconds: number;
  /** Changes of the number of replicas. */
  readonly changes: number;
  readonly mostReplicas: number;
  /** Replicas that were asked for, at each sync. */
  readonly replicas: readonly number[];
}

/** Servers behind a Service that chooses at random, on nodes that come and go, under an autoscaler. */
export class Fleet {
  private pods: Pod[] = [];
  private free: Node[] = [];
  private ready: Pod[] = [];
  private nodeSeconds = 0;
  private readonly random: Random;

  constructor(
    private readonly requests: Requests,
    private readonly replicaOf: (requests: Requests) => Replica,
    private readonly times: ClusterTimes,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  /**
   * Lets the requests come, and ends when all are answered.
   *
   * @param first - replicas that are ready when the first request comes
   */
  run(decide: Decide, first: number): FleetRun {
    const { requests } = this;
    const replicas: number[] = [];
    let wanted = first;
    let changes = 0;
    for (let n = 0; n < first; n += 1) this.addReady();
    let index = 0;
    let tick = 0;
    const end = requests.at[requests.count - 1] as number;
    for (;;) {
      const arrival = index < requests.count ? (requests.at[index] as number) : Number.POSITIVE_INFINITY;
      const at = tick * TICK_SECONDS;
      const next = this.nextAnswer();
      const answerAt = next?.replica.nextAt ?? Number.POSITIVE_INFINITY;
      if (answerAt <= arrival && answerAt <= at) {
        next?.replica.answer();
      } else if (arrival <= at) {
        const pod = this.ready[this.random.below(this.ready.length)] as Pod;
        pod.replica.take(index, arrival);
        index += 1;
      } else {
        if (index >= requests.count && next === undefined) break;
        this.settle(at);
        if (at % SCRAPE_SECONDS === 0) this.scrape(at);
        if (at % SYNC_SECONDS === 0 && at <= end) {
          const asked = decide(at, wanted, this.views(at));
          if (asked !== wanted) changes += 1;
          this.resize(at, wanted, asked);
          wanted = asked;
          replicas.push(wanted);
        }
        tick += 1;
      }
    }
    // What stands at the end is paid until the last request came: the day after is another day.
    for (const { orderedAt } of [...this.free, ...this.pods.map(({ node }) => node)]) {
      this.nodeSeconds += Math.max(0, end - orderedAt);
    }
    return { nodeSeconds: this.nodeSeconds, changes, mostReplicas: Math.max(first, ...replicas), replicas };
  }

  private nextAnswer(): Pod | undefined {
    let next: Pod | undefined;
    let at = Number.POSITIVE_INFINITY;
    for (const pod of this.pods) {
      if (pod.replica.nextAt < at) {
        next = pod;
        at = pod.replica.nextAt;
      }
    }
    return next;
  }

  private addReady(): void {
    const node = { at: 0, orderedAt: 0, freeAt: 0 };
    this.pods.push(this.podOn(node, 0, 0));
    this.ready = this.pods.slice();
  }

  private podOn(node: Node, startAt: number, readyAt: number): Pod {
    return { node, startAt, readyAt, replica: this.replicaOf(this.requests), scrapes: [], ending: false };
  }

  private resize(now: number, from: number, to: number): void {
    for (let n = from; n < to; n += 1) {
      this.free.sort((a, b) => a.at - b.at);
      const node = this.free.shift() ?? { at: now + this.times.nodeSeconds, orderedAt: now, freeAt: 0 };
      const startAt = Math.max(now, node.at);
      this.pods.push(this.podOn(node, startAt, startAt + this.times.startSeconds));
    }
    for (let n = to; n < from; n += 1) {
      // A ReplicaSet ends those first that are not ready, and the youngest of like ones.
      const staying = this.pods.filter(({ ending }) => !ending);
      const victim = staying.reduce((last, pod) => (pod.readyAt >= last.readyAt ? pod : last));
      victim.ending = true;
    }
    this.settle(now);
  }

  /** Pods that get ready, that have ended, and nodes that have been free for too long. */
  private settle(now: number): void {
    for (const { node, replica, ending } of this.pods) {
      if (!ending || replica.inFlight > 0) continue;
      node.freeAt = Math.max(now, node.at);
      this.free.push(node);
    }
    this.pods = this.pods.filter(({ ending, replica }) => !ending || replica.inFlight > 0);
    this.free = this.free.filter((node) => {
      if (now - node.freeAt < this.times.idleSeconds) return true;
      this.nodeSeconds += now - node.orderedAt;
      return false;
    });
    this.ready = this.pods.filter(({ ending, readyAt }) => !ending && readyAt <= now);
  }

  private scrape(now: number): void {
    for (const { readyAt, replica, scrapes } of this.pods) {
      if (readyAt > now) continue;
      const { waiting, inFlight, counters } = replica;
      scrapes.push({ at: now, waiting, inFlight, ...counters });
      if (scrapes.length > KEPT_SECONDS / SCRAPE_SECONDS) scrapes.shift();
    }
  }

  private views(now: number): PodView[] {
    return this.pods
      .filter(({ ending }) => !ending)
      .map(({ startAt, readyAt, scrapes }) => {
        const phase = startAt > now ? 'pending' : readyAt > now ? 'starting' : 'ready';
        return phase === 'ready' && scrapes.length > 0 ? { phase, sample: scrapes } : { phase };
      });
  }
}
