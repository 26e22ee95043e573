import type { Model } from './model';
import { type Backend, isLanguageModel, type WorkingBackend, workingBackends } from './spec/backend';
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

/** How fast a counter of each pod grows in proportion to another. */
export interface PodRatio extends PodFigure {
  readonly kind: 'ratio';
  /** The counter that it is divided by. */
  readonly per: string;
}

/** Something that each pod tells, and that replicas are scaled on. */
export type PodMetric = PodGauge | PodRatio;

/** The metric of waiting requests that a server's replicas are scaled on. */
export interface QueueMetric extends PodGauge {
  /** A second figure that asks for replicas when the first does not: the larger number counts. @default none */
  readonly guard?: PodMetric;
}

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

/** Waiting requests by family, each once however many models use it. */
export const QUEUE_METRICS = {
  engine: {
    kind: 'gauge',
    name: 'triton_trtllm_waiting_requests',
    series: 'nv_trt_llm_request_metrics',
    matchers: 'request_type="waiting"',
  },
  pending: { kind: 'gauge', name: 'triton_pending_requests', series: 'nv_inference_pending_request_count' },
} as const;

/** What is looked at beside the queue, by the family of the queue. */
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
  /**
   * A request waits as long as it is computed: Triton's own first target (triton-inference-server/tutorials,
   * TensorRT-LLM_Autoscaling_and_Load_Balancing, `triton:queue_compute:ratio` at 1000m).
   */
  pending: {
    kind: 'ratio',
    name: 'triton_queue_compute_ratio',
    series: 'nv_inference_queue_duration_us',
    per: 'nv_inference_compute_infer_duration_us',
    target: 1,
  },
} as const satisfies Record<keyof typeof QUEUE_METRICS, PodMetric>;

/**
 * The queue signal of a model's backend with its guard, or undefined where Triton has none: vLLM and the LLM API take
 * every request at once and tell nobody how many wait inside.
 *
 * Under in-flight batching `nv_inference_pending_request_count` reads 0 while requests wait inside the engine, so the
 * engine's own gauge is taken there; with dynamic batching the pending count is right. It is wrong for an ensemble
 * (triton server #6494), whose members are looked at instead: an engine where there is one, else the member that takes
 * the fewest at a time.
 *
 * The target before a load test has replaced it is one full round of batches: while no more than that waits, the next
 * pass of the instances takes all of it.
 *
 * Where a batcher holds requests back to join them, their wait says nothing of load, and there is no guard: on an idle
 * Triton it is the delay over the computing (20 ms over 8 ms were measured as 2.7).
 *
 * @param gpusPerPod - GPUs of one pod, each of which has its own instances
 */
export function queueMetric(
  model: Pick<Model, 'backend' | 'versions' | 'versionPolicy'>,
  gpusPerPod = 1,
): QueueMetric | undefined {
  const { backend } = model;
  const members = workingBackends(backend);
  const engines = members.filter(isLanguageModel);
  if (engines.some(({ kind }) => kind !== 'tensorrtllm')) return undefined;
  if (engines.length > 0) {
    const target = Math.min(...engines.map(({ maxBatch }) => maxBatch));
    return { ...QUEUE_METRICS.engine, target, guard: GUARD_METRICS.engine };
  }
  return {
    ...QUEUE_METRICS.pending,
    target: Math.min(...members.map((member) => roundOf(member, gpusPerPod))),
    // A child for each version of each model.
    single: backend.kind !== 'ensemble' && servedVersions(model).length === 1,
    ...(!members.some(holdsBack) && { guard: ratioGuard(backend) }),
  };
}

/**
 * An ensemble counts the computing of its members as its own once more, and none of their waiting (measured on Triton
 * 2.51): a pod's ratio is half of theirs, or less where ensembles are members of ensembles.
 */
function ratioGuard(backend: Backend): PodRatio {
  return { ...GUARD_METRICS.pending, target: GUARD_METRICS.pending.target / (1 + depth(backend)) };
}

function depth(backend: Backend): number {
  return backend.kind === 'ensemble' ? 1 + Math.max(...backend.steps.map(({ model }) => depth(model.backend))) : 0;
}

/** A queue metric and its guard. */
export function podMetrics(metric: QueueMetric): PodMetric[] {
  return metric.guard === undefined ? [metric] : [metric, metric.guard];
}

/** The growth of counters is taken over this long: six scrapes of 10 s. */
const RATE_WINDOW = '1m';

/**
 * A metric's value for each pod, in PromQL. Counters are summed over a pod's models before they are divided: a mean of
 * ratios would let an idle model hide a busy one.
 *
 * @param pods - label matchers that select the pods
 * @param by - the label that tells pods apart
 * @param series - what stands for the family's name
 */
export function perPod(metric: PodMetric, pods: string, by: string, series: string = metric.series): string {
  if (metric.kind === 'gauge') return `sum(${series}{${joined(pods, metric.matchers)}}) by (${by})`;
  const growth = (counter: string) => `sum(rate(${counter}{${pods}}[${RATE_WINDOW}])) by (${by})`;
  // A pod that computed nothing would divide by zero: a microsecond in the second instead.
  return `${growth(series)} / clamp_min(${growth(metric.per)}, 1)`;
}

/** Label matchers as one list. */
export function joined(...matchers: readonly (string | undefined)[]): string {
  return matchers.filter((each) => each !== undefined && each !== '').join(',');
}

/** Whether requests wait on purpose, to be joined by others. */
function holdsBack(backend: WorkingBackend): boolean {
  if (isLanguageModel(backend) || backend.batching.kind !== 'dynamic') return false;
  return (backend.batching.maxQueueDelayMicros ?? 0) > 0;
}

/** Requests that all instances take in one pass. */
function roundOf(backend: WorkingBackend, gpusPerPod: number): number {
  if (isLanguageModel(backend)) return backend.maxBatch;
  return Math.max(1, maxBatchSize(backend.batching)) * instanceCount(instancesOf(backend), gpusPerPod);
}
