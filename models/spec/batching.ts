import { z } from 'zod';
import type { Problem } from '../problem';
import { type Queue, queueProblems, queueSchema } from './queue';

/** One request at a time: Triton's `max_batch_size: 0`. */
export interface NoBatching {
  readonly kind: 'none';
}

/** Requests wait in Triton's queue to be joined into a batch. */
export interface DynamicBatching {
  readonly kind: 'dynamic';
  /** At least 1: Triton reads 0 as "does not batch" and ignores `dynamic_batching` then. */
  readonly maxBatch: number;
  /** Sizes at which a batch goes at once. @default any */
  readonly preferred?: readonly number[];
  /** Microseconds that a request may wait for others. @default 0: a batch is what waits when an instance is free */
  readonly maxQueueDelayMicros?: number;
  /** Responses leave in the order in which requests came. @default false */
  readonly preserveOrdering?: boolean;
  readonly queue?: Queue;
}

/** Requests of one sequence go to one instance, which keeps their state. */
export interface SequenceBatching {
  readonly kind: 'sequence';
  readonly maxBatch: number;
  /** `direct`: a batch slot of its own for each sequence. `oldest`: batches over sequences, oldest first. */
  readonly strategy: 'direct' | 'oldest';
  /** Sequences that are batched at a time, under `oldest`. */
  readonly maxCandidates?: number;
  /** Microseconds after which a sequence without requests is over. @default 1,000,000 */
  readonly maxIdleMicros?: number;
  /** Inputs through which the model learns where a sequence starts and ends. @default none */
  readonly controls?: {
    readonly start?: string;
    readonly end?: string;
    readonly ready?: string;
    readonly correlationId?: string;
  };
}

export type Batching = NoBatching | DynamicBatching | SequenceBatching;

const positive = z.int().min(1);

export const batchingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('dynamic'),
    maxBatch: positive,
    preferred: z.array(positive).min(1).optional(),
    maxQueueDelayMicros: z.int().min(0).optional(),
    preserveOrdering: z.boolean().optional(),
    queue: queueSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('sequence'),
    maxBatch: positive,
    strategy: z.enum(['direct', 'oldest']),
    maxCandidates: positive.optional(),
    maxIdleMicros: positive.optional(),
    controls: z
      .strictObject({
        start: z.string().min(1).optional(),
        end: z.string().min(1).optional(),
        ready: z.string().min(1).optional(),
        correlationId: z.string().min(1).optional(),
      })
      .optional(),
  }),
]);

/** The largest batch, 0 where there are none: Triton's `max_batch_size`. */
export function maxBatchSize(batching: Batching): number {
  return batching.kind === 'none' ? 0 : batching.maxBatch;
}

/** Sizes that contradict each other. */
export function batchingProblems(batching: Batching, key: string): Problem[] {
  switch (batching.kind) {
    case 'none':
      return [];
    case 'dynamic':
      return [
        ...preferredProblems(batching, key),
        ...queueProblems(batching.queue ?? {}, `${key}.queue`),
        ...orderProblems(batching, key),
      ];
    case 'sequence':
      return batching.strategy === 'direct' && batching.maxCandidates !== undefined
        ? [
            {
              key: `${key}.maxCandidates`,
              value: batching.maxCandidates,
              reason: 'belongs to strategy oldest: under direct the slots are the batch',
              fix: 'remove it, or set strategy to oldest',
            },
          ]
        : [];
  }
}

/** What changes the order of requests cannot go with keeping it (core, src/model_config_utils.cc). */
function orderProblems({ preserveOrdering, queue = {} }: DynamicBatching, key: string): Problem[] {
  if (!preserveOrdering) return [];
  const { policy, priorities } = queue;
  const problems: Problem[] = [];
  if (priorities !== undefined && priorities.levels > 1) {
    problems.push({
      key: `${key}.queue.priorities.levels`,
      value: priorities.levels,
      reason: 'requests of a higher level overtake others, and preserveOrdering forbids that',
      allowed: '1',
      fix: 'remove preserveOrdering, or priorities',
    });
  }
  const policies: [string, typeof policy][] = [
    [`${key}.queue.policy`, policy],
    ...Object.entries(priorities?.policies ?? {}).map(([level, each]): [string, typeof policy] => [
      `${key}.queue.priorities.policies.${level}`,
      each,
    ]),
  ];
  for (const [path, each] of policies) {
    if (each?.action !== 'delay' || each.timeoutMicros === undefined) continue;
    problems.push({
      key: `${path}.action`,
      value: 'delay',
      reason: 'a delayed request is overtaken by others, and preserveOrdering forbids that',
      allowed: 'reject',
    });
  }
  return problems;
}

function preferredProblems({ maxBatch, preferred = [] }: DynamicBatching, key: string): Problem[] {
  return preferred.flatMap((size, index): Problem[] => {
    if (size <= maxBatch) return [];
    return [
      {
        key: `${key}.preferred[${index}]`,
        value: size,
        reason: `is larger than the largest batch, ${maxBatch}`,
        allowed: `1 to ${maxBatch}`,
      },
    ];
  });
}
