import { declaredLoad } from './capacity/capacity';
import { OCCUPIED, occupiedTarget } from './capacity/occupied';
import type { Model } from './model';
import { type Backend, isDecoupled, isLanguageModel, type LanguageModelBackend, workingBackends } from './spec/backend';
import { maxBatchSize } from './spec/batching';
import { instanceCount, instancesOf } from './spec/instances';
import { servedVersions } from './spec/version-policy';

interface PodFigure {
  /** The name under which the custom metrics API serves it. */
  readonly name: string;
  /** The metric family. */
  readonly series: string;
  /** Average over the pods at which another replica is due. */
  readonly target: number;
}

/** A gauge of each pod. */
export interface PodGauge extends PodFigure {
  readonly kind: 'gauge';
  /** Label matchers that select the right children of the family, in PromQL. @default all children, summed */
  readonly matchers?: string;
  /** Whether a pod has one child of the family, so that nothing needs to be selected or summed. @default false */
  readonly single?: boolean;
}

/**
 * The square root of the requests that each pod computes on average, from counters of the microseconds that requests spend
 * at it: their growth in a second is the number of requests (Little's law), each request of a batch counted.
 *
 * The root is for the autoscaler, whose step is proportional to its figure. Where a batch takes longer the larger it is,
 * the requests that are computed grow faster than the load, and it would overshoot each time (bench/autoscale).
 */
export interface PodOccupancy extends PodFigure {
  readonly kind: 'occupancy';
  /** The other counters: a request is computed while it is in any of them. */
  readonly others: readonly string[];
}

/** Something that each pod tells, and that replicas are scaled on. */
export type PodMetric = PodGauge | PodOccupancy;

/** What a server's replicas are scaled on: how much of what it can take at a time is taken. */
export type QueueMetric = PodMetric & {
  /** A second figure that asks for replicas when the first does not: the larger number counts. @default none */
  readonly guard?: PodMetric;
};

/** A query about all replicas together, for servers whose pods tell nothing: what the gateway in front of them sees. */
export interface ExternalMetric {
  readonly kind: 'query';
  /** The name under which the external metrics API serves it: lowercase letters, digits, `-` and `_`. */
  readonly name: string;
  /** PromQL with one element as its result. */
  readonly query: string;
  /** Its value per replica at which another replica is due. */
  readonly target: number;
}

/** What replicas can be scaled on. */
export type ScaleMetric = QueueMetric | ExternalMetric;

/** What servers are scaled on, by family, each once however many models use it. */
export const QUEUE_METRICS = {
  /**
   * Requests that hold a slot of the engine, computed or held back for want of cache. It ends at all slots: what waits
   * beyond them no gauge tells. `waiting` is `active - scheduled`, and no queue (NVIDIA/TensorRT-LLM, triton_backend,
   * model_instance_state.cc; executorImpl.cc takes no more than `max` from its queue).
   */
  engine: {
    kind: 'gauge',
    name: 'triton_trtllm_active_requests',
    series: 'nv_trt_llm_request_metrics',
    matchers: 'request_type="active"',
  },
  /** Each request of a batch counts the time of its batch (triton core, infer_stats.cc): right however large they are. */
  computed: {
    kind: 'occupancy',
    name: 'triton_computed_requests_root',
    series: 'nv_inference_compute_infer_duration_us',
    others: ['nv_inference_compute_input_duration_us', 'nv_inference_compute_output_duration_us'],
  },
  /** See {@link waitingMetric}. */
  pending: { kind: 'gauge', name: 'triton_pending_requests', series: 'nv_inference_pending_request_count' },
} as const;

/** What is looked at beside an engine's slots. */
export const GUARD_METRICS = {
  /**
   * The key-value cache fills before requests wait for it. 0.8 is where the Gateway API Inference Extension takes a server
   * for full (`DefaultKVCacheUtilThreshold`, pkg/epp saturation detector): above it the gateway would hold requests back
   * before a replica was asked for.
   */
  engine: {
    kind: 'gauge',
    name: 'triton_trtllm_kv_cache_fraction',
    series: 'nv_trt_llm_kv_cache_block_metrics',
    matchers: 'kv_cache_block_type="fraction"',
    target: 0.8,
  },
} as const satisfies Record<string, PodMetric>;

/**
 * What a model's replicas are scaled on, with its guard, or undefined where Triton has no figure: vLLM and the LLM API
 * take every request at once and tell nobody how many there are, and a decoupled model's requests count as computed when
 * they were handed over (measured on Triton 2.51: 14 ms of the 900 that each took).
 *
 * A count of waiting requests has no equilibrium: it is 0 as soon as replicas suffice, so that they are taken away again.
 * What is computed grows with the load from the first request on, and ends where a pod is full.
 *
 * Of an ensemble the members are looked at: an engine where there is one. Otherwise the member that takes the fewest at a
 * time sets the target of the sum: whichever is full, the sum is above it.
 *
 * @param gpusPerPod - GPUs of one pod, each of which has its own instances
 * @throws InputError where the model's capacity cannot keep its promise
 */
