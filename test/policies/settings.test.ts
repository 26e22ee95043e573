import { describe, expect, it } from 'vitest';
import { InputError } from '../../models/problem';
import { evaluate, fails, rulesOf } from '../../policies/evaluate';
import { RULE_IDS } from '../../policies/rules';
import { type PoliciesConfig, policiesSchema, policySettings } from '../../policies/settings';
import { WAIVER_RULES } from '../../policies/waivers';
import { readEnvironment } from '../../stacks/environment/read';
import { shippedConfig } from '../support/environment-file';
import { bucket, cluster, object, server, settings } from './objects';

const TODAY = '2027-06-15';
const TAGGED = object(
  server((spec) => Object.assign(spec.containers[0], { image: 'nvcr.io/nvidia/tritonserver:25.10-py3' })),
);
const WAIVER = { rule: 'image-digest', owner: 'ada', reason: 'the registry is not reached from here', until: TODAY };

/** What the rules of production say of a server that is named by a tag, without the rules on all resources together. */
function judged(own: object, today = TODAY) {
  return evaluate([TAGGED], settings({ severity: { 'disruption-budget': 'off' }, ...own }), today);
}

describe('a report', () => {
  it('has errors first, and names every rule that was looked at', () => {
    const severity = { 'bucket-private': 'warning', region: 'off' };
    const wrong = bucket({ publicAccessPrevention: 'inherited', uniformBucketLevelAccess: false, location: 'EU' });
    const { rules, findings } = evaluate([wrong, cluster()], settings({ severity }), TODAY);
    expect(findings.map(({ rule, severity, subject }) => [severity, rule, subject])).toEqual([
      ['error', 'bucket-uniform', 'Bucket models'],
      ['warning', 'bucket-private', 'Bucket models'],
    ]);
    const waivers = Object.values(WAIVER_RULES).map(({ id }) => id as string);
    expect(rules).toEqual([...RULE_IDS.filter((id) => id !== 'region'), ...waivers].sort());
  });

  it('is the same whatever the order of the resources', () => {
    const resources = [bucket({ labels: {} }), TAGGED, cluster({ resourceLabels: {} })];
    const report = evaluate(resources, settings(), TODAY);
    expect(evaluate([...resources].reverse(), settings(), TODAY)).toEqual(report);
  });

  it('fails by errors alone', () => {
    expect(fails(judged({}))).toBe(true);
    expect(fails(judged({ severity: { 'image-digest': 'warning', 'disruption-budget': 'off' } }))).toBe(false);
    expect(fails(evaluate([], settings(), TODAY))).toBe(false);
  });

  it('looks less strictly at what is for trying', () => {
    const [trying, serving] = (['development', 'production'] as const).map((profile) => settings({ profile }));
    expect(rulesOf(serving as never)).toHaveLength(RULE_IDS.length);
    expect(rulesOf(trying as never).map(({ id }) => id)).toEqual(RULE_IDS.filter((id) => id !== 'deletion-protection'));
  });
});

describe('a waiver', () => {
  it('lets a finding stand to the end of its day, told with its owner', () => {
    const { findings } = judged({ waivers: [WAIVER] });
    const { rule: _rule, ...granted } = WAIVER;
    expect(findings).toEqual([expect.objectContaining({ rule: 'image-digest', severity: 'error', waiver: granted })]);
    expect(fails(judged({ waivers: [WAIVER] }))).toBe(false);
  });

  it('lets nothing stand from the day after, and is an error itself', () => {
    const report = judged({ waivers: [WAIVER] }, '2027-06-16');
    expect(report.findings.map(({ rule, severity, waiver }) => [rule, severity, waiver])).toEqual([
      ['image-digest', 'error', undefined],
      ['waiver-ended', 'error', undefined],
    ]);
    expect(report.findings[1]?.message).toBe(`the waiver of image-digest by ada ended on ${TODAY}`);
    expect(fails(report)).toBe(true);
  });

  it.each<[string, string | undefined, boolean]>([
    ['everything', undefined, true],
    ['the very object', 'Deployment triton/triton-llama-3-1-8b', true],
    ['some of them', 'Deployment triton/*', true],
    ['another namespace', 'Deployment other/*', false],
    ['a part of the name', 'triton-llama', false],
    ['what means something in a regular expression', 'Deployment triton.triton-llama-3-1-8b', false],
  ])('is for %s', (_what, subject, used) => {
    const { findings } = judged({ waivers: [{ ...WAIVER, ...(subject !== undefined && { subject }) }] });
    expect(findings.map(({ rule, waiver }) => [rule, waiver !== undefined])).toEqual(
      used
        ? [['image-digest', true]]
        : [
            ['image-digest', false],
            ['waiver-unused', false],
          ],
    );
  });

  it('that lets nothing stand is told, and fails nothing', () => {
    const report = evaluate([], settings({ waivers: [WAIVER] }), TODAY);
    expect(report.findings).toEqual([expect.objectContaining({ rule: 'waiver-unused', severity: 'warning', urn: '' })]);
    expect(fails(report)).toBe(false);
  });

  it('of another rule lets nothing stand', () => {
    const { findings } = judged({ waivers: [{ ...WAIVER, rule: 'image-latest' }] });
    expect(findings.map(({ rule, waiver }) => [rule, waiver])).toEqual([
      ['image-digest', undefined],
      ['waiver-unused', undefined],
    ]);
  });

  it('of a rule that nobody looks at lets nothing stand', () => {
    const severity = { 'image-digest': 'off', 'disruption-budget': 'off' };
    expect(judged({ severity, waivers: [WAIVER] }).findings.map(({ rule }) => rule)).toEqual(['waiver-unused']);
  });
});

