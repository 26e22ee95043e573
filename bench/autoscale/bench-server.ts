import { capacity } from '../../models/capacity/capacity';
import type { MeasuredCapacity } from '../../models/capacity/measured';
import { serviceSeconds } from '../../models/capacity/service-curve';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { gkeNodePool } from '../../models/gke-node-pool';
import { memoryFit } from '../../models/memory';
import { defineModel, type Model } from '../../models/model';
import { placeOn } from '../../models/placement';
import { fetchSeconds, loadSeconds } from '../../models/startup';
import type { ClusterTimes } from './fleet';
import { SlotReplica } from './replica';
import type { Requests } from './requests';
import type { RuleServer } from './rules';

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

/** A new GPU node is there after 4 to 7 minutes (Triton's GKE marketplace README): the middle. */
const NODE_SECONDS = 330;
/** cluster-autoscaler's `--scale-down-unneeded-time`. */
const IDLE_SECONDS = 600;

/** The server of the comparison: Llama 3.1 8B on L4s, as far as published figures go. Assumed, not measured by us. */
export function benchServer() {
  const model = defineModel({ ...llama31, backend: { ...llama31.backend, maxBatch: SLOTS } } as Model);
  const measured: MeasuredCapacity = {
    measured: 'published figures of others',
    service: [
      { requests: 1, seconds: ANSWER_TOKENS * ALONE },
      { requests: SLOTS, seconds: ANSWER_TOKENS * TOGETHER },
    ],
    cv: ANSWER_CV,
    firstTokenSeconds: FIRST_TOKEN_SECONDS,
  };
  const derived = capacity(model, { ratePerSecond: 1, measured });
  const { cpus } = placeOn(model, gkeNodePool({ name: 'l4', machineType: 'g2-standard-8', maxNodes: 1 }));
  const times: ClusterTimes = {
    nodeSeconds: NODE_SECONDS,
    startSeconds: fetchSeconds(model) + loadSeconds(model),
    idleSeconds: IDLE_SECONDS,
  };
  const facts: RuleServer = {
    together: SLOTS,
    cachePerRequest: (PROMPT_TOKENS + ANSWER_TOKENS / 2) / (memoryFit(model).kv?.tokens ?? Number.POSITIVE_INFINITY),
    cpus,
    derived: derived.target,
  };
  const secondsAt = Array.from({ length: SLOTS + 1 }, (_, n) => serviceSeconds(measured.service, Math.max(1, n)));
  return {
    facts,
    times,
    workCv: ANSWER_CV,
    mostPerSecond: derived.queue.mostPerSecond,
    waitSeconds: derived.budget.seconds,
    deadlineSeconds: model.deadlineSeconds ?? 60,
    replicaOf: (requests: Requests) => new SlotReplica(requests, SLOTS, secondsAt),
  };
}

export type BenchServer = ReturnType<typeof benchServer>;
