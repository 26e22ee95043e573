import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RULE_IDS } from '../../policies/rules';
import { WAIVER_RULES } from '../../policies/waivers';
import { buildPlan } from '../../preview/build-plan';
import { policyResource } from '../../preview/plan-policies';
import { ROOT, SHIPPED, shippedConfig } from '../support/environment-file';
import { PolicyServer } from '../support/policy-server';
import { CASES } from './cases';

/** The keys of a stack that mean what `settings()` means. */
const CONFIG = {
  'triton-stack:platform': { kind: 'gke', region: 'us-central1' },
  'triton-stack:pools': { l4: { machineType: 'g2-standard-24' } },
  'triton-stack:serving': { models: [{ model: 'llama-3.1-8b' }] },
};
const POLICIES = { monthlyCeilingUsd: 10_000, publicEndpoints: ['Service triton/said-*'] };

const config = (policies: object) => ({ ...CONFIG, 'triton-stack:policies': { ...POLICIES, ...policies } });

/** Runs what is to be tried on a server of its own. */
async function onServer<T>(start: Promise<PolicyServer>, act: (server: PolicyServer) => Promise<T>): Promise<T> {
  const server = await start;
  try {
    return await act(server);
  } finally {
    server.stop();
  }
}

describe('the policy pack, as the engine runs it', () => {
  let server: PolicyServer;
  beforeAll(async () => {
    server = await PolicyServer.start('try', config({}));
  });
  afterAll(() => server?.stop());

  it('has every rule, at the level of production', async () => {
    const info = await server.info();
    const own = [...Object.values(WAIVER_RULES).map(({ id }) => id), 'policy-settings'];
    expect(Object.keys(info).sort()).toEqual([...RULE_IDS, ...own].sort());
    for (const id of RULE_IDS)
      expect([id, info[id]]).toEqual([id, id === 'secret-reference' ? 'remediate' : 'mandatory']);
  });

  it.each(
    RULE_IDS.flatMap((id) =>
      (CASES[id] ?? []).map((each) => [id, each.breaks ? 'breaks' : 'keeps', each.name, each] as const),
    ),
  )('%s: %s it: %s', async (id, _verb, _name, { resources, breaks }) => {
    const told = (await server.judge(resources)).filter(({ rule }) => rule === id);
    expect({ told, breaks: told.length > 0 }).toEqual({ told, breaks });
    for (const { level } of told) expect(level).toBe('mandatory');
  });
});

describe("a stack's own settings", () => {
  const RESOURCES = CASES['image-digest']?.find(({ name }) => name === 'a tag')?.resources ?? [];
  const digests = async (server: PolicyServer) =>
    (await server.judge(RESOURCES)).filter(({ rule }) => rule === 'image-digest' || rule.startsWith('waiver-'));

  it('decide how much a rule weighs, and whether it is looked at', async () => {
    const severity = { 'image-digest': 'warning', 'disruption-budget': 'off' };
    await onServer(PolicyServer.start('try', config({ severity })), async (server) => {
      expect(await server.info()).toMatchObject({ 'image-digest': 'advisory', 'disruption-budget': 'disabled' });
      const told = await server.judge(RESOURCES);
      expect(told.map(({ rule, level }) => [rule, level])).toEqual([['image-digest', 'advisory']]);
      expect(told[0]?.message).toMatch(
        /^Deployment triton\/triton-llama-3-1-8b, spec\..*: nvcr\.io.* by tag alone\nfix: npm/,
      );
    });
  });

  it('are not contradicted by --policy-pack-config, other than by switching a rule off', async () => {
    await onServer(PolicyServer.start('try', config({})), async (server) => {
      await server.configure({ 'image-digest': 'advisory' });
      expect((await digests(server)).map(({ level }) => level)).toEqual(['mandatory']);
      await server.configure({ 'image-digest': 'disabled' });
      expect(await digests(server)).toEqual([]);
    });
  });

  it('let a finding stand until a day, by somebody', async () => {
    const waiver = { rule: 'image-digest', subject: 'Deployment triton/*', owner: 'ada', reason: 'no registry here' };
    const waived = config({ waivers: [{ ...waiver, until: '2999-12-31' }] });
    await onServer(PolicyServer.start('try', waived), async (server) => {
      const told = await digests(server);
      expect(told.map(({ rule, level }) => [rule, level])).toEqual([['image-digest', 'advisory']]);
      expect(told[0]?.message).toContain('waived by ada until 2999-12-31: no registry here');
    });
    const ended = config({ waivers: [{ ...waiver, until: '2020-01-01' }] });
    await onServer(PolicyServer.start('try', ended), async (server) => {
      expect((await digests(server)).map(({ rule, level }) => [rule, level])).toEqual([
        ['image-digest', 'mandatory'],
        ['waiver-ended', 'mandatory'],
      ]);
    });
    const unused = config({ waivers: [{ ...waiver, subject: 'Pod *', until: '2999-12-31' }] });
    await onServer(PolicyServer.start('try', unused), async (server) => {
      expect((await digests(server)).map(({ rule, level }) => [rule, level])).toEqual([
        ['image-digest', 'mandatory'],
        ['waiver-unused', 'advisory'],
      ]);
    });
  });

  it("come from the stack's file where the engine has no configuration", async () => {
    await onServer(PolicyServer.start('dev'), async (server) => {
      expect(await server.info()).toMatchObject({ 'image-digest': 'advisory', 'deletion-protection': 'disabled' });
      expect((await server.judge([])).map(({ rule }) => rule)).toEqual([]);
    });
  });

  it('are those of production where there is nothing, and that is told', async () => {
    await onServer(PolicyServer.start('nowhere'), async (server) => {
      expect(await server.info()).toMatchObject({ 'image-digest': 'mandatory', 'deletion-protection': 'mandatory' });
      const [told, ...others] = await server.judge([]);
      expect(others).toEqual([]);
      expect(told).toMatchObject({ rule: 'policy-settings', level: 'advisory' });
      expect(told?.message).toContain('stack nowhere has no configuration and no file Pulumi.nowhere.yaml');
    });
  });

  it('are checked: the pack does not start with others', async () => {
    const severity = { 'image-digst': 'warning' };
    await expect(PolicyServer.start('try', config({ severity }))).rejects.toThrow(
      /exit code 1: Pulumi\.try\.yaml: 1 error\n[\s\S]*triton-stack:policies\.severity\.image-digst[\s\S]*did you mean image-digest\?/,
    );
  });
});

it.each(SHIPPED)('the pack says of %s what the preview says', async (name) => {
  const plan = await buildPlan(ROOT, name);
  const resources = plan.resources.filter(({ parent }) => parent !== '').map(policyResource);
  const own = Object.entries(shippedConfig(name)).map(([key, value]) => [`triton-stack:${key}`, value]);
  await onServer(PolicyServer.start(name, Object.fromEntries(own)), async (server) => {
    const said = (await server.judge(resources)).map(({ rule, level, urn }) => `${rule} ${level} ${urn}`).sort();
    const { findings } = plan.summary.policies;
    const level = { error: 'mandatory', warning: 'advisory' } as const;
    expect(said).toEqual(findings.map(({ rule, severity, urn }) => `${rule} ${level[severity]} ${urn}`).sort());
    expect(said.length).toBeGreaterThan(0);
  });
});
