import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admissionChart } from '../../charts/admission-chart';
import { chartObjects } from '../../charts/chart-objects';
import { namespaceChart } from '../../charts/namespace-chart';
import { admissionPolicies } from '../../policies/admission';
import type { PolicyResource } from '../../policies/resource';
import { RULE_IDS, RULES } from '../../policies/rules';
import type { KubernetesObject } from '../../preview/plan';
import { SandboxFailure } from '../../sandbox/failure';
import { environmentFolder, environmentText, shippedConfig } from '../support/environment-file';
import { eventually, quiet, TestSandbox, UP_MS } from '../support/test-sandbox';
import { CASES, type Case } from './cases';
import { ingress, NAMESPACE, settings } from './objects';

/** Every rule warns: an object is told of all that it breaks, and not of the first alone. */
const WARNING = Object.fromEntries(RULE_IDS.map((id) => [id, 'warning']));
const POLICIES = settings({ severity: WARNING });

/** Of rules that warn. */
const BINDING = [`triton-stack-${NAMESPACE}-pods-warn`, `triton-stack-${NAMESPACE}-exposure-warn`] as const;

const POD_KINDS = ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];

/** The kinds that the API server holds a rule for. */
function kindsOf(id: string): readonly string[] {
  const cluster = RULES.find((rule) => rule.id === id)?.cluster;
  if (cluster === undefined) return [];
  if (cluster === 'pod-security') return ['Pod'];
  if (cluster.targets === 'pods') return POD_KINDS;
  const kinds = { services: 'Service', ingresses: 'Ingress', routes: 'Route', gateways: 'Gateway' };
  return cluster.targets.flatMap(({ resources }) => resources.map((name) => kinds[name as keyof typeof kinds]));
}

function manifest({ props }: PolicyResource): KubernetesObject {
  return props as KubernetesObject;
}

/** The cases of a rule that one object decides, of a kind that the API server looks at. */
function casesOf(id: string): Case[] {
  return (CASES[id] ?? []).filter(
    ({ resources: [first, ...others] }) =>
      first !== undefined && others.length === 0 && kindsOf(id).includes(manifest(first).kind),
  );
}

const HELD = RULE_IDS.filter((id) => kindsOf(id).length > 0);

describe('the rules in the cluster', () => {
  let on: TestSandbox;
  beforeAll(async () => {
    const config = shippedConfig('dev');
    config.serving = { models: [] };
    on = TestSandbox.empty();
    const folder = environmentFolder('verdicts', environmentText(config));
    await on.sandbox.up({ name: 'verdicts', folder, bare: true }, quiet());
    const charts = [namespaceChart({ name: NAMESPACE }), admissionChart({ namespace: NAMESPACE, policies: POLICIES })];
    const objects = charts.flatMap((chart) => chartObjects(chart) as KubernetesObject[]);
    const all = HELD.flatMap((id) => casesOf(id).flatMap(({ resources }) => resources.map(manifest)));
    expect(await on.define(all)).toEqual([]);
    await on.apply(objects);
    // Policies are known to the API server a moment after they are there.
    for (const id of HELD) {
      const broken = casesOf(id).find(({ breaks }) => breaks) as Case;
      await eventually(
        () => brokenBy(on, broken.resources[0] as PolicyResource),
        (rules) => rules.includes(id),
      );
    }
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  it.each(
    HELD.flatMap((id) => casesOf(id).map((each) => [id, each.breaks ? 'breaks' : 'keeps', each.name, each] as const)),
  )('%s: %s it: %s', async (id, _verb, _name, { resources, breaks }) => {
    const rules = await brokenBy(on, resources[0] as PolicyResource);
    expect({ rules, breaks: rules.includes(id) }).toEqual({ rules, breaks });
  });

  it('look again at what is there when its spec changes, or an annotation that they go by, and leave it alone otherwise', async () => {
    const there = ingress({ tls: [{ secretName: 'web' }] }, { 'kubernetes.io/ingress.class': 'gce-internal' });
    await on.kubectl.run(['create', '--filename=-'], { input: JSON.stringify(there) });
    const changed = async (...args: string[]) =>
      rulesIn((await on.kubectl.try([...args, '--dry-run=server', '--namespace', NAMESPACE])).stderr);
    const annotate = (annotation: string) => changed('annotate', '--overwrite', 'ingress/triton', annotation);
    // It takes plain HTTP, and nobody is told again because a controller leaves a note.
    expect(await annotate('ingress.kubernetes.io/backends=x')).toEqual([]);
    expect(await changed('label', 'ingress/triton', 'a=b')).toEqual([]);
    expect(await annotate('kubernetes.io/ingress.class=gce')).toEqual(['exposure-tls', 'public-endpoint']);
    expect(await changed('patch', 'ingress/triton', '--patch={"spec":{"tls":[{"secretName":"other"}]}}')).toEqual([
      'exposure-tls',
    ]);
    await on.kubectl.run(['delete', 'ingress/triton', '--namespace', NAMESPACE]);
  });

  it('are expressions that the API server finds nothing wrong with', async () => {
    interface Held extends KubernetesObject {
      readonly status?: {
        readonly observedGeneration?: number;
        readonly typeChecking?: { readonly expressionWarnings?: unknown[] };
      };
    }
    const policies = await eventually(
      () => on.kubectl.list<Held>('validatingadmissionpolicies'),
      (all) => all.every(({ status }) => status?.observedGeneration !== undefined),
    );
    const own = policies.filter(({ metadata }) => metadata.name.startsWith(`triton-stack-${NAMESPACE}-`));
    expect(own).toHaveLength(admissionPolicies(POLICIES).length);
    for (const { metadata, status } of own) {
      expect({ name: metadata.name, wrong: status?.typeChecking?.expressionWarnings ?? [] }).toEqual({
        name: metadata.name,
        wrong: [],
      });
    }
  });
});

/** The rules that a server-side dry run of a creation is told of. */
async function brokenBy({ kubectl }: TestSandbox, resource: PolicyResource): Promise<string[]> {
  const { status, stderr } = await kubectl.try(['create', '--dry-run=server', '--validate=strict', '--filename=-'], {
    input: JSON.stringify(manifest(resource)),
  });
  if (/violates PodSecurity/.test(stderr) && status !== 0) return ['pod-restricted'];
  if (status !== 0) throw new SandboxFailure(stderr || 'no answer in time');
  return rulesIn(stderr);
}

/** The rules that kubectl tells warnings of. */
function rulesIn(stderr: string): string[] {
  return RULE_IDS.filter((id) => BINDING.some((name) => stderr.includes(`with binding '${name}': ${id}: `)));
}
