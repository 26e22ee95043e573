import { setTimeout } from 'node:timers/promises';
import { App, Chart } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelChart } from '../../charts/model-chart';
import { MetricsMonitor, ModelSource, QueueAutoscaler, TritonServer } from '../../constructs';
import { capacity } from '../../models/capacity/capacity';
import { gkeNodePool } from '../../models/gke-node-pool';
import { defineModel } from '../../models/model';
import { placeOn } from '../../models/placement';
import type { KubernetesObject } from '../../preview/plan';
import { adapterValues } from '../../stacks/monitoring';
import { HoldingQueue } from '../support/live/holding-queue';
import { CLAIM, LiveCluster, MACHINE, NAMESPACE } from '../support/live/live-cluster';
import { Load, type Send } from '../support/live/load';
import { eventually } from '../support/test-sandbox';

/** With it, replicas are kept for as long as the constructs say, and there is one more, which takes 40 minutes in all. */
const FULL = process.env.TRITON_STACK_FULL_WINDOWS !== undefined;

/** Most replicas of one server, and nodes of the pool that it shares with the other: at peak they compete. */
const MOST = FULL ? 4 : 3;

/** Batches of 4 that take 0.4 s, whatever is in them: 10 requests a second a replica. */
const BATCH_SECONDS = 0.4;
const vision = defineModel({
  name: 'vision',
  backend: {
    kind: 'onnxruntime',
    bytes: 97_800_000,
    inputs: [{ name: 'data', dataType: 'FP32', dims: [4] }],
    outputs: [{ name: 'label', dataType: 'FP32', dims: [1] }],
    batching: { kind: 'dynamic', maxBatch: 4 },
  },
  accelerator: 'nvidia-l4',
  scale: { min: 1, max: MOST },
});

/** An engine of 8 slots, which sleeps unless something is held for it. */
const chat = defineModel({
  name: 'chat',
  backend: {
    kind: 'tensorrtllm',
    release: '1.0',
    architecture: { layers: 32, hidden: 4096, ffn: 14_336, heads: 32, kvHeads: 8, headDim: 128, vocab: 128_256 },
    precision: 'fp8',
    kvCache: 'fp8',
    maxBatch: 8,
    maxInput: 4096,
    maxOutput: 1024,
  },
  accelerator: 'nvidia-l4',
  scale: { min: 0, max: 1, wake: { kind: 'prometheus', query: 'sum(queue_held_requests)' } },
  deadlineSeconds: 10,
});

const MAX_NODES = MOST;
/** Longest wait for a change that a window of a minute and some scrapes come before. */
const CHANGE_MS = 600_000;
/** How long nothing changes where nothing should. */
const HOLD_MS = 15_000;

/** Just less than the window of ten minutes. */
const WINDOW_MS = 590_000;
const PHASE_MS = FULL ? 1_800_000 : CHANGE_MS;
/** Several of them come in one test. */
const TEST_MS = 2 * PHASE_MS;
/** Long enough for a mean. */
const MEASURE_MS = 240_000;

const VISION = 'triton-vision';
const CHAT = 'triton-chat';

