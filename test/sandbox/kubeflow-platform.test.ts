import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPlan } from '../../preview/build-plan';
import type { KubernetesObject } from '../../preview/plan';
import { untilReady } from '../../sandbox/readiness';
import type { Overlay } from '../../stacks/kubeflow/overlay/kustomization';
import { platformOverlays } from '../../stacks/kubeflow/overlay/platform-overlays';
import { flavourFolder, TRIED } from '../support/kubeflow-flavours';
import { byAnnotation, inWaves, type Unit, unitsOf } from '../support/kubeflow-units';
import { build, manifestsFolder } from '../support/kubeflow-upstream';
import { podReferences } from '../support/pod-references';
import { quiet, TestSandbox, UP_MS } from '../support/test-sandbox';

const upstream = manifestsFolder("Kubeflow's whole platform on a real API server");
const READY_MS = 400_000;
const APPLY_MS = 1_200_000;

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

const isGround = ({ kind }: KubernetesObject) => kind === 'Namespace' || kind === 'CustomResourceDefinition';
const isWebhook = ({ kind }: KubernetesObject) => /^(Mutating|Validating)WebhookConfiguration$/.test(kind);
const isWorkload = ({ kind }: KubernetesObject) => /^(Deployment|StatefulSet|DaemonSet|Job|CronJob)$/.test(kind);

/** What is there on every cluster, or is made by what was installed before. */
const MADE = ['PriorityClass/system-node-critical', 'ConfigMap/istio-ca-root-cert'];

/** The parts of a unit in the order in which the engine makes them. */
function partsOf({ objects }: Unit): KubernetesObject[][] {
  const rest = objects.filter((each) => !isGround(each) && !isWebhook(each));
  return [objects.filter(isGround), ...byAnnotation(rest)].filter((part) => part.length > 0);
}