export function queueMetric(model: Model, gpusPerPod = 1): QueueMetric | undefined {
  const { backend } = model;
  const engines = workingBackends(backend).filter(isLanguageModel);
  if (engines.some(({ kind }) => kind !== 'tensorrtllm')) return undefined;
  if (engines.length > 0) {
    const slots = Math.min(...engines.map(slotsOf));
    const derived = derivedTarget(model, slots);
    const target = derived === undefined ? slotTarget(slots) : rounded(derived);
    return { ...QUEUE_METRICS.engine, target, guard: GUARD_METRICS.engine };
  }
  if (isDecoupled(backend)) return undefined;
  const members = batchers(backend, gpusPerPod);
  const least = Math.min(...members.map(({ slots, batched, counted }) => OCCUPIED[batched] * slots * counted));
  const target = derivedTarget(model, Math.min(...members.map(({ slots }) => slots))) ?? least;
  return { ...QUEUE_METRICS.computed, target: rounded(Math.sqrt(target)) };
}

/** The target of so many slots that compute apart, before a load test has shown a better one. */
export function slotTarget(slots: number): number {
  return rounded(OCCUPIED.slots * slots);
}

/**
 * The requests that wait in a pod, for sources that read gauges alone (GKE), and for passes of many seconds, of which
 * counters tell when they are over. It oscillates (bench/autoscale), so it is nobody's default. One full round of batches
 * is the target: while no more than that waits, the next pass of the instances takes all of it.
 *
 * @returns undefined for engines, vLLM, the LLM API and decoupled models, in which Triton sees nobody wait
 */
export function waitingMetric(model: Model, gpusPerPod = 1): QueueMetric | undefined {
  const { backend } = model;
  if (workingBackends(backend).some(isLanguageModel) || isDecoupled(backend)) return undefined;
  return {
    ...QUEUE_METRICS.pending,
    target: Math.min(...batchers(backend, gpusPerPod).map(({ slots }) => slots)),
    // A child for each version of each model.
    single: backend.kind !== 'ensemble' && servedVersions(model).length === 1,
  };
}

/** Slots of an engine: a batch for each stage of its pipeline (TensorRT-LLM, trtGptModel.h, `mMaxNumSequences`). */
function slotsOf({ maxBatch, pipelineParallel = 1 }: LanguageModelBackend): number {
  return maxBatch * pipelineParallel;
}

/** What is computed at the most load that keeps the promise, where the load test of a single queue is declared. */
function derivedTarget(model: Model, slots: number): number | undefined {
  const load = declaredLoad(model);
  return load && occupiedTarget(load.target.computed, slots);
}

interface Batcher {
  /** Requests that all instances take in one pass. */
  readonly slots: number;
  readonly batched: keyof typeof OCCUPIED;
  /**
   * How often each of its requests is counted: an ensemble counts the computing of its members as its own once more
   * (triton core, ensemble_scheduler.cc).
   */
  readonly counted: number;
}

function batchers(backend: Backend, gpusPerPod: number, counted = 1): Batcher[] {
  if (backend.kind === 'ensemble') {
    return backend.steps.flatMap(({ model }) => batchers(model.backend, gpusPerPod, counted + 1));
  }
  if (isLanguageModel(backend)) return [];
  const batch = Math.max(1, maxBatchSize(backend.batching));
  const slots = batch * instanceCount(instancesOf(backend), gpusPerPod);
  return [{ slots, batched: batch === 1 ? 'slots' : 'batches', counted }];
}

/** To thousandths, which is what an autoscaler reads. */
function rounded(target: number): number {
  return Math.max(0.001, Math.round(target * 1000) / 1000);
}

/** A queue metric and its guard. */
export function podMetrics(metric: QueueMetric): PodMetric[] {
  return metric.guard === undefined ? [metric] : [metric, metric.guard];
}

/** Seconds over which the growth of counters is taken: six scrapes of 10 s, of which four may fail. */
export const RATE_SECONDS = 60;

/**
 * A metric's value for each pod, in PromQL, over all models of the pod: never NaN, and missing where nothing is known.
 *
 * @param pods - label matchers that select the pods
 * @param by - the label that tells pods apart
 * @param series - what stands for the family's name
 */
export function perPod(metric: PodMetric, pods: string, by: string, series: string = metric.series): string {
  // Compared, a gauge that is NaN is missing: an adapter would read it as 0 (prometheus-adapter, provider.go), and take
  // replicas away.
  if (metric.kind === 'gauge') return `sum(${series}{${joined(pods, metric.matchers)}} >= 0) by (${by})`;
  const growths = [series, ...metric.others].map((each) => `sum(rate(${each}{${pods}}[${RATE_SECONDS}s])) by (${by})`);
  return `sqrt((${growths.join(' + ')}) / 1e6)`;
}

/** Label matchers as one list. */
export function joined(...matchers: readonly (string | undefined)[]): string {
  return matchers.filter((each) => each !== undefined && each !== '').join(',');
}