describe('the key of an environment', () => {
  const problems = (policies: object) => {
    const config = { ...shippedConfig('dev'), policies };
    try {
      readEnvironment('dev', config, 'Pulumi.dev.yaml');
      return [];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.problems.map(({ key, reason, fix }) => ({ key, reason, fix }));
    }
  };

  it.each<[string, object, object]>([
    [
      'a mistyped rule',
      { severity: { 'image-digst': 'off' } },
      {
        key: 'triton-stack:policies.severity.image-digst',
        reason: 'there is no such key',
        fix: 'did you mean image-digest?',
      },
    ],
    [
      'a mistyped severity',
      { severity: { region: 'warnin' } },
      {
        key: 'triton-stack:policies.severity.region',
        reason: 'is not one of the values that it can have',
        fix: 'did you mean warning?',
      },
    ],
    [
      'a mistyped profile',
      { profile: 'prod' },
      { key: 'triton-stack:policies.profile', reason: 'is not one of the values that it can have' },
    ],
    [
      'a mistyped key',
      { waiver: [] },
      { key: 'triton-stack:policies.waiver', reason: 'there is no such key', fix: 'did you mean waivers?' },
    ],
    [
      'a waiver of no rule',
      { waivers: [{ ...WAIVER, rule: 'image-digests' }] },
      { key: 'triton-stack:policies.waivers[0].rule', reason: 'is no rule', fix: 'did you mean image-digest?' },
    ],
    ['a waiver of nobody', { waivers: [{ ...WAIVER, owner: '' }] }, { key: 'triton-stack:policies.waivers[0].owner' }],
    [
      'a waiver without an end',
      { waivers: [{ ...WAIVER, until: undefined }] },
      { key: 'triton-stack:policies.waivers[0].until' },
    ],
    [
      'a waiver until a day that is none',
      { waivers: [{ ...WAIVER, until: '2027-02-30' }] },
      { key: 'triton-stack:policies.waivers[0].until', reason: 'is not a date' },
    ],
    [
      'a ceiling of nothing',
      { monthlyCeilingUsd: 0 },
      { key: 'triton-stack:policies.monthlyCeilingUsd', reason: 'is not an amount' },
    ],
  ])('refuses %s', (_name, policies, problem) => {
    expect(problems(policies)).toEqual([expect.objectContaining(problem)]);
  });

  it.each(['2027-01-31', new Date('2027-01-31'), '2027-01-31T00:00:00Z'])(
    'takes the day %s, as readers of YAML have it',
    (until) => {
      const { waivers } = policiesSchema.parse({ waivers: [{ ...WAIVER, until }] });
      expect(waivers[0]?.until).toBe('2027-01-31');
    },
  );

  it('tells all of them at once', () => {
    expect(problems({ profile: 'prod', severity: { a: 'off', region: 'x' } })).toHaveLength(3);
  });

  it('is the one of production where nobody says', () => {
    const { policies: _policies, ...config } = shippedConfig('dev');
    expect(readEnvironment('dev', config, 'Pulumi.dev.yaml').policies).toMatchObject({
      profile: 'production',
      regions: ['us-central1'],
      keepDays: 30,
      gpusPerNode: 1,
    });
  });

  it('takes what is derived from the other keys', () => {
    const config = shippedConfig('local');
    config.pools.l4.nodeSelector = { 'acme.test/gpu': 'l4', 'kubernetes.io/arch': 'amd64' };
    const { policies } = readEnvironment('local', config, 'Pulumi.local.yaml');
    expect(policies).toMatchObject({ gpusPerNode: 4, regions: [] });
    expect(policies.gpuNodeLabels).toEqual([
      'acme.test/gpu',
      'cloud.google.com/gke-accelerator',
      'nvidia.com/gpu.product',
    ]);
    expect(Object.keys(policies.servers)).toEqual(['llama-3-1-8b', 'llama-3-1-70b', 'resnet50']);
  });

  it('is read the same before and after defaults are filled in', () => {
    const policies: PoliciesConfig = policiesSchema.parse({});
    expect(policySettings({ policies, monitoring: { kind: 'openshift' } }).unrestrictedNamespaces).not.toContain(
      'monitoring',
    );
    expect(policySettings({ policies }).unrestrictedNamespaces).toContain('monitoring');
  });
});
