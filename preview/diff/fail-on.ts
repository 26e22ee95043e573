import { InvalidArgumentError } from 'commander';
import type { PlanDiff } from './plan-diff';
import { consequencesIn, plural } from './words';

/** What a preview can be told to fail on, with what it means. */
export const FAIL_ON = {
  replace: 'a resource or an object is replaced, or renamed without an alias',
  delete: 'a resource or an object is deleted',
  restart: 'pods or nodes are started anew',
  downtime: 'something is away for a time',
  'data-loss': 'what something holds is lost',
  blocked: 'the engine or the API server would refuse the change',
  'cost-increase': 'the environment costs more while it serves',
  warning: 'a policy warns of something that it did not warn of before',
  base: 'the base cannot be evaluated',
} as const;

export type FailOn = keyof typeof FAIL_ON;

/** Reads `replace,delete`, for commander. */
export function parseFailOn(text: string): FailOn[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(name in FAIL_ON));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`${unknown.join(', ')}. Allowed: ${Object.keys(FAIL_ON).join(', ')}.`);
  }
  return names as FailOn[];
}

/** What a change has of that which it is to fail on, a line each. */
export function failures(diff: PlanDiff, on: readonly FailOn[]): string[] {
  return on.flatMap((name) => {
    const found = FOUND[name](diff);
    return found.length === 0
      ? []
      : [`${name}: ${found.slice(0, 3).join(', ')}${found.length > 3 ? `, and ${found.length - 3} more` : ''}`];
  });
}

const FOUND: Readonly<Record<FailOn, (diff: PlanDiff) => string[]>> = {
  // An object whose name is made of its content is a new one beside the old: nothing is replaced under its users.
  replace: ({ resources, objects }) => [
    ...resources.filter(({ action }) => action === 'replace' || action === 'rename').map(({ name }) => name),
    ...objects.filter(({ action }) => action === 'replace').map(({ kind, name }) => `${kind} ${name}`),
  ],
  delete: ({ resources, objects }) => [
    ...resources.filter(({ action }) => action === 'delete').map(({ name }) => name),
    ...objects.filter(({ action }) => action === 'delete').map(({ kind, name }) => `${kind} ${name}`),
  ],
  restart: (diff) => [...diff.rollouts.map(({ kind, name }) => `${kind} ${name}`), ...withConsequence(diff, 'restart')],
  downtime: (diff) => withConsequence(diff, 'downtime'),
  'data-loss': (diff) => withConsequence(diff, 'data-loss'),
  blocked: (diff) => withConsequence(diff, 'blocked'),
  'cost-increase': ({ cost: { before, after } }) =>
    (after?.serving ?? 0) > (before?.serving ?? 0)
      ? [`$${before?.serving.toFixed(2) ?? 0}/h to $${after?.serving.toFixed(2)}/h`]
      : [],
  warning: ({ policies: { added } }) =>
    added.filter(({ waiver }) => waiver === undefined).map(({ rule, subject }) => `${rule} of ${subject}`),
  base: ({ base, baseFailed }) => (baseFailed === undefined ? [] : [base.name]),
};

function withConsequence(diff: PlanDiff, kind: string): string[] {
  const of = consequencesIn(diff)
    .filter((consequence) => consequence.kind === kind)
    .map((consequence) => consequence.of);
  return [...new Set(of)];
}

/** The message of a preview that fails, and why. */
export function failureText(lines: readonly string[]): string {
  return `This preview fails, on ${plural(lines.length, 'count')}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
