import { describe, expect, it } from 'vitest';
import { versions } from '../../../models/versions';
import { buildPlan } from '../../../preview/build-plan';
import { diffPlans, isEmpty } from '../../../preview/diff/diff-plans';
import type { PlanDiff } from '../../../preview/diff/plan-diff';
import type { Plan } from '../../../preview/plan';
import { planPolicies } from '../../../preview/plan-policies';
import {
  type Config,
  environmentFolder,
  environmentText,
  type Shipped,
  shippedConfig,
} from '../../support/environment-file';

/** The plan of a shipped environment, in part changed. */
function planWith(shipped: Shipped, change: (config: Config) => void = () => undefined): Promise<Plan> {
  const config = shippedConfig(shipped);
  change(config);
  return buildPlan(environmentFolder(shipped, environmentText(config)), shipped);
}

const DAY = '2026-11-21';
const base = { name: 'origin/main', commit: '0'.repeat(40) };

function diffOf(before: Plan | undefined, after: Plan | undefined): PlanDiff {
  const settings = (after ?? before)?.summary.policySettings;
  return diffPlans({
    environment: 'try',
    base,
    before,
    after,
    findingsBefore: before && settings && planPolicies(before.resources, settings, DAY),
  });
}

/** What a change of a shipped environment does. */
async function changing(shipped: Shipped, change: (config: Config) => void): Promise<PlanDiff> {
  const [before, after] = [await planWith(shipped), await planWith(shipped, change)];
  return diffOf(before, after);
}

const actions = (diff: PlanDiff) => Object.fromEntries(diff.resources.map(({ name, action }) => [name, action]));
const forcing = (diff: PlanDiff) =>
  Object.fromEntries(
    diff.resources.map(({ name, fields }) => [name, fields.filter(({ replaces }) => replaces).map(({ path }) => path)]),
  );
const objectActions = (diff: PlanDiff) => diff.objects.map(({ kind, name, action }) => `${action} ${kind} ${name}`);

describe('an environment', () => {
  it.each(['dev', 'prod', 'openshift'] as const)('that stays as it is has no changes: %s', async (name) => {
    const diff = await changing(name, () => undefined);
    expect(diff).toMatchObject({ resources: [], objects: [], rollouts: [], models: [], versions: [] });
    expect(isEmpty(diff)).toBe(true);
  });

  it('that is new is created, and one that is gone is deleted', async () => {
    const plan = await planWith('prod');
    for (const [diff, action] of [
      [diffOf(undefined, plan), 'create'],
      [diffOf(plan, undefined), 'delete'],
    ] as const) {
      expect(new Set([...diff.resources, ...diff.objects].map((change) => change.action))).toEqual(new Set([action]));
      expect(diff.objects).toHaveLength(plan.charts.flatMap(({ objects }) => objects).length);
      expect(diff.models.map(({ name }) => name)).toEqual(['llama-3.1-8b', 'resnet50']);
      expect(diff.rollouts).toEqual([]);
      expect(isEmpty(diff)).toBe(false);
    }
  });
});

describe('cloud resources', () => {
  it('are changed in place where the provider can', async () => {
    const diff = await changing('prod', (config) => {
      config.pools.l4.max = 30;
    });
    expect(actions(diff)).toEqual({ l4: 'update' });
    expect(diff.resources[0]?.fields).toEqual([{ path: 'autoscaling.totalMaxNodeCount', before: 24, after: 30 }]);
    expect(diff.cost.after?.most).toBeGreaterThan(diff.cost.before?.most ?? 0);
    expect(diff.cost.after?.idle).toBe(diff.cost.before?.idle);
  });

  it('come anew with what they are made of, each with the argument that is why', async () => {
    const diff = await changing('prod', (config) => {
      config.network.nodes = '10.48.0.0/20';
    });
    expect(actions(diff)).toMatchObject({
      subnet: 'replace',
      gke: 'replace',
      l4: 'replace',
      a100: 'replace',
      system: 'replace',
    });
    expect(forcing(diff)).toMatchObject({ subnet: ['ipCidrRange'], gke: ['subnetwork'], l4: ['cluster'] });
    expect(actions(diff)).not.toHaveProperty('models');
    expect(diff.resources.find(({ name }) => name === 'gke')?.fields[0]?.after).toBe('<new subnet>');
    // The cluster is protected from being deleted.
    expect(diff.resources.find(({ name }) => name === 'gke')?.consequences.map(({ kind }) => kind)).toContain(
      'blocked',
    );
  });

  it('come anew with an output deep in an argument', async () => {
    const before = await planWith('prod');
    const after = structuredClone(before) as Plan;
    for (const { type, inputs } of after.resources) {
      if (type.endsWith(':Account')) Object.assign(inputs, { accountId: 'other-nodes' });
    }
    const diff = diffOf(before, after);
    expect(forcing(diff)).toMatchObject({
      nodes: ['accountId'],
      l4: ['nodeConfig.serviceAccount'],
      'artifactregistry.reader': ['member'],
    });
    // The cluster's own pool is gone, and its arguments are left alone.
    expect(actions(diff)).not.toHaveProperty('gke');
  });

  it('are told as renamed where nothing else is other', async () => {
    const diff = await changing('prod', (config) => {
      config.pools.spare = config.pools.a100;
      delete config.pools.a100;
    });
    expect(actions(diff)).toEqual({ spare: 'rename' });
    expect(diff.resources[0]).toMatchObject({ formerName: 'a100', group: 'pools' });
    expect(diff.resources[0]?.fields.map(({ path }) => path)).toContain('nodeConfig.labels["triton-stack/pool"]');
  });

  it('keep what they hold to themselves where the engine is told to leave it alone', async () => {
    const diff = await changing('prod', (config) => {
      config.systemPool = { ...config.systemPool, min: 4 };
    });
    const pool = diff.resources.find(({ name }) => name === 'system');
    expect(pool?.fields.map(({ path }) => path)).toEqual(['autoscaling.totalMinNodeCount']);
  });

  it('of one type that have little in common are one gone and one new', async () => {
    const diff = await changing('prod', (config) => {
      config.kubeflow = { kind: 'none' };
    });
    expect(new Set(Object.values(actions(diff)))).toEqual(new Set(['delete']));
  });
});

