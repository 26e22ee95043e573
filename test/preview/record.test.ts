import { CustomResource, secret } from '@pulumi/pulumi';
import { expect, it } from 'vitest';
import { buildPlan } from '../../preview/build-plan';
import { planPolicies } from '../../preview/plan-policies';
import { record } from '../../preview/record';
import { ROOT } from '../support/environment-file';

class KubernetesObject extends CustomResource {}

const HIDDEN = 'hunter2-';

/** What a program with secrets of all kinds registers. */
function withSecrets() {
  return record({ stack: 'try', config: { 'triton-stack:token': `${HIDDEN}config` } }, () => {
    new KubernetesObject('kubernetes:core/v1:Secret', 'triton/keys', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: 'triton' },
      data: { told: secret(`${HIDDEN}data`), empty: '' },
      stringData: { written: `${HIDDEN}written`, nested: secret(`${HIDDEN}nested`) },
    });
    new KubernetesObject('gcp:sql/user:User', 'user', { name: 'triton', password: secret(`${HIDDEN}password`) });
    return { password: secret(`${HIDDEN}output`) };
  });
}

it('never shows what is secret, nor what a Secret holds in clear text', async () => {
  const recording = await withSecrets();
  expect(JSON.stringify(recording)).not.toContain(HIDDEN);
  const keys = recording.resources.find(({ type }) => type.endsWith(':Secret'));
  expect(keys?.inputs).toMatchObject({
    data: { told: '<secret>', empty: '' },
    stringData: { written: '<secret in clear text>', nested: '<secret>' },
  });
});

it('lets the rules tell a secret from one that is written down', async () => {
  const { resources } = await withSecrets();
  const { policySettings } = (await buildPlan(ROOT, 'prod')).summary;
  if (policySettings === undefined) throw new Error('the plan has no settings');
  const { findings } = planPolicies(resources, policySettings, '2026-11-21');
  expect(findings.filter(({ rule }) => rule === 'secret-reference').map(({ path }) => path)).toEqual([
    'stringData["written"]',
  ]);
});

it('knows what the engine is asked beside arguments, and whose outputs arguments take', async () => {
  const { resources } = await record({ stack: 'try', config: {} }, () => {
    const network = new KubernetesObject('gcp:compute/network:Network', 'vpc', {}, { protect: true });
    new KubernetesObject(
      'gcp:compute/subnetwork:Subnetwork',
      'subnet',
      { network: network.id, plain: 1 },
      {
        ignoreChanges: ['b', 'a'],
        replaceOnChanges: ['c'],
        deleteBeforeReplace: true,
        retainOnDelete: true,
        aliases: [{ name: 'old' }],
      },
    );
  });
  const [, vpc, subnet] = resources;
  expect(vpc?.options).toEqual({ protect: true });
  expect(vpc).not.toHaveProperty('uses');
  expect(subnet?.uses).toEqual({ network: [vpc?.urn] });
  expect(subnet?.options).toMatchObject({
    retainOnDelete: true,
    deleteBeforeReplace: true,
    ignoreChanges: ['a', 'b'],
    replaceOnChanges: ['c'],
  });
  expect(subnet?.options?.aliases?.join()).toMatch(/old$/);
});
