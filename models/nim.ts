import { z } from 'zod';
import { ACCELERATORS, type AcceleratorName } from './accelerator';
import { modelNameSchema, type Scale, scaleSchema } from './model';
import { parseAll, wording } from './parse';
import { type GpuDemand, type GpuPool, type Placement, placeDemand } from './placement';
import { InputError } from './problem';
import { GUARD_METRICS, type QueueMetric, slotTarget } from './queue-metric';
import { scaleProblems } from './spec/model-checks';
import { POD_DISK_GIB } from './startup';
import { type Image, versions } from './versions';

/** NIM images of the versions file. */
const IMAGES = { 'llama-3.1-8b-instruct': versions.images.nimLlama31 } as const;
export type NimName = keyof typeof IMAGES;

/**
 * A model that NVIDIA packs as a NIM: not a backend of a Triton server that we configure, but a service of its own kind,
 * with OpenAI's API, metrics of its own, and a cache that it fills itself with the profile that suits the GPU.
 */
export interface NimSpec {
  readonly name: string;
  /** The image, by the name that NGC gives the model. */
  readonly nim: NimName;
  readonly accelerator: AcceleratorName;
  /** GPUs of one pod: those of the profile. @default 1 */
  readonly gpus?: number;
  /**
   * One of the NIM's profiles (engine, precision, parallel sizes), by the id that its `list-model-profiles` prints.
   *
   * @default the NIM chooses for the GPU that it finds, spread over all GPUs of the pod
   */
  readonly profile?: string;
  /** Size of the cache of model files, GiB: it outlives the pod, or each start fetches them again. */
  readonly cacheGib: number;
  /** Requests that one pod takes at a time: `num_request_max` of its metrics. */
  readonly maxRequests: number;
  readonly scale: Scale;
  /** Seconds in which a request has to be answered. @default 60 */
  readonly deadlineSeconds?: number;
}

/** A checked, immutable {@link NimSpec}. Only {@link defineNim} makes one. */
export type Nim = NimSpec & { readonly [checked]: true };
declare const checked: unique symbol;

const schema = z.strictObject({
  name: modelNameSchema,
  nim: z.enum(Object.keys(IMAGES) as [NimName, ...NimName[]]),
  accelerator: z.enum(ACCELERATORS),
  gpus: z.int().min(1).max(16).optional(),
  profile: z
    .string()
    .regex(
      /^[0-9a-f]{64}$/,
      wording({
        reason: 'is not the id of a profile',
        allowed: '64 hexadecimal digits, as list-model-profiles of the image prints them',
      }),
    )
    .optional(),
  cacheGib: z.int().min(1),
  maxRequests: z.int().min(1),
  scale: scaleSchema,
  deadlineSeconds: z.number().min(1).max(3600).optional(),
});

/**
 * Checks a NIM's description and freezes it.
 *
 * @throws InputError with every problem of the description
 */
export function defineNim(spec: NimSpec): Nim {
  const source = `NIM ${typeof spec?.name === 'string' ? spec.name : '(without a name)'}`;
  parseAll(source, schema, spec);
  const problems = scaleProblems(spec.scale, 'scale');
  if (problems.length > 0) throw new InputError(source, problems);
  const { wake, ...bounds } = spec.scale;
  const scale = Object.freeze({ ...bounds, ...(wake !== undefined && { wake: Object.freeze({ ...wake }) }) });
  return Object.freeze({ ...spec, scale }) as Nim;
}

/** How a NIM is reached, asked for its health, and scraped (NVIDIA/nim-deploy, helm/nim-llm/values.yaml). */
export const NIM_API = {
  port: 8000,
  live: '/v1/health/live',
  ready: '/v1/health/ready',
  /** On the port of the API (NVIDIA NIM for LLMs documentation, "Observability"). */
  metrics: '/v1/metrics',
} as const;

/** Seconds that a first start may take: chart's start-up probe, 180 times 10 s after 40 s. A large model takes 5 to 15 min. */
export const NIM_STARTUP_SECONDS = 40 + 180 * 10;

/** Where a NIM keeps model files unless told otherwise (NVIDIA NIM for LLMs documentation, "Configure your NIM"). */
export const NIM_CACHE_PATH = '/opt/nim/.cache';

/** GPUs of one pod: the ranks of a profile share one node. */
export function nimGpuDemand({ gpus = 1 }: Nim): GpuDemand {
  return { total: gpus, together: gpus };
}

/**
 * The smallest pool whose nodes have the NIM's GPUs.
 *
 * @throws InputError where no pool has them
 */
export function placeNimOn(nim: Nim, ...pools: readonly GpuPool[]): Placement {
  const placement = placeDemand(nim, nimGpuDemand(nim), pools, 'placement');
  if ('reason' in placement) throw new InputError(`NIM ${nim.name}`, [placement]);
  return placement;
}

/**
 * The variables that decide how a NIM spreads over its GPUs. A profile has its own parallel sizes; without one, what is
 * said here is stronger than the tags of the profile that the NIM chooses (NVIDIA NIM LLM documentation, "Advanced
 * configuration": environment before profile tags), so that no GPU of the pod is left out.
 */
export function nimParallelism({ profile, gpus = 1 }: Nim): Readonly<Record<string, string>> {
  return profile === undefined ? { NIM_TENSOR_PARALLEL_SIZE: String(gpus) } : { NIM_MODEL_PROFILE: profile };
}

/**
 * Disk of the node that a pod may fill, GiB: what a NIM writes beside its cache, such as an engine that it builds itself,
 * is taken to be no larger than what it keeps there.
 */
export function nimLocalDiskGib({ cacheGib }: Nim): number {
  return cacheGib + POD_DISK_GIB;
}

export function nimImage({ nim }: Nim): Image {
  return IMAGES[nim];
}

/**
 * A NIM's own gauge of the requests that it computes, guarded by its key-value cache (NVIDIA NIM for LLMs documentation,
 * "Observability"). The target before a load test has replaced it is the share of an engine's slots.
 */
export function nimQueueMetric({ maxRequests }: Nim): QueueMetric {
  return {
    kind: 'gauge',
    name: 'nim_running_requests',
    series: 'num_requests_running',
    target: slotTarget(maxRequests),
    single: true,
    guard: {
      kind: 'gauge',
      name: 'nim_kv_cache_fraction',
      series: 'gpu_cache_usage_perc',
      target: GUARD_METRICS.engine.target,
      single: true,
    },
  };
}
