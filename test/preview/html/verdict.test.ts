import { beforeAll, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import type { Compared } from '../../../preview/diff/plan-diff';
import { verdictOf } from '../../../preview/html/verdict';
import type { Plan } from '../../../preview/plan';
import { ROOT } from '../../support/environment-file';
import { exampleDiff } from './example-diff';

let prod: Plan;
beforeAll(async () => {
  prod = await buildPlan(ROOT, 'prod');
});

/** The example, without some of it. */
function example(without: { readonly failing?: true; readonly grave?: true; readonly all?: true }): Compared {
  const { plan, diff } = exampleDiff(prod);
  const { policies } = plan.summary;
  const findings = without.failing
    ? policies.findings.filter(({ rule }) => rule !== 'cost-ceiling')
    : policies.findings;
  const keeps = ({ action }: { readonly action: string }) =>
    !without.all && !(without.grave && ['replace', 'delete'].includes(action));
  return {
    plan: { ...plan, summary: { ...plan.summary, policies: { ...policies, findings } } },
    diff: {
      ...diff,
      resources: diff.resources.filter(keeps),
      objects: diff.objects.filter(keeps),
      rollouts: without.all ? [] : diff.rollouts,
    },
  };
}

it('fails where a policy fails, whatever changes', () => {
  expect(verdictOf(example({}))).toEqual({
    level: 'stop',
    text: '1 policy fails, 1 finding. 1 replaced and 1 deleted. 4 GPUs of running pods restart.',
  });
});

it('asks for a look where something is replaced or deleted, and does not count what is waived', () => {
  expect(verdictOf(example({ failing: true }))).toEqual({
    level: 'look',
    text: 'No policy fails. 1 replaced and 1 deleted. 4 GPUs of running pods restart.',
  });
});

it('is calm where things are changed and renamed', () => {
  expect(verdictOf(example({ failing: true, grave: true }))).toEqual({
    level: 'calm',
    text: 'No policy fails. Nothing is replaced or deleted. 4 GPUs of running pods restart.',
  });
});

it('is calm where nothing changes', () => {
  expect(verdictOf(example({ failing: true, all: true }))).toEqual({
    level: 'calm',
    text: 'No policy fails. Nothing changes.',
  });
});

it('judges nothing where no rule was looked at', () => {
  const policies = { rules: [], findings: [] };
  expect(verdictOf({ plan: { ...prod, summary: { ...prod.summary, policies } } })).toEqual({
    level: 'open',
    text: 'No policies were looked at.',
  });
});
