import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { Finding, PolicyReport } from '../../policies/finding';
import type { PolicySettings } from '../../policies/settings';
import { buildPlan } from '../../preview/build-plan';
import { main } from '../../preview/cli';
import { Page } from '../../preview/page';
import type { Plan } from '../../preview/plan';
import { planPolicies } from '../../preview/plan-policies';
import { policyCounts, policyFailures, renderPolicies } from '../../preview/policies-section';
import { Captured } from '../support/captured';
import {
  type Config,
  environmentFolder,
  environmentText,
  ROOT,
  SHIPPED,
  shippedConfig,
} from '../support/environment-file';

const WAIVER = { rule: 'image-digest', owner: 'ada', reason: 'no registry is reached from here', until: '2999-12-31' };

async function preview(change: (config: Config) => void, ...args: string[]) {
  const config = shippedConfig('prod');
  change(config);
  const [out, err] = [new Captured(), new Captured()];
  const code = await main(['try', ...args], { folder: environmentFolder('try', environmentText(config)), out, err });
  return { code, out: out.text, err: err.text };
}

describe('the preview', () => {
  it('fails by an error, and says so last', async () => {
    const { code, out, err } = await preview(() => undefined);
    expect(out).toMatch(/\nPolicies 32 pass · 4 errors\nx image-digest: /);
    expect({ code, err }).toEqual({ code: 1, err: 'This preview fails, on 1 count:\n  policies: image-digest\n' });
  });

  it('passes where somebody lets it stand, and says who and until when', async () => {
    const { code, out, err } = await preview((config) => Object.assign(config.policies, { waivers: [WAIVER] }));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/\nPolicies 32 pass · 4 waived\n~ image-digest: /);
    expect(out).toContain('    waived by ada until 2999-12-31: no registry is reached from here\n');
  });

  it('fails by a waiver that has ended', async () => {
    const config = shippedConfig('prod');
    config.policies.waivers = [WAIVER];
    const folder = environmentFolder('try', environmentText(config));
    const { summary } = await buildPlan(folder, 'try', '3000-01-01');
    expect(policyFailures(summary.policies)).toEqual(['policies: image-digest, waiver-ended']);
  });

  it('is held to more where nobody says what it is for', async () => {
    const { err } = await preview((config) => {
      delete config.policies;
      config.platform.deletionProtection = false;
    });
    expect(err).toContain('policies: cost-ceiling, deletion-protection, image-digest');
  });

  it('finds what an environment does that it should not', async () => {
    const { out } = await preview((config) => {
      config.pools.l4.spot = true;
      config.buckets = { keepDays: 3, location: 'EU' };
      config.policies.monthlyCeilingUsd = 500;
    });
    for (const rule of ['bucket-retention', 'cost-ceiling', 'region', 'spot-interactive'])
      expect(out).toContain(`x ${rule}: `);
  });

  it('asks for labels of your own, which the environment can set', async () => {
    const labels = ['environment', 'cost-center'];
    const missing = await preview((config) => Object.assign(config.policies, { labels }));
    expect(missing.out.replace(/\s+/g, ' ')).toContain(
      'x charge-back-labels: Bucket artifacts, Bucket data, Bucket models, Cluster gke and 3 more: has no label cost-center',
    );
    const set = await preview((config) => {
      Object.assign(config.policies, { labels });
      config.labels = { 'cost-center': 'ml_42' };
    });
    expect(set.out).not.toContain('charge-back-labels');
    const wrong = await preview((config) => {
      config.labels = { 'managed-by': 'us', 'Cost Center': 'ml', team: 'Über' };
    });
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/3 errors\n/);
    expect(wrong.err).toContain('triton-stack:labels.managed-by');
  });

  it.each(SHIPPED)('carries in the JSON of %s all that the rules go by', async (name) => {
    const out = new Captured();
    await main([name, '--json'], { folder: ROOT, out, err: new Captured() });
    const { resources, summary } = JSON.parse(out.text) as Plan;
    expect(planPolicies(resources, summary.policySettings as PolicySettings, '2027-01-01')).toEqual(summary.policies);
  });
});

describe('the section', () => {
  const finding = (own: Partial<Finding>): Finding => ({
    rule: 'image-digest',
    severity: 'error',
    subject: 'Pod a',
    urn: '',
    message: 'is wrong',
    fix: 'mend it',
    ...own,
  });
  const render = (report: PolicyReport) => {
    const page = new Page(80, createColors(false));
    renderPolicies(page, report);
    return page.text();
  };

  it('tells once what is wrong with several things, and a fix once for a rule', () => {
    const subjects = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => finding({ subject: `Pod ${name}` }));
    const rules = ['image-digest', 'region'];
    expect(render({ rules, findings: [...subjects, finding({ message: 'is wrong as well' })] })).toBe(
      [
        '',
        'Policies 1 pass · 2 errors',
        'x image-digest: Pod a, Pod b, Pod c, Pod d and 2 more: is wrong',
        'x image-digest: Pod a: is wrong as well',
        '    fix: mend it',
        '',
      ].join('\n'),
    );
  });

  it('is one line where nobody breaks a rule', () => {
    expect(render({ rules: ['region'], findings: [] })).toBe('\nPolicies 1 pass\n');
    expect(policyFailures({ rules: ['region'], findings: [] })).toEqual([]);
  });

  it('fails by no warning and by nothing that is waived', () => {
    const waiver = { owner: 'ada', reason: 'for now', until: '2999-12-31' };
    const findings = [finding({ waiver }), finding({ rule: 'region', severity: 'warning' })];
    expect(policyFailures({ rules: [], findings })).toEqual([]);
    expect(policyCounts({ rules: ['image-digest', 'probes', 'region'], findings })).toBe(
      '1 pass · 1 warning · 1 waived',
    );
  });
});
