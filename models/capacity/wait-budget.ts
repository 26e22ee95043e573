import type { Model } from '../model';
import { DEFAULT_DEADLINE_SECONDS } from '../shutdown';
import { isLanguageModel } from '../spec/backend';
import type { MeasuredCapacity } from './measured';
import type { ServerQueue } from './server-queue';

/** How long 95 of 100 requests may wait, and what says so. */
export interface WaitBudget {
  readonly seconds: number;
  /** In words. */
  readonly from: string;
}

/** What the model owes that cannot be held against the queue, in words. */
export interface UnusedPromise {
  readonly unused: string;
}

/** What of a model's promise is about waiting. */
export interface FirstTokenPromise {
  readonly promise?: { readonly firstToken?: { readonly p95Seconds: number } };
}

/**
 * Every bound on the time that requests of a model may wait, the shortest first: what the promise leaves of the time to
 * the first token, the time that the queue policy allows, and what the deadline leaves beside the computing. At least
 * the last is always there.
 */
export function waitBudgets(
  model: Pick<Model, 'backend' | 'deadlineSeconds'> & FirstTokenPromise,
  queue: ServerQueue,
  { firstTokenSeconds }: Pick<MeasuredCapacity, 'firstTokenSeconds'>,
): { readonly budgets: readonly WaitBudget[]; readonly unused: readonly UnusedPromise[] } {
  const { backend, promise, deadlineSeconds = DEFAULT_DEADLINE_SECONDS } = model;
  const computing = queue.secondsAt(queue.together);
  const budgets: WaitBudget[] = [
    {
      seconds: deadlineSeconds - computing,
      from: `the deadline, ${deadlineSeconds} s, without the ${round(computing)} s of computing at full load`,
    },
  ];
  const unused: UnusedPromise[] = [];
  const firstToken = promise?.firstToken?.p95Seconds;
  if (firstToken !== undefined && firstTokenSeconds !== undefined) {
    budgets.push({
      seconds: firstToken - firstTokenSeconds,
      from: `the promised first token, ${firstToken} s, without the ${round(firstTokenSeconds)} s from the end of waiting`,
    });
  }
  if (firstToken !== undefined && firstTokenSeconds === undefined) {
    unused.push({
      unused: `the promised first token, ${firstToken} s: how much of it is no waiting was not measured (firstTokenSeconds, --first-token-seconds)`,
    });
  }
  const policy = policyOf(backend);
  if (policy?.timeoutMicros !== undefined && policy.action !== 'delay') {
    const seconds = policy.timeoutMicros / 1e6;
    budgets.push({ seconds, from: `the queue policy, which refuses what has waited ${round(seconds)} s` });
  }
  return { budgets: budgets.sort((a, b) => a.seconds - b.seconds), unused };
}

function policyOf(backend: Model['backend']) {
  if (isLanguageModel(backend)) return backend.kind === 'tensorrtllm' ? backend.queue?.policy : undefined;
  if (backend.kind === 'ensemble' || backend.batching.kind !== 'dynamic') return undefined;
  return backend.batching.queue?.policy;
}

function round(seconds: number): string {
  return String(Number(seconds.toPrecision(3)));
}
