import type { BenchServer } from './bench-server';
import { type Decide, Fleet } from './fleet';
import { foresight } from './foresight';
import { fresh, type Requests } from './requests';
import { deciding, rules } from './rules';

/** What a way of scaling did with the requests. */
export interface Outcome {
  readonly name: string;
  /** Share of the requests that waited no longer than promised, and met their deadline. */
  readonly kept: number;
  readonly gpuHours: number;
  readonly changes: number;
  readonly mostReplicas: number;
  /** GPU-hours of perfect foresight that keeps as large a share; undefined beyond what was tried. */
  readonly foresightHours?: number;
}

/** Replicas at least and at most, whatever decides. */
const BOUNDS = { min: 1, max: 20 };
const SEED = 5;

/** Every rule on the same requests, beside perfect foresight. */
export function compare(requests: Requests, server: BenchServer): Outcome[] {
  const { times, mostPerSecond, facts } = server;
  const readySeconds = times.nodeSeconds + times.startSeconds;
  const first = firstReplicas(requests, mostPerSecond);
  const frontier = Array.from({ length: 23 }, (_, index) => {
    const load = 0.25 + index * 0.05;
    const decide = foresight(requests, load * mostPerSecond, readySeconds, BOUNDS);
    return outcome(`foresight at ${Math.round(load * 100)} %`, requests, server, decide, first);
  });
  return rules(facts).map((rule) => {
    const one = outcome(rule.name, requests, server, deciding(rule, BOUNDS), first);
    const foresightHours = hoursAt(frontier, one.kept);
    return { ...one, ...(foresightHours !== undefined && { foresightHours }) };
  });
}

/** Enough for the first ten minutes. */
function firstReplicas({ count, at }: Requests, mostPerSecond: number): number {
  let come = 0;
  while (come < count && (at[come] as number) < 600) come += 1;
  return Math.min(BOUNDS.max, Math.max(BOUNDS.min, Math.ceil(come / 600 / (0.8 * mostPerSecond))));
}

function outcome(name: string, requests: Requests, server: BenchServer, decide: Decide, first: number): Outcome {
  const run = fresh(requests);
  const { nodeSeconds, changes, mostReplicas } = new Fleet(run, server.replicaOf, server.times, SEED).run(
    decide,
    first,
  );
  let kept = 0;
  for (let index = 0; index < run.count; index += 1) {
    const at = run.at[index] as number;
    const inTime = (run.started[index] as number) - at <= server.waitSeconds;
    if (inTime && (run.done[index] as number) - at <= server.deadlineSeconds) kept += 1;
  }
  return { name, kept: kept / run.count, gpuHours: nodeSeconds / 3600, changes, mostReplicas };
}

/** GPU-hours at a share, on lines between what was tried: the least, where shares are as good as equal. */
function hoursAt(frontier: readonly Outcome[], kept: number): number | undefined {
  const hours = frontier.slice(1).flatMap((less, index) => {
    const more = frontier[index] as Outcome;
    if (kept > more.kept || kept < less.kept) return [];
    const share = more.kept === less.kept ? 0 : (kept - less.kept) / (more.kept - less.kept);
    return [less.gpuHours + share * (more.gpuHours - less.gpuHours)];
  });
  return hours.length === 0 ? undefined : Math.min(...hours);
}