describe.skipIf(upstream === undefined).each([
  ['dev', 'gke'],
  ['local', 'kubernetes'],
] as const)("Kubeflow's whole platform: %s", (from, platform) => {
  let on: TestSandbox;
  let waves: Unit[][];
  const folderWith = (kubeflow: object) => flavourFolder({ from, kubeflow: { ...kubeflow } });
  const objects = () => waves.flat().flatMap((unit) => unit.objects);

  beforeAll(async () => {
    const plan = await buildPlan(folderWith({ kind: 'platform', owner: 'ada@example.com' }), TRIED);
    const rendered = new Map(
      platformOverlays(platform).map(({ name }, index) => [
        `kubeflow-${name}`,
        build(upstream as string, (locate) => platformOverlays(platform, locate)[index] as Overlay),
      ]),
    );
    waves = inWaves(unitsOf(plan, 'triton-stack:kubeflow:Platform', rendered));
    on = TestSandbox.empty();
    // The definition of Profile comes with the platform.
    await on.sandbox.up({ name: TRIED, folder: folderWith({ kind: 'none' }), bare: true }, quiet());
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  it(
    'is taken in its stages, each when what it waits for is ready, with every field known',
    async () => {
      for (const wave of waves) {
        for (const unit of wave) {
          for (const part of partsOf(unit)) {
            await on.apply(part);
          }
        }
        for (const namespace of new Set(
          wave
            .flatMap((unit) => unit.objects)
            .filter(isWorkload)
            .map(namespaceOf),
        )) {
          await untilReady(on.kubectl, namespace, { waitMs: READY_MS, progress: quiet(), check: () => undefined });
        }
      }
      const events = await on.kubectl.list<{ reason: string; message: string } & KubernetesObject>('events');
      expect(events.filter(({ reason }) => reason === 'FailedCreate').map(({ message }) => message)).toEqual([]);
    },
    APPLY_MS,
  );

  it('makes nothing twice', () => {
    const names = objects().map((each) => `${each.apiVersion} ${each.kind} ${namespaceOf(each)}/${each.metadata.name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('has what its pods cannot start without', () => {
    const certificates = objects().filter(({ kind }) => kind === 'Certificate') as Fields[];
    const there = new Set([
      ...MADE,
      ...objects().map(({ kind, metadata }) => `${kind}/${metadata.name}`),
      ...certificates.map(({ spec }) => `Secret/${spec.secretName}`),
    ]);
    expect(podReferences(objects().filter(isWorkload)).filter((each) => !there.has(each))).toEqual([]);
  });

  // Nothing answers behind webhooks here: with them in place all that they are asked for would be refused.
  it('asks no webhook before what answers it is ready', () => {
    const plural = new Map(
      (objects() as Fields[])
        .filter(({ kind }) => kind === 'CustomResourceDefinition')
        .map(({ spec }) => [`${spec.group}/${spec.names.kind}`, spec.names.plural]),
    );
    const early: string[] = [];
    const asked: string[] = [];
    waves.forEach((wave, at) => {
      for (const unit of wave) {
        const parts = partsOf(unit);
        for (const object of unit.objects) {
          const group = object.apiVersion.split('/')[0];
          const resource = plural.get(`${group}/${object.kind}`);
          for (const { service } of resource === undefined ? [] : webhooksFor(waves, group as string, resource)) {
            const name = `${object.kind}/${object.metadata.name}`;
            asked.push(name);
            const place = parts.findIndex((part) => part.includes(object));
            const there = [
              ...waves
                .slice(0, at)
                .flat()
                .flatMap((each) => each.objects),
              ...parts.slice(0, place).flat(),
            ];
            if (!there.some((each) => answers(each, service, objects()))) early.push(`${name} asks ${service}`);
          }
        }
      }
    });
    expect(asked).not.toEqual([]);
    expect(early).toEqual([]);
  });

  it('leaves to the cluster what the cluster fills in', () => {
    const aggregated = (objects() as Fields[]).filter(({ aggregationRule }) => aggregationRule !== undefined);
    expect(aggregated.filter(({ rules }) => rules !== undefined).map(({ metadata }) => metadata.name)).toEqual([]);
  });

  it('holds no credential that everyone knows', () => {
    const text = JSON.stringify(objects());
    // Of upstream: dex's user, its password's digest, its client; SeaweedFS, MySQL.
    const known = [
      'user@example.com',
      '$2y$12$4K/VkmDd1q1',
      'pUBnBOY80SnXgj',
      'minio123',
      'MYSQL_ALLOW_EMPTY_PASSWORD',
    ];
    expect(known.filter((each) => text.includes(each))).toEqual([]);
    expect(known.filter((each) => text.includes(Buffer.from(each).toString('base64').slice(0, 8)))).toEqual([]);
  });

  it(
    'is taken a second time',
    async () => {
      await on.kubectl.apply(objects().filter((each) => !isWebhook(each)));
    },
    APPLY_MS,
  );

  it('has webhooks that the API server takes', async () => {
    expect(await on.kubectl.apply(objects().filter(isWebhook))).not.toEqual([]);
  });
});

function namespaceOf({ metadata }: KubernetesObject): string {
  return (metadata as { namespace?: string }).namespace ?? '';
}

/** The services of webhooks without which a resource is refused. */
function webhooksFor(waves: readonly Unit[][], group: string, resource: string): { readonly service: string }[] {
  const configurations = waves.flat().flatMap(({ objects }) => objects.filter(isWebhook)) as Fields[];
  const matches = (rule: Fields) =>
    [group, '*'].some((each) => rule.apiGroups.includes(each)) &&
    [resource, '*', '*/*'].some((each) => rule.resources.includes(each));
  return configurations
    .flatMap(({ webhooks = [] }) => webhooks)
    .filter(({ failurePolicy, rules = [] }) => failurePolicy !== 'Ignore' && rules.some(matches))
    .map(({ clientConfig }) => ({ service: `${clientConfig.service.namespace}/${clientConfig.service.name}` }));
}

/** Whether an object is the Deployment whose pods a service leads to. */
function answers(object: Fields, service: string, objects: readonly Fields[]): boolean {
  if (object.kind !== 'Deployment') return false;
  const found = objects.find(
    (each) => each.kind === 'Service' && `${namespaceOf(each)}/${each.metadata.name}` === service,
  );
  const labels = object.spec.template.metadata.labels;
  const selector = Object.entries(found?.spec.selector ?? {});
  return (
    namespaceOf(object) === service.split('/')[0] &&
    selector.length > 0 &&
    selector.every(([key, value]) => labels[key] === value)
  );
}
