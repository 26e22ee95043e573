import { z } from 'zod';
import type { Problem } from '../problem';

/** What becomes of requests that wait (Triton documentation, "Model configuration", queue policy). */
export interface QueuePolicy {
  /** Requests that may wait; one more is refused at once. @default any number */
  readonly maxSize?: number;
  /** Microseconds that a request may wait. @default any time */
  readonly timeoutMicros?: number;
  /** What happens then: it is refused, or served after all those that are in time. @default reject */
  readonly action?: 'reject' | 'delay';
  /** Requests may ask for a shorter time. @default false */
  readonly allowOverride?: boolean;
}

/** Requests of different weight: level 1 goes first. */
export interface Priorities {
  readonly levels: number;
  /** The level of requests that name none. */
  readonly default: number;
  /** Policies of levels that have one of their own. */
  readonly policies?: Readonly<Record<number, QueuePolicy>>;
}

export interface Queue {
  /** @default no bounds */
  readonly policy?: QueuePolicy;
  /** @default all requests are alike */
  readonly priorities?: Priorities;
}

const policySchema = z.strictObject({
  maxSize: z.int().min(1).optional(),
  timeoutMicros: z.int().min(1).optional(),
  action: z.enum(['reject', 'delay']).optional(),
  allowOverride: z.boolean().optional(),
});

export const queueSchema = z.strictObject({
  policy: policySchema.optional(),
  priorities: z
    .strictObject({
      levels: z.int().min(1).max(1000),
      default: z.int().min(1),
      policies: z.record(z.string().regex(/^[1-9]\d*$/), policySchema).optional(),
    })
    .optional(),
});

/** Levels that are none of the queue's, and overrides of no time. */
export function queueProblems({ policy, priorities }: Queue, key: string): Problem[] {
  const problems = overrideProblems(policy, `${key}.policy`);
  if (priorities === undefined) return problems;
  const levels = Object.entries(priorities.policies ?? {});
  const named: [string, number][] = [
    [`${key}.priorities.default`, priorities.default],
    ...levels.map(([level]): [string, number] => [`${key}.priorities.policies.${level}`, Number(level)]),
  ];
  for (const [path, level] of named) {
    if (level <= priorities.levels) continue;
    problems.push({
      key: path,
      value: level,
      reason: `is beyond the last level, ${priorities.levels}`,
      allowed: `1 to ${priorities.levels}`,
      fix: `raise ${key}.priorities.levels, or take a level that is there`,
    });
  }
  return [
    ...problems,
    ...levels.flatMap(([level, each]) => overrideProblems(each, `${key}.priorities.policies.${level}`)),
  ];
}

/** A request's own time counts where it is shorter than the policy's: without one none does (core, scheduler_utils.cc). */
function overrideProblems(policy: QueuePolicy | undefined, key: string): Problem[] {
  if (!policy?.allowOverride || policy.timeoutMicros !== undefined) return [];
  return [
    {
      key: `${key}.allowOverride`,
      value: true,
      reason: 'requests may only shorten the time that the policy gives, and it gives none',
      fix: `add ${key}.timeoutMicros: the longest time that a request may ask for`,
    },
  ];
}