describe('objects', () => {
  it('of a model that scales otherwise change, and its pods go on', async () => {
    const diff = await changing('prod', (config) => {
      config.serving.models[0].scale = { min: 3, max: 12 };
    });
    expect(diff.objects.map(({ kind, action }) => `${action} ${kind}`)).toContain('update HorizontalPodAutoscaler');
    const autoscaler = diff.objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
    expect(autoscaler?.fields).toEqual([{ path: 'spec.minReplicas', before: 2, after: 3 }]);
    expect(diff.rollouts).toEqual([]);
    expect(diff.models).toHaveLength(1);
    expect(diff.cost.after?.serving).toBeGreaterThan(diff.cost.before?.serving ?? 0);
  });

  it('of a model under another name are that model under another name', async () => {
    const diff = await changing('prod', (config) => {
      config.serving.models[1].name = 'vision';
    });
    expect(diff.models.map(({ before, after }) => [before?.name, after?.name])).toEqual([['resnet50', 'vision']]);
    const renamed = diff.objects.filter(({ chart }) => chart === 'triton-vision');
    expect(new Set(renamed.map(({ action }) => action))).toEqual(new Set(['rename']));
    expect(renamed.find(({ kind }) => kind === 'Service')).toMatchObject({ formerName: 'triton-resnet50' });
    expect(objectActions(diff).filter((text) => /create|delete/.test(text))).toEqual([]);
  });

  it('of a model that takes the place of another are none of that', async () => {
    const diff = await changing('dev', (config) => {
      config.serving.models[1] = { model: 'mistral-7b-vllm', scale: { min: 1, max: 1 } };
    });
    expect(objectActions(diff)).toContain('delete Deployment triton-resnet50');
    expect(objectActions(diff)).toContain('create Deployment triton-mistral-7b-vllm');
    expect(objectActions(diff).filter((text) => text.startsWith('rename'))).toEqual([]);
  });

  it('named by their content are one object whose content changes', async () => {
    const before = await planWith('prod');
    const after = structuredClone(before) as Plan;
    const map = after.resources.find(({ type, name }) => type.endsWith(':ConfigMap') && name.includes('resnet50-sync'));
    const inputs = map?.inputs as { metadata: { name: string }; data: Record<string, string> };
    inputs.metadata.name = inputs.metadata.name.replace(/[0-9a-f]{8}$/, '01234567');
    inputs.data['sync.sh'] = `${inputs.data['sync.sh']}\necho done`;
    const diff = diffOf(before, after);
    expect(diff.objects).toHaveLength(1);
    expect(diff.objects[0]).toMatchObject({ action: 'rename', kind: 'ConfigMap' });
    expect(diff.objects[0]?.fields.find(({ path }) => path === 'data["sync.sh"]')?.text).toContain('+echo done');
  });

  it('that mean the same are the same, however they say it', async () => {
    const before = await planWith('prod');
    const after = structuredClone(before) as Plan;
    for (const { type, inputs } of after.resources) {
      if (!/:(Deployment|StatefulSet)$/.test(type)) continue;
      const { template } = (inputs as { spec: { template: { spec: Record<string, unknown> } } }).spec;
      template.spec.dnsPolicy = 'ClusterFirst';
      const [server] = template.spec.containers as { resources: { limits: Record<string, string> }; env?: unknown[] }[];
      if (server === undefined) continue;
      const { limits } = server.resources;
      if (limits.cpu !== undefined) limits.cpu = `${Number.parseFloat(limits.cpu) * 1000}m`;
      if (server.env !== undefined) server.env.reverse();
    }
    expect(before).not.toEqual(after);
    expect(diffOf(before, after).objects).toEqual([]);
  });

  it('in another chart are one object, and the engine would delete it', async () => {
    const before = await planWith('prod');
    const after = structuredClone(before) as Plan;
    const moved = after.resources.find(({ type, name }) => type.endsWith(':PodMonitor') && name.endsWith('resnet50'));
    const chart = after.resources.find(({ name, type }) => name === 'namespace-triton' && type.endsWith('Chart'));
    Object.assign(moved ?? {}, { parent: chart?.urn, urn: `${moved?.urn}-moved` });
    const diff = diffOf(before, after);
    expect(diff.objects).toMatchObject([
      { kind: 'PodMonitor', action: 'update', fields: [], consequences: [{ kind: 'downtime' }] },
    ]);
  });
});

