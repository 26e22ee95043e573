import { expect, it } from 'vitest';
import type { Finding } from '../../../policies/finding';
import { byRule } from '../../../preview/html/rule-findings';

const FINDING: Finding = {
  rule: 'image-digest',
  severity: 'error',
  subject: 'Deployment triton/a',
  urn: 'urn:a',
  message: 'a:1 is named by tag alone',
  fix: 'name the digest',
};
const waiver = { owner: 'a@acme.example', reason: 'a demonstration', until: '2026-12-31' };

it('puts findings together that one change mends', () => {
  const other = { ...FINDING, subject: 'Deployment triton/b', urn: 'urn:b' };
  const groups = byRule([FINDING, { ...FINDING, rule: 'probes' }, other], false);
  expect(groups.map(({ findings }) => findings.map(({ rule, urn }) => `${rule} ${urn}`))).toEqual([
    ['image-digest urn:a', 'image-digest urn:b'],
    ['probes urn:a'],
  ]);
});

it.each([
  ['another fix', { fix: 'leave it out' }],
  ['another severity', { severity: 'warning' as const }],
  ['a waiver', { waiver }],
])('keeps apart what has %s', (_, other) => {
  expect(byRule([FINDING, { ...FINDING, ...other }], false)).toHaveLength(2);
});

it('says how much each weighs', () => {
  const findings = [FINDING, { ...FINDING, severity: 'warning' as const }, { ...FINDING, waiver }];
  expect(byRule(findings, false).map(({ state }) => state)).toEqual(['error', 'warning', 'waived']);
  expect(byRule(findings, true).map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved']);
});