const post = async (url: string, body: object, signal: AbortSignal): Promise<number> => {
  const answer = await fetch(url, { method: 'POST', signal, body: JSON.stringify(body) });
  await answer.arrayBuffer();
  return answer.status;
};
const infer: Send = (address, signal) =>
  post(
    `http://${address}:8000/v2/models/vision/infer`,
    { inputs: [{ name: 'data', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] },
    signal,
  );
const generate: Send = (address, signal) =>
  post(
    `http://${address}:8000/v2/models/chat/generate`,
    { input_ids: [1, 2, 3], input_lengths: 3, request_output_len: 1 },
    signal,
  );

const pool = gkeNodePool({ name: 'l4', machineType: MACHINE, maxNodes: MAX_NODES });

function visionObjects(): KubernetesObject[] {
  const chart = modelChart({
    model: vision,
    placement: placeOn(vision, pool),
    source: ModelSource.claim({ claimName: CLAIM, subPath: 'vision' }),
    platform: 'gke',
    namespace: NAMESPACE,
    monitoringNamespace: 'monitoring',
  });
  return chart.toJson() as KubernetesObject[];
}

function chatObjects(url: string): KubernetesObject[] {
  const chart = new Chart(new App(), 'chat', { namespace: NAMESPACE });
  const server = new TritonServer(chart, 'server', {
    model: chat,
    placement: placeOn(chat, pool),
    source: ModelSource.claim({ claimName: CLAIM, subPath: 'chat' }),
    platform: 'gke',
  });
  new QueueAutoscaler(chart, 'autoscaler', { server, source: { kind: 'keda', prometheus: { url } } });
  new MetricsMonitor(chart, 'metrics', { server });
  return chart.toJson() as KubernetesObject[];
}

/**
 * Real servers, scraped by a real Prometheus that the real operator configures, behind what the constructs emit, unedited:
 * prometheus-adapter and a HorizontalPodAutoscaler for one, KEDA for the other. Models, GPUs and kubelets are stand-ins.
 */
describe('replicas follow the load', () => {
  let cluster: LiveCluster;
  let load: Load;
  let queue: HoldingQueue;

  beforeAll(async () => {
    queue = await HoldingQueue.open(async () => cluster?.pods.addresses('chat') ?? [], generate);
    cluster = await LiveCluster.up(
      [
        { model: vision, standIn: { stand_in_delay_ms: BATCH_SECONDS * 1000 } },
        { model: chat, standIn: { stand_in_delay_ms: 1000, stand_in_responses: 1, stand_in_slots: 8 } },
      ],
      MAX_NODES,
      [{ job: 'queue', target: queue.target }],
    );
    load = new Load(() => cluster.pods.addresses('vision'), infer);
    await cluster.metrics.startAdapter(adapterValues);
    await cluster.metrics.startKeda(cluster.on);
  }, TEST_MS);
  afterAll(async () => {
    await load?.end();
    await queue?.close();
    await cluster?.down();
  }, TEST_MS);

  /** Waits for a number of replicas, so many of them ready, and returns every number on the way. */
  const follow = async (wanted: number, ready = wanted): Promise<number[]> => {
    const seen: number[] = [];
    await eventually(
      async () => {
        const replicas = await cluster.replicas(VISION);
        if (replicas !== seen.at(-1)) seen.push(replicas);
        return replicas === wanted && (await cluster.pods.addresses('vision')).length === ready;
      },
      (there) => there,
      PHASE_MS,
    );
    return seen;
  };
  /** Looks for a while, and returns the numbers of replicas that were asked for. */
  const held = async (ms: number): Promise<number[]> => {
    const seen = new Set<number>();
    for (const end = Date.now() + ms; Date.now() < end; await setTimeout(500)) seen.add(await cluster.replicas(VISION));
    return [...seen];
  };

  it('from no node to the first, and what has nothing to do has no replica', { timeout: TEST_MS }, async () => {
    expect(await cluster.nodes()).toBe(0);
    await cluster.apply([...visionObjects(), ...chatObjects(cluster.metrics.url)]);
    await follow(1);
    load.rate(3);
    await eventually(
      () => cluster.replicas(CHAT),
      (replicas) => replicas === 0,
      CHANGE_MS,
    );
    await eventually(
      () => cluster.nodes(),
      (nodes) => nodes === 1,
      CHANGE_MS,
    );
    // What was asked for is what is there until the first figures are.
    expect(await cluster.replicas(VISION)).toBe(1);
    // More than one can do within its target, from here on.
    load.rate(7);
  });

  it('what is held wakes a server, and none of it is lost', { timeout: TEST_MS }, async () => {
    expect(await cluster.pods.addresses('chat')).toEqual([]);
    queue.put(40);
    await eventually(
      async () => queue.answered,
      (answered) => answered === 40,
      CHANGE_MS,
    );
    expect(queue.waiting).toBe(0);
    expect(await cluster.replicas(CHAT)).toBeGreaterThan(0);
  });

  it('there are as many as the target says, and they stay', { timeout: TEST_MS }, async () => {
    expect(await follow(2)).toEqual([1, 2]);
    const [metric] = (await cluster.hpa(VISION))?.spec.metrics ?? [];
    const target = Number.parseInt(metric?.pods?.target.averageValue ?? '', 10) / 1000;
    // As many are computed as come in the time of a batch; the figure is the root of those of a pod.
    expect(Math.ceil((7 * BATCH_SECONDS) / target ** 2)).toBe(2);
    expect(await held(HOLD_MS)).toEqual([2]);
    const late = load.since(performance.now() - HOLD_MS).filter(({ status }) => status !== 200);
    expect(late).toEqual([]);
    if (FULL) await waitsAsDerived(7 / 2);
  });

  /** Requests wait as long as `npm run model -- capacity` says, of so many a second at each replica. */
  const waitsAsDerived = async (ratePerSecond: number): Promise<void> => {
    expect(await held(MEASURE_MS)).toEqual([2]);
    const service = [1, 4].map((requests) => ({ requests, seconds: BATCH_SECONDS }));
    const measured = { measured: 'BATCH_SECONDS', service };
    const { meanWaitSeconds } = capacity(vision, { ratePerSecond, measured }).figures;
    const growth = (counter: string) => `sum(rate(${counter}{pod=~"${VISION}-.*"}[${MEASURE_MS / 1000}s]))`;
    const [sample] = await cluster.metrics.query(
      `${growth('nv_inference_queue_duration_us')} / ${growth('nv_inference_request_success')} / 1e6`,
    );
    const seen = Number(sample?.value[1]);
    process.stdout.write(`mean wait in the queue: ${seen.toFixed(3)} s, derived ${meanWaitSeconds.toFixed(3)} s\n`);
    expect(Math.abs(seen / meanWaitSeconds - 1)).toBeLessThan(0.25);
  };

  it('an adapter that is gone changes nothing, and is told', { timeout: TEST_MS }, async () => {
    await cluster.metrics.stopAdapter();
    await blindUntil(() => cluster.metrics.startAdapter(adapterValues));
  });

  it('nor does a Prometheus that is gone', { timeout: TEST_MS }, async () => {
    await cluster.metrics.stopPrometheus();
    await eventually(
      () => cluster.scales(VISION),
      (scales) => scales === 'False',
      CHANGE_MS,
    );
    const replicas = await held(HOLD_MS);
    await cluster.metrics.startPrometheus();
    await seesAgain();
    expect(replicas).toEqual([2]);
    expect(await cluster.replicas(VISION)).toBe(2);
  });

  it('nor does a server that dies and is started again', { timeout: TEST_MS }, async () => {
    const [name = ''] = await cluster.podNames('vision');
    process.kill(cluster.pods.server(name)?.pid as number, 'SIGKILL');
    await eventually(
      () => cluster.podNames('vision'),
      (names) => !names.includes(name),
    );
    expect(await held(HOLD_MS)).toEqual([2]);
    await eventually(
      () => cluster.podNames('vision'),
      (names) => names.includes(name),
    );
  });

  it('nor does a pod without figures, which is told', { timeout: TEST_MS }, async () => {
    const [first = ''] = await cluster.podNames('vision');
    cluster.flags = ['--allow-metrics=false'];
    await cluster.replace(first);
    await follow(2);
    cluster.flags = [];
    const mute = (await cluster.podNames('vision')).filter((name) => name !== first);
    await eventually(
      () => told('TritonPodWithoutMetrics'),
      ([alert]) => mute.includes(alert?.labels.pod ?? ''),
      CHANGE_MS,
    );
    expect(await held(HOLD_MS)).toEqual([2]);
    const [alert] = await told('TritonPodWithoutMetrics');
    await cluster.replace(alert?.labels.pod ?? '');
    await follow(2);
    await eventually(
      () => told('TritonPodWithoutMetrics'),
      (alerts) => alerts.length === 0,
      CHANGE_MS,
    );
  });

  const told = async (name: string) =>
    (await cluster.metrics.alerts()).filter(({ labels }) => labels.alertname === name);
  const seesAgain = () =>
    eventually(
      () => cluster.scales(VISION),
      (scales) => scales === 'True',
      CHANGE_MS,
    );
  /** The autoscaler says that it has no figures, replicas stay, the alert's time runs, and all is well after the mending. */
  const blindUntil = async (mended: () => Promise<void>): Promise<void> => {
    try {
      await eventually(
        () => told('TritonAutoscalerBlind'),
        (alerts) => alerts.length === 1,
        CHANGE_MS,
      );
      expect(await cluster.scales(VISION)).toBe('False');
      expect(await held(HOLD_MS)).toEqual([2]);
      if (FULL) {
        await eventually(
          () => told('TritonAutoscalerBlind'),
          ([alert]) => alert?.state === 'firing',
          2 * CHANGE_MS,
        );
      }
    } finally {
      await mended();
    }
    await seesAgain();
    await eventually(
      () => told('TritonAutoscalerBlind'),
      (alerts) => alerts.length === 0,
      CHANGE_MS,
    );
    expect(await cluster.replicas(VISION)).toBe(2);
  };

  it('ten times as much ends at the bound of the pool', { timeout: TEST_MS }, async () => {
    // The other is awake, and has one of the nodes.
    queue.put(1);
    await eventually(
      async () => queue.answered,
      (answered) => answered === 41,
      CHANGE_MS,
    );
    load.rate(30);
    const way = await follow(MOST, MOST - 1);
    expect(way).toEqual([...way].sort());
    await eventually(
      () => cluster.unschedulable('vision'),
      (pods) => pods.length === 1,
      CHANGE_MS,
    );
    // It waits, and no other is taken away for it.
    expect(await held(HOLD_MS)).toEqual([MOST]);
    expect(await cluster.unschedulable('vision')).toHaveLength(1);
    expect(await cluster.nodes()).toBe(MAX_NODES);
  });

  it('less load keeps them for the window, and then they go one by one', { timeout: TEST_MS }, async () => {
    // The root keeps the second until the load is half of what one may have.
    load.rate(1);
    expect(await held(FULL ? WINDOW_MS : HOLD_MS)).toEqual([MOST]);
    if (!FULL) await shorten();
    expect(await follow(1)).toEqual([4, 3, 2, 1].slice(-MOST));
  });

  it('nobody held, nobody awake, and no node without a pod', { timeout: TEST_MS }, async () => {
    await eventually(
      () => cluster.replicas(CHAT),
      (replicas) => replicas === 0,
      PHASE_MS,
    );
    await eventually(
      () => cluster.nodes(),
      (nodes) => nodes === 1,
      CHANGE_MS,
    );
    expect(load.since(performance.now() - HOLD_MS).every(({ status }) => status === 200)).toBe(true);
  });

  /** Seconds in place of the minutes that replicas are kept for. */
  const shorten = async (): Promise<void> => {
    const { api } = cluster.metrics;
    await api.merge(`/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers/${VISION}`, {
      spec: {
        behavior: {
          // Each number lasts longer than a look at it takes, on a busy machine as well.
          scaleDown: { stabilizationWindowSeconds: 5, policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }] },
        },
      },
    });
    await api.merge(`/apis/keda.sh/v1alpha1/namespaces/${NAMESPACE}/scaledobjects/${CHAT}`, {
      spec: { cooldownPeriod: 5 },
    });
  };
});
