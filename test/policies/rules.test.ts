import { describe, expect, it } from 'vitest';
import { findingsOf, severityOf } from '../../policies/evaluate';
import { type PolicyResource, UNKNOWN } from '../../policies/resource';
import type { Rule } from '../../policies/rule';
import { RULES } from '../../policies/rules';
import { CASES } from './cases';
import { type Manifest, object, server, settings } from './objects';

const SETTINGS = settings();

describe.each(RULES.map((rule) => [rule.id, rule] as const))('%s', (id, rule) => {
  const cases = CASES[id] ?? [];

  it.each(cases.map((each) => [each.breaks ? 'is broken by' : 'is kept by', each.name, each] as const))(
    '%s: %s',
    (_verb, _name, { resources, breaks }) => {
      const findings = findingsOf(rule, resources, SETTINGS);
      expect({ findings, breaks: findings.length > 0 }).toEqual({ findings, breaks });
    },
  );

  it('is kept by something and broken by something', () => {
    expect(new Set(cases.map(({ breaks }) => breaks))).toEqual(new Set([true, false]));
  });

  it('is broken by nothing that is not known yet', () => {
    for (const { name, resources, breaks } of cases) {
      if (breaks) continue;
      for (const [path, changed] of unknowns(resources)) {
        expect({ name, path, findings: findingsOf(rule, changed, SETTINGS) }).toEqual({ name, path, findings: [] });
      }
    }
  });

  it('says why, how to mend it, and where it comes from', () => {
    for (const text of [rule.title, rule.reason, rule.fix, rule.source]) expect(text.length).toBeGreaterThan(20);
    expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(severityOf(rule, SETTINGS)).toBe('error');
  });
});

/** What says which thing a resource is: known whenever it is registered. */
const IDENTITY = /\.(apiVersion|kind|metadata\.name|metadata\.namespace|chart|file)$/;

/** The resources, each time with one value of them not known. */
function* unknowns(resources: readonly PolicyResource[]): Generator<[string, PolicyResource[]]> {
  for (const [index, resource] of resources.entries()) {
    for (const path of paths(resource.props)) {
      const name = `${resource.name}.${path.join('.')}`;
      if (IDENTITY.test(name)) continue;
      const props = structuredClone(resource.props) as Record<string, unknown>;
      const above = path.slice(0, -1).reduce<Record<string, unknown>>((part, key) => part[key] as never, props);
      above[path.at(-1) as string] = UNKNOWN;
      yield [name, resources.map((each, at) => (at === index ? { ...each, props } : each))];
    }
  }
}

function paths(value: unknown): string[][] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, part]) => [[key], ...paths(part).map((rest) => [key, ...rest])]);
}

it.each<[string, (container: Manifest, spec: Manifest) => void, string, string]>([
  [
    'pod-restricted',
    (own) => Object.assign(own.securityContext, { privileged: true }),
    'spec.template.spec.containers[0]',
    'container triton is privileged',
  ],
  [
    'image-digest',
    (own) => Object.assign(own, { image: 'nvcr.io/nvidia/tritonserver:25.10-py3' }),
    'spec.template.spec.containers[0].image',
    'nvcr.io/nvidia/tritonserver:25.10-py3 is named by tag alone',
  ],
  [
    'secret-reference',
    (own) => own.env.push({ name: 'DB_PASSWORD', value: 'hunter2' }),
    'spec.template.spec.containers[0].env[2].value',
    'DB_PASSWORD is written down',
  ],
  [
    'probes',
    (own) => Object.assign(own.startupProbe, { failureThreshold: 12 }),
    'spec.template.spec.containers[0].startupProbe.failureThreshold',
    'the startup probe grants 120 s: the model may take 335 s',
  ],
])('%s says where and what', (id, change, path, message) => {
  const rule = RULES.find((each) => each.id === id) as Rule;
  const findings = findingsOf(rule, [object(server((spec) => change(spec.containers[0], spec)))], SETTINGS);
  expect(findings).toEqual([
    expect.objectContaining({ path, message, subject: 'Deployment triton/triton-llama-3-1-8b', fix: rule.fix }),
  ]);
  // A secret is never repeated.
  expect(JSON.stringify(findings)).not.toContain('hunter2');
});
