import { z } from 'zod';
import { ACCELERATORS, type AcceleratorName } from './accelerator';
import { modelNameSchema, type Scale, scaleSchema } from './model';
import { parseAll } from './parse';
import type { GpuDemand } from './placement';
import { InputError } from './problem';
import type { QueueMetric } from './queue-metric';
import { scaleProblems } from './spec/model-checks';
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
  return Object.freeze({ ...spec, scale: Object.freeze({ ...spec.scale }) }) as Nim;
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

/** GPUs of one pod: the ranks of a profile share one node. */
export function nimGpuDemand({ gpus = 1 }: Nim): GpuDemand {
  return { total: gpus, together: gpus };
}

export function nimImage({ nim }: Nim): Image {
  return IMAGES[nim];
}

/**
 * A NIM's own gauge of waiting requests (NVIDIA NIM for LLMs documentation, "Observability"). The first target is as many
 * as it serves at a time.
 */
export function nimQueueMetric({ maxRequests }: Nim): QueueMetric {
  return { name: 'nim_waiting_requests', series: 'num_requests_waiting', matchers: '', target: maxRequests };
}
