import { capacity } from '../../models/capacity/capacity';
import type { MeasuredCapacity } from '../../models/capacity/measured';
import { serviceSeconds } from '../../models/capacity/service-curve';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { resnet50 } from '../../models/catalog/resnet50';
import { gkeNodePool } from '../../models/gke-node-pool';
import { memoryFit } from '../../models/memory';
import { defineModel, type Model } from '../../models/model';
import { placeOn } from '../../models/placement';
import { EXPECTED_NODE_SECONDS, fetchSeconds, loadSeconds } from '../../models/startup';
import type { ClusterTimes } from './fleet';
import { BatchReplica, type Replica, SlotReplica } from './replica';
import type { Requests } from './requests';
import type { RuleServer } from './rules';

/** A server of the comparison. */
export interface BenchServer {
  /** In words. */
  readonly name: string;
  readonly facts: RuleServer;
  readonly times: ClusterTimes;
  /** Coefficient of variation of the work of requests. */
  readonly workCv: number;
  /** Requests a second of the day, on average without its bursts. */
  readonly meanPerSecond: number;
  readonly mostPerSecond: number;
  /** How long a request may wait that keeps the promise. */
  readonly waitSeconds: number;
  readonly deadlineSeconds: number;
  readonly replicaOf: (requests: Requests) => Replica;
}

/** Requests that are computed together: what was reported of Llama 3 8B on one L4 (24 at once, 15 to 20 tokens a second). */
const SLOTS = 24;
/** Tokens of prompt and answer, and how much answers vary: Azure LLM inference trace 2023, conversations. */
const PROMPT_TOKENS = 1155;
const ANSWER_TOKENS = 211;
const ANSWER_CV = 0.77;
/** Seconds a token alone: 8 GB of weights over the 300 GB/s of an L4. With all slots taken: the middle of 15 to 20 a second. */
const ALONE = 0.027;
const TOGETHER = 1 / 17.5;
/** Until the first token, beside waiting: assumed. The promise is the model's own, 2 s. */
const FIRST_TOKEN_SECONDS = 0.5;

/** cluster-autoscaler's `--scale-down-unneeded-time`. */
const IDLE_SECONDS = 600;

/** In-flight batching: Llama 3.1 8B on L4s, as far as published figures go. Assumed, not measured by us. */
export function engineServer(): BenchServer {
  const measured: MeasuredCapacity = {
    measured: 'published figures of others',
    service: [
      { requests: 1, seconds: ANSWER_TOKENS * ALONE },
      { requests: SLOTS, seconds: ANSWER_TOKENS * TOGETHER },
    ],
    cv: ANSWER_CV,
    firstTokenSeconds: FIRST_TOKEN_SECONDS,
  };
  const model = { ...llama31, backend: { ...llama31.backend, maxBatch: SLOTS } } as Model;
  const cache = memoryFit(model).kv?.tokens ?? Number.POSITIVE_INFINITY;
  return {
    name: `Llama 3.1 8B, ${SLOTS} slots`,
    ...servedAs(model, measured),
    facts: factsOf(model, measured, SLOTS, (PROMPT_TOKENS + ANSWER_TOKENS / 2) / cache),
    workCv: ANSWER_CV,
    meanPerSecond: 6,
    replicaOf: (requests) => new SlotReplica(requests, SLOTS, secondsBy(measured, SLOTS)),
  };
}

/** Requests of the largest batch, and seconds of a batch of so many: assumed. */
const BATCH = 16;
const BATCH_SECONDS = 2.5;

/**
 * Seconds of one request alone, by how much a batch gains: nearly all of its size, two thirds of what batches can, little.
 * Servers of images lie between the last two.
 */
export const ALONE_SECONDS = { much: 1.8, some: 0.4, little: 0.2 } as const;

/** Dynamic batching, one instance. Assumed: passes are long, so that a day has no more requests than a bench can bear. */
export function batchServer(gain: keyof typeof ALONE_SECONDS): BenchServer {
  const measured: MeasuredCapacity = {
    measured: 'assumed',
    service: [
      { requests: 1, seconds: ALONE_SECONDS[gain] },
      { requests: BATCH, seconds: BATCH_SECONDS },
    ],
  };
  const backend = { ...resnet50.backend, batching: { kind: 'dynamic', maxBatch: BATCH } };
  const model = { ...resnet50, backend, deadlineSeconds: 2 * BATCH_SECONDS } as Model;
  return {
    name: `batches of ${BATCH}, which gain ${gain}`,
    ...servedAs(model, measured),
    facts: factsOf(model, measured, BATCH, 0),
    workCv: 0,
    meanPerSecond: 20,
    replicaOf: (requests) => new BatchReplica(requests, BATCH, 1, secondsBy(measured, BATCH)),
  };
}

function servedAs(model: Model, measured: MeasuredCapacity) {
  const { queue, budget } = capacity(model, { ratePerSecond: 1, measured });
  return {
    mostPerSecond: queue.mostPerSecond,
    waitSeconds: budget.seconds,
    deadlineSeconds: model.deadlineSeconds ?? 60,
    times: {
      nodeSeconds: EXPECTED_NODE_SECONDS,
      startSeconds: fetchSeconds(model) + loadSeconds(model),
      idleSeconds: IDLE_SECONDS,
    },
  };
}

function factsOf(model: Model, measured: MeasuredCapacity, together: number, cachePerRequest: number): RuleServer {
  const { cpus } = placeOn(model, gkeNodePool({ name: 'l4', machineType: 'g2-standard-8', maxNodes: 1 }));
  return {
    unmeasured: defineModel(model),
    measured: defineModel({ ...model, capacity: measured }),
    together,
    cachePerRequest,
    cpus,
  };
}

function secondsBy({ service }: MeasuredCapacity, most: number): number[] {
  return Array.from({ length: most + 1 }, (_, n) => serviceSeconds(service, Math.max(1, n)));
}
