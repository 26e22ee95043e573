import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KUBEFLOW_NAMESPACE } from '../../charts/kubeflow/settings';
import { buildPlan } from '../../preview/build-plan';
import type { KubernetesObject, Plan } from '../../preview/plan';
import { isReady, type Pod, untilReady } from '../../sandbox/readiness';
import type { Overlay } from '../../stacks/kubeflow/overlay/kustomization';
import { kubeflowOverlays } from '../../stacks/kubeflow/overlay/overlays';
import { FLAVOURS, flavourFolder, settingsIn, TRIED } from '../support/kubeflow-flavours';
import { byAnnotation, inWaves, unitsOf } from '../support/kubeflow-units';
import { build, upstreamFolder } from '../support/kubeflow-upstream';
import { keyReferences, podReferences } from '../support/pod-references';
import { settled } from '../support/settled';
import { quiet, TestSandbox, UP_MS } from '../support/test-sandbox';

const upstream = upstreamFolder('the installation of Kubeflow on a real API server');
const READY_MS = 400_000;

describe.skipIf(upstream === undefined).each(Object.entries(FLAVOURS))('Kubeflow Pipelines: %s', (_, flavour) => {
  let on: TestSandbox;
  let plan: Plan;
  const rendered = new Map<string, KubernetesObject[]>();
  const applied: KubernetesObject[] = [];
  const waves: string[][] = [];

  beforeAll(async () => {
    const folder = flavourFolder(flavour);
    plan = await buildPlan(folder, TRIED);
    const settings = settingsIn(folder);
    const stages = Object.keys(kubeflowOverlays(settings)) as (keyof ReturnType<typeof kubeflowOverlays>)[];
    for (const stage of stages) {
      const objects = build(upstream as string, (locate) => kubeflowOverlays(settings, locate)[stage] as Overlay);
      rendered.set(`kubeflow-${stage}`, objects);
    }
    on = TestSandbox.empty();
    await on.sandbox.up({ name: TRIED, folder, bare: true }, quiet());
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  const ready = () =>
    untilReady(on.kubectl, KUBEFLOW_NAMESPACE, { waitMs: READY_MS, progress: quiet(), check: () => undefined });
  const apply = async (objects: readonly KubernetesObject[]) => {
    // What somebody else makes is there before pods that name it.
    const names = new Set([...applied, ...objects].map(({ kind, metadata }) => `${kind}/${metadata.name}`));
    const missing = podReferences(objects).filter((each) => !names.has(each));
    expect(missing.filter((each) => !given(each))).toEqual([]);
    await on.apply(objects);
    applied.push(...objects);
  };
  /** The Secret of a store that others run. */
  const given = (name: string) => name === 'Secret/runs-keys' && flavour.kubeflow.artifacts?.secretName === 'runs-keys';

  it('is installed in its stages, each when what it waits for is ready, with every field known', async () => {
    const units = unitsOf(plan, 'triton-stack:kubeflow:Pipelines', rendered);
    expect(units.filter(({ objects }) => objects.length === 0)).toEqual([]);
    for (const wave of inWaves(units)) {
      waves.push(wave.map(({ name }) => name).sort());
      for (const { objects } of wave) {
        for (const part of byAnnotation(objects)) {
          await apply(part);
          if (part.some(({ kind }) => kind === 'Deployment')) await ready();
        }
      }
    }
  }, 1_200_000);

  it('makes the ground first, then the stores, then Kubeflow, and the way to it last', () => {
    const at = (name: string) => waves.findIndex((wave) => wave.includes(name));
    const order = ['namespace-kubeflow', 'kubeflow-access', 'kubeflow-database', 'kubeflow-pipelines', 'kubeflow-ui'];
    const places = order.map(at);
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(new Set(places).size).toBe(places.length);
    for (const name of ['kubeflow-config', 'kubeflow-credentials', 'kubeflow-limits']) {
      expect(at(name)).toBe(at('kubeflow-access'));
    }
    expect(at('kubeflow-definitions')).toBeLessThan(at('kubeflow-pipelines'));
  });

  it('runs every pod, ready, under the restricted standard', async () => {
    const pods = await on.kubectl.list<Pod>('pods', KUBEFLOW_NAMESPACE);
    const deployments = applied.filter(({ kind }) => kind === 'Deployment') as (KubernetesObject & {
      spec: { replicas?: number };
    })[];
    expect(pods).toHaveLength(deployments.reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0));
    for (const pod of pods) expect({ name: pod.metadata.name, ready: isReady(pod) }).toMatchObject({ ready: true });
    const [namespace] = await on.kubectl
      .list('namespaces')
      .then((all) => all.filter(({ metadata }) => metadata.name === KUBEFLOW_NAMESPACE));
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });

  it('finds every setting that a pod reads', () => {
    const keys = new Set(
      applied.flatMap(({ kind, metadata, ...rest }) => {
        const { data, stringData } = rest as { data?: object; stringData?: object };
        return Object.keys({ ...data, ...stringData }).map((key) => `${kind}/${metadata.name}/${key}`);
      }),
    );
    const missing = keyReferences(applied).filter((each) => !keys.has(each) && !each.startsWith('Secret/runs-keys/'));
    expect(missing).toEqual([]);
  });

  it('is not changed by a second apply', async () => {
    const before = await settled(on.kubectl, applied);
    const lines = await on.kubectl.apply(applied);
    expect(lines).toHaveLength(applied.length);
    expect(await settled(on.kubectl, applied)).toEqual(before);
  });
});
