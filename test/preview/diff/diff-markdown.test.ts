import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import { COMMENT_LIMIT, renderMarkdown } from '../../../preview/diff/diff-markdown';
import { diffPlans } from '../../../preview/diff/diff-plans';
import type { PlanDiff } from '../../../preview/diff/plan-diff';
import type { Plan } from '../../../preview/plan';
import { environmentFolder, environmentText, ROOT, shippedConfig } from '../../support/environment-file';

const base = { name: 'origin/main', commit: 'abcdef0123456789abcdef0123456789abcdef01' };

async function newEnvironment(models = 2): Promise<[Plan, PlanDiff]> {
  const config = shippedConfig('dev');
  config.pools.l4.max = 300;
  config.network.nodes = '10.0.0.0/18';
  config.network.pods = '10.128.0.0/10';
  config.serving.models = Array.from({ length: models }, (_, index) => ({
    model: 'resnet50',
    name: `vision-${index}`,
    scale: { min: 1, max: 2 },
  }));
  const plan = await buildPlan(environmentFolder('try', environmentText(config)), 'try');
  return [plan, diffPlans({ environment: 'try', base, after: plan })];
}

/** What a comment has to be, whatever stands in it. */
function expectWhole(text: string, limit: number): void {
  expect(text.length).toBeLessThanOrEqual(limit);
  expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
  expect((text.match(/^```/gm)?.length ?? 0) % 2).toBe(0);
}

describe('a comment', () => {
  it('says what weighs most in front, and folds the rest', async () => {
    const [plan, diff] = await newEnvironment();
    const text = renderMarkdown(plan, diff);
    expect(text).toMatch(
      /^## triton-stack try · gke · acme-ml-dev, us-central1\n\nAgainst `origin\/main \(abcdef01\)`/,
    );
    expect(text.indexOf('new ·')).toBeLessThan(text.indexOf('<details>'));
    expect(text).toContain('| serving: with the least replicas of each model | none |');
    expectWhole(text, COMMENT_LIMIT);
  });

  it('of a hundred models fits, and says where the rest is', async () => {
    const [plan, diff] = await newEnvironment(100);
    const text = renderMarkdown(plan, diff);
    expectWhole(text, COMMENT_LIMIT);
    expect(text.length).toBeGreaterThan(COMMENT_LIMIT / 2);
    expect(text).toMatch(/_\.\.\. and \d+ more_/);
    expect(text).toContain('the HTML report and the JSON have all of it');
  });

  it('fits whatever limit there is', async () => {
    const [plan, diff] = await newEnvironment(3);
    fc.assert(
      fc.property(fc.integer({ min: 1500, max: 30_000 }), (limit) => {
        expectWhole(renderMarkdown(plan, diff, { limit }), limit);
      }),
    );
  });

  it('says that nothing changes', async () => {
    const plan = await buildPlan(ROOT, 'dev');
    const text = renderMarkdown(
      plan,
      diffPlans({ environment: 'dev', base, before: plan, after: plan, findingsBefore: plan.summary.policies }),
    );
    expect(text).toContain('Nothing changes.');
    expect(text).not.toContain('<details>');
  });

  it('takes what it is given for text', async () => {
    const [plan, diff] = await newEnvironment();
    const hostile = '</details><img src=x onerror=alert(1)> `a``b` | *bold* [link](javascript:x) @everyone\n# heading';
    const [first, ...rest] = diff.resources;
    const text = renderMarkdown(plan, {
      ...diff,
      resources: [
        {
          ...(first as NonNullable<typeof first>),
          name: hostile,
          gist: hostile,
          fields: [{ path: hostile, before: hostile, after: 'x' }],
        },
        ...rest,
      ],
      policies: {
        ...diff.policies,
        added: [{ rule: 'r', severity: 'error', subject: hostile, urn: '', message: hostile, fix: hostile }],
      },
      baseFailed: `${hostile}\n\`\`\`\nafter the fence`,
    });
    // Outside of code nothing is left that Markdown or HTML would read.
    const outside = text.replace(/(`{3,})[\s\S]*?\n\1/g, '').replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
    expect(outside).not.toMatch(/<img|onerror=alert\(1\)>|@everyone|[^\\]\]\(javascript/);
    expect(outside.match(/<\/details>/g)?.length).toBe(outside.match(/<details>/g)?.length);
    expect(outside).not.toMatch(/^# heading/m);
  });
});
