import { HOURS_A_MONTH } from '../../models/cost';
import { brokenRules, failing } from '../../policies/finding';
import { whole } from '../format';
import { resourceLabel } from '../gist';
import type { PlannedCost, PlannedModel } from '../plan';
import { engineLines } from './engine-rebuild';
import type { Action, Consequence, FieldChange, ModelChange, PlanDiff, Rollout } from './plan-diff';

/** Actions as reports tell them, in the order in which they weigh. */
export const ACTIONS: readonly (readonly [action: Action, sign: string, word: string])[] = [
  ['replace', '±', 'replaced'],
  ['delete', '-', 'deleted'],
  ['rename', '>', 'renamed'],
  ['update', '~', 'changed'],
  ['create', '+', 'new'],
];

export function signOf(action: Action): string {
  return ACTIONS.find(([each]) => each === action)?.[1] ?? '';
}

export function wordOf(action: Action): string {
  return ACTIONS.find(([each]) => each === action)?.[2] ?? '';
}

/** `2 replaced · 1 new`; `nothing` where there is nothing. */
export function countsOf(changes: readonly { readonly action: Action }[]): string {
  const counts = ACTIONS.flatMap(([action, , word]) => {
    const count = changes.filter((change) => change.action === action).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return counts.length === 0 ? 'nothing changes' : counts.join(' · ');
}

/** Longest value that stands on a line. */
const VALUE = 80;

/** A value on one line: objects as JSON, long ones cut. */
export function valueText(value: unknown, longest = VALUE): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replace(/\s*\n\s*/g, ' ⏎ ');
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** `a → b`, `+ b` of what is new, `- a` of what is gone; of lists what they gained and lost. */
export function changeText({ before, after }: Pick<FieldChange, 'path' | 'before' | 'after'>): string {
  if (Array.isArray(before) && Array.isArray(after)) return listText(before, after);
  if (before === undefined) return `+ ${valueText(after)}`;
  if (after === undefined) return `- ${valueText(before)}`;
  const [old, now] = trimmed(before, after);
  return `${valueText(old)} → ${valueText(now)}`;
}

/** Characters that are left on both sides of what differs. */
const AROUND = 16;

/** Two values, and of two long texts what both begin and end with cut away. */
export function trimmed(before: unknown, after: unknown): readonly [before: unknown, after: unknown] {
  if (typeof before !== 'string' || typeof after !== 'string') return [before, after];
  if (before.length <= VALUE / 2 && after.length <= VALUE / 2) return [before, after];
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const from = start > AROUND + 1 ? start - AROUND : 0;
  const rest = end > AROUND + 1 ? end - AROUND : 0;
  const cut = (text: string) => `${from > 0 ? '…' : ''}${text.slice(from, text.length - rest)}${rest > 0 ? '…' : ''}`;
  return [cut(before), cut(after)];
}

function listText(before: readonly unknown[], after: readonly unknown[]): string {
  const old = before.map((each) => valueText(each));
  const now = after.map((each) => valueText(each));
  const gone = old.filter((each) => !now.includes(each)).map((each) => `- ${each}`);
  const added = now.filter((each) => !old.includes(each)).map((each) => `+ ${each}`);
  const parts = [...gone, ...added];
  return parts.length === 0 ? `order: ${valueText(after)}` : parts.join(', ');
}

/** `about 4 min`, `45 s`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** What a restart of pods takes, in a sentence. */
export function rolloutText(rollout: Rollout): string {
  const { pods, gpusPerPod, surgeGpus, unavailable, seconds, longestSeconds } = rollout;
  const gpus = gpusPerPod === 0 ? '' : ` with ${plural(gpusPerPod, 'GPU')}${pods > 1 ? ' each' : ''}`;
  const how = [
    ...(surgeGpus > 0 ? [`needs ${plural(surgeGpus, 'GPU')} beside for as long`] : []),
    ...(unavailable > 0 ? [`${unavailable === pods ? 'all' : unavailable} away at a time`] : ['none away']),
  ];
  const time =
    longestSeconds === 0
      ? 'as long as its pods take to start'
      : `about ${duration(seconds)}${longestSeconds > seconds ? `, ${duration(longestSeconds)} at most` : ''}`;
  return `${plural(pods, 'pod')}${gpus} at least: ${time}; ${how.join(', ')}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Lines on what is other with a model. */
export function modelLines({ before, after }: ModelChange): string[] {
  if (after === undefined) return ['is no longer served'];
  const engine = engineLines({ name: after.name, after, ...(before !== undefined && { before }) });
  if (before === undefined) return ['is new', ...engine, ...memoryLine(undefined, after)];
  const facts: readonly (readonly [label: string, of: (model: PlannedModel) => unknown])[] = [
    ['name', ({ name }) => name],
    ['backend', ({ backend }) => backend],
    ['GPUs a pod', ({ gpusPerPod, accelerator }) => `${gpusPerPod} x ${accelerator}`],
    ['pool', ({ pool }) => pool],
    ['replicas', ({ replicas }) => `${replicas.min}-${replicas.max}`],
    ['runs as', ({ workload }) => workload],
    ['repository', ({ source }) => source],
    [
      'scales on',
      ({ scaledOn }) => (scaledOn === undefined ? 'nothing' : `${scaledOn.metric}, ${scaledOn.target} a pod`),
    ],
    ['starts', ({ startupSeconds }) => `within ${startupSeconds} s`],
  ];
  const lines = facts.flatMap(([label, of]) =>
    of(before) === of(after) ? [] : [`${label} ${of(before)} → ${of(after)}`],
  );
  return [...lines, ...engine, ...memoryLine(before, after)];
}

/** What fills a GPU, in the order in which it is told. */
const MEMORY_PARTS = [
  ['weights', 'weights'],
  ['kvCache', 'KV cache'],
  ['activations', 'activations'],
  ['context', 'CUDA'],
  ['free', 'free'],
] as const;

function memoryLine(before: PlannedModel | undefined, after: PlannedModel): string[] {
  const { memory } = after;
  if (memory === undefined) return [];
  const old = before?.memory;
  const parts = MEMORY_PARTS.map(
    ([part, label]) => `${label} ${arrow(old?.[part], memory[part], (gib) => gib.toFixed(1))}`,
  );
  const tokens =
    memory.kv === undefined ? [] : [`${arrow(old?.kv?.tokens, memory.kv.tokens, whole)} tokens of KV cache`];
  const same = old !== undefined && JSON.stringify(old) === JSON.stringify(memory);
  const verdict = memory.free < 0 ? 'does not fit' : 'fits';
  return [
    `memory of ${memory.gpu.toFixed(1)} GiB a GPU${same ? ' as before' : ''}: ${parts.join(' · ')} GiB; ${[...tokens, verdict].join('; ')}`,
  ];
}

function arrow(before: number | undefined, after: number, written: (value: number) => string): string {
  const now = written(after);
  return before === undefined || written(before) === now ? now : `${written(before)} → ${now}`;
}

/** Sizes of an environment that cost is told for. */
export const COST_SIZES = [
  ['idle', 'every pool at its least size'],
  ['serving', 'with the least replicas of each model'],
  ['most', 'every pool fully grown'],
] as const;

/** `+$120`, `-$3`, `±$0`. */
export function monthlyDifference(
  before: PlannedCost | undefined,
  after: PlannedCost | undefined,
  size: 'idle' | 'serving' | 'most',
): string {
  const difference = Math.round(((after?.[size] ?? 0) - (before?.[size] ?? 0)) * HOURS_A_MONTH);
  if (difference === 0) return '±$0';
  return `${difference > 0 ? '+' : '-'}$${whole(Math.abs(difference))}`;
}

/** Consequences of all changes, each with what it is of. */
export function consequencesIn({ resources, objects }: PlanDiff): (Consequence & { readonly of: string })[] {
  return [
    ...resources.flatMap(({ consequences, type, name }) =>
      consequences.map((each) => ({ ...each, of: resourceLabel({ type, name }) })),
    ),
    ...objects.flatMap(({ consequences, kind, name }) =>
      consequences.map((each) => ({ ...each, of: `${kind} ${name}` })),
    ),
  ];
}

/** GPUs of all pods that start anew. */
export function restartedGpus({ rollouts }: PlanDiff): number {
  return rollouts.reduce((sum, { pods, gpusPerPod }) => sum + pods * gpusPerPod, 0);
}

/** `origin/main (9428157a)`. */
export function baseText({ base }: PlanDiff): string {
  return base.commit === undefined ? base.name : `${base.name} (${base.commit.slice(0, 8)})`;
}

/** The change in a line: what a reviewer reads first. */
export function verdictLine(diff: PlanDiff): string {
  const all = [...diff.resources, ...diff.objects];
  const gpus = restartedGpus(diff);
  const parts = [
    countsOf(all),
    ...(diff.rollouts.length > 0
      ? [`${plural(diff.rollouts.length, 'workload')} restarted${gpus > 0 ? ` (${plural(gpus, 'GPU')})` : ''}`]
      : []),
    ...(diff.cost.before !== undefined || diff.cost.after !== undefined
      ? [`${monthlyDifference(diff.cost.before, diff.cost.after, 'serving')} a month while serving`]
      : []),
    policyWords(diff),
  ];
  return parts.join(' · ');
}

function policyWords({ policies: { added, standing, resolved } }: PlanDiff): string {
  const fail = brokenRules(failing([...added, ...standing])).length;
  const parts = [
    fail > 1 ? `${fail} policies fail` : `${fail === 0 ? 'no' : 'one'} policy fails`,
    ...(added.length > 0 ? [`${plural(brokenRules(added).length, 'rule')} with new findings`] : []),
    ...(resolved.length > 0 ? [`findings of ${plural(brokenRules(resolved).length, 'rule')} resolved`] : []),
  ];
  return parts.join(', ');
}