it('tells what the rules say of a change, and of it alone', async () => {
  const without = (config: Config) => {
    delete config.policies?.monthlyCeilingUsd;
  };
  const changed = (config: Config) => {
    without(config);
    config.platform.deletionProtection = false;
  };
  const [before, after] = [await planWith('prod', without), await planWith('prod', changed)];
  const { added, standing, resolved } = diffOf(before, after).policies;
  expect(new Set(added.map(({ rule }) => rule))).toEqual(new Set(['deletion-protection']));
  expect(standing.length).toBeGreaterThan(0);
  expect(resolved).toEqual([]);
  expect(diffOf(after, before).policies.resolved).toEqual(added);
});

describe('pods', () => {
  it('are started anew for a change of their template, so many at a time', async () => {
    const diff = await changing('prod', (config) => {
      for (const model of config.serving.models) model.release = 'v7';
    });
    expect(diff.rollouts).toMatchObject([
      { kind: 'StatefulSet', name: 'triton-llama-3-1-8b', pods: 2, gpusPerPod: 1, surgeGpus: 0, unavailable: 1 },
      { kind: 'Deployment', name: 'triton-resnet50', pods: 2, gpusPerPod: 1 },
    ]);
    const [llama, resnet] = diff.rollouts;
    const plan = await planWith('prod');
    const model = plan.summary.models.find(({ name }) => name === 'llama-3.1-8b');
    expect(llama?.seconds).toBe(2 * (model?.loadSeconds ?? 0));
    expect(llama?.longestSeconds).toBeGreaterThan(llama?.seconds ?? 0);
    expect(llama?.because.join()).toContain('MODEL_RELEASE');
    // A new pod first, then an old one goes: a GPU more for as long.
    expect(resnet?.surgeGpus).toBe(1);
  });

  it('of another storage class are another StatefulSet', async () => {
    const diff = await changing('prod', (config) => {
      config.serving.models[0].workload.storageClass = 'standard-rwo';
    });
    const workload = diff.objects.find(({ kind }) => kind === 'StatefulSet');
    expect(workload).toMatchObject({ action: 'replace' });
    expect(workload?.fields.find(({ replaces }) => replaces)?.path).toMatch(/^spec\.volumeClaimTemplates/);
    expect(workload?.consequences.map(({ kind }) => kind)).toContain('downtime');
  });
});

it('tells versions of images, charts and upstream manifests', async () => {
  const before = await planWith('prod');
  const text = JSON.stringify(before)
    .replaceAll('tritonserver:25.10-py3', 'tritonserver:25.11-py3')
    .replaceAll(versions.upstream.kubeflowPipelines.commit.slice(0, 10), '0a3592cb2d');
  const after = JSON.parse(text) as Plan;
  for (const { type, name, inputs } of after.resources) {
    if (type.endsWith(':Release') && name === 'gpu-operator') Object.assign(inputs, { version: 'v99.0.0' });
  }
  expect(diffOf(before, after).versions.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'chart gpu-operator',
    'image nvcr.io/nvidia/tritonserver',
    'upstream kubeflow/pipelines',
  ]);
});

it('compares with a plan of an older version, which knew less', async () => {
  const after = await planWith('prod');
  const before = JSON.parse(JSON.stringify(after)) as Plan;
  for (const each of [...before.resources, ...before.summary.models] as unknown as Record<string, unknown>[]) {
    for (const key of ['uses', 'options', 'memory', 'loadSeconds']) delete each[key];
  }
  const diff = diffOf(before, after);
  expect(diff.resources).toEqual([]);
  expect(diff.objects).toEqual([]);
});
