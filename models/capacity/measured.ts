import { z } from 'zod';
import { wording } from '../parse';
import type { ServicePoint } from './service-curve';

/** What was measured of one replica, or is declared until it is. */
export interface MeasuredCapacity {
  /** The load test: tool, hardware, date, where its result lies. */
  readonly measured: string;
  /** By rising `requests`. */
  readonly service: readonly ServicePoint[];
  /**
   * Coefficient of variation of the work of requests under in-flight batching; batches of one size take equally long.
   *
   * @default 1: answers vary by 0.77 in conversations and by 2.15 in code completion (generated tokens of the Azure LLM
   *   inference traces, 2023)
   */
  readonly cv?: number;
  /**
   * Seconds from the end of waiting to the first token with all slots taken. What is promised about first tokens counts
   * only where it is known.
   */
  readonly firstTokenSeconds?: number;
}

/** @default cv of a {@link MeasuredCapacity} */
export const DEFAULT_WORK_CV = 1;

const seconds = z.number().gt(0).max(3600);

/** The shape of a {@link MeasuredCapacity}. */
export const measuredCapacitySchema = z.strictObject({
  measured: z.string().min(1),
  service: z
    .array(z.strictObject({ requests: z.int().min(1).max(4096), seconds }))
    .min(1)
    .refine(
      (points) => points.every(({ requests }, index) => requests > (points[index - 1]?.requests ?? 0)),
      wording({ reason: 'does not rise', allowed: 'more requests from point to point' }),
    ),
  cv: z.number().min(0).max(10).optional(),
  firstTokenSeconds: seconds.optional(),
});
