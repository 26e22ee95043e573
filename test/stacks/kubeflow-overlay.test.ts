import { describe, expect, it } from 'vitest';
import { imageReference, versions } from '../../models/versions';
import { evaluate } from '../../policies/evaluate';
import { policiesSchema, policySettings } from '../../policies/settings';
import type { Overlay } from '../../stacks/kubeflow/overlay/kustomization';
import { imageOverride } from '../../stacks/kubeflow/overlay/kustomization';
import { kubeflowOverlays } from '../../stacks/kubeflow/overlay/overlays';
import { FLAVOURS, flavourSettings } from '../support/kubeflow-flavours';
import { build, upstreamFolder } from '../support/kubeflow-upstream';

const upstream = upstreamFolder("what is rendered of Kubeflow's manifests");

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

const containersOf = (object: Fields): Fields[] => {
  const spec = object.spec?.template?.spec;
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
};

/** Every image that an object names: of its containers, and of what they start themselves. */
function imagesOf(object: Fields): string[] {
  return containersOf(object).flatMap(({ image, args = [], env = [] }) => {
    const executor = args.indexOf('--executor-image');
    const named = env.filter(({ name }: Fields) => /_IMAGE$/.test(name)).map(({ value }: Fields) => value);
    return [image, ...(executor < 0 ? [] : [args[executor + 1]]), ...named];
  });
}

const PRODUCTION = policySettings({ policies: policiesSchema.parse({ profile: 'production' }) });

const pinned = new Set(Object.values(versions.images).map(imageReference));

describe.skipIf(upstream === undefined).each(Object.entries(FLAVOURS))('%s', (_, flavour) => {
  const settings = flavourSettings(flavour);
  const stages = Object.keys(kubeflowOverlays(settings)) as (keyof ReturnType<typeof kubeflowOverlays>)[];
  const objects: Fields[] =
    upstream === undefined
      ? []
      : stages.flatMap((stage) => build(upstream, (locate) => kubeflowOverlays(settings, locate)[stage] as Overlay));
  const named = (kind: string, name: string): Fields => {
    const found = objects.filter((each) => each.kind === kind && each.metadata.name === name);
    expect(found).toHaveLength(1);
    return found[0];
  };

  it('names images of versions.json alone', () => {
    const images = objects.flatMap(imagesOf);
    expect(images.length).toBeGreaterThan(10);
    expect(images.filter((image) => !pinned.has(image))).toEqual([]);
  });

  it('holds no credential: no Secret, and none of the defaults of upstream', () => {
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const text = JSON.stringify(objects);
    for (const known of ['minio123', 'MYSQL_ALLOW_EMPTY_PASSWORD', '"accesskey":"minio"', '"password":""', 'yourGcs']) {
      expect(text).not.toContain(known);
    }
  });

  it('gives none of the variables that hold a secret a text of its own', () => {
    const texts = objects
      .flatMap(containersOf)
      .flatMap(({ env = [] }) =>
        env
          .filter(({ name }: Fields) => /PASSWORD|SECRET|ACCESS_?KEY/.test(name) && !/_FILE$|_PATH$/.test(name))
          .flatMap(({ name, value }: Fields) => (value === undefined || value === '' ? [] : [`${name}=${value}`])),
      );
    expect(texts).toEqual([]);
  });

  it('says nothing where upstream falls back to minio, minio123: the variables are set, if only to nothing', () => {
    const variables = (deployment: string) =>
      Object.fromEntries(
        containersOf(named('Deployment', deployment)).flatMap(({ env = [] }) =>
          env.map((each: Fields) => [each.name, each.value ?? each.valueFrom?.secretKeyRef?.name]),
        ),
      );
    const api = variables('ml-pipeline');
    const ui = variables('ml-pipeline-ui');
    const secret = { gcs: '', s3: 'runs-keys', seaweedfs: 'mlpipeline-minio-artifact' }[settings.artifacts.kind];
    expect(api.OBJECTSTORECONFIG_ACCESSKEY).toBe(secret);
    expect(api.OBJECTSTORECONFIG_SECRETACCESSKEY).toBe(secret);
    const minio = settings.artifacts.kind === 'seaweedfs' ? secret : '';
    expect([ui.MINIO_ACCESS_KEY, ui.MINIO_SECRET_KEY]).toEqual([minio, minio]);
    expect(ui.TENSORBOARD_PROXY_SIGNING_SECRET).toBe('ml-pipeline-ui-signing');
  });

  it('brings none of what serves pipelines of version 1', () => {
    const text = JSON.stringify(objects);
    expect(text).not.toMatch(/cache-server|cache-deployer|viewer-crd|visualizationserver|metadata-writer|proxy-agent/);
    expect(objects.filter(({ kind }) => /Webhook|ClusterRole/.test(kind))).toEqual([]);
  });

  it('lets a step do what a step has to, and nothing with other pods', () => {
    const rules: Fields[] = named('Role', 'pipeline-runner').rules;
    expect(JSON.stringify(rules)).not.toContain('*');
    const verbs = (resource: string) => rules.filter(({ resources }) => resources.includes(resource));
    expect(verbs('pods').flatMap((rule) => rule.verbs)).toEqual(['get']);
    expect(verbs('deployments')).toEqual([]);
    const secrets = settings.artifacts.kind === 'gcs' ? [] : [expect.any(String)];
    expect(verbs('secrets').flatMap(({ resourceNames }) => resourceNames)).toEqual(secrets);
    expect(named('Role', 'ml-pipeline-ui').rules.flatMap(({ resources }: Fields) => resources)).not.toContain(
      'viewers',
    );
  });

  it('bounds every container, and keeps it from becoming root', () => {
    for (const object of objects.filter(({ kind }) => kind === 'Deployment')) {
      const pod = object.spec.template.spec;
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true });
      for (const { name, resources, securityContext } of containersOf(object)) {
        const where = `${object.metadata.name}/${name}`;
        expect({ where, ...resources }).toMatchObject({
          where,
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
        expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
      }
    }
  });

  it.runIf(settings.platform === 'openshift')('names no user, which restricted-v2 would refuse', () => {
    const pods = objects.map((each) => each.spec?.template?.spec ?? {});
    expect(JSON.stringify(pods)).not.toMatch(/"(runAsUser|runAsGroup|fsGroup)"/);
  });

  it('keeps what it stores on volumes of the size that is asked for', () => {
    const sizes = objects
      .filter(({ kind }) => kind === 'PersistentVolumeClaim')
      .map(({ metadata, spec }) => [metadata.name, spec.resources.requests.storage, spec.storageClassName]);
    const { database, artifacts } = settings;
    expect(sizes).toEqual([
      ...(database.kind === 'in-cluster' ? [['mysql-pv-claim', `${database.storageGb}Gi`, database.storageClass]] : []),
      ...(artifacts.kind === 'seaweedfs'
        ? [['seaweedfs-pvc', `${artifacts.storageGb}Gi`, artifacts.storageClass]]
        : []),
    ]);
  });
});

it('fetches each folder from GitHub by a commit, and waits longer than 27 seconds', () => {
  for (const flavour of Object.values(FLAVOURS)) {
    for (const { kustomization } of Object.values(kubeflowOverlays(flavourSettings(flavour)))) {
      for (const resource of kustomization.resources) {
        expect(resource).toMatch(
          /^https:\/\/github\.com\/[^/]+\/[^/]+\/\/manifests\/[^?]+\?ref=[0-9a-f]{40}&timeout=300s&submodules=false$/,
        );
      }
    }
  }
});

it('writes a digest that is known after the tag', () => {
  const { repository, tag } = versions.images.mysql;
  const digest = `sha256:${'0'.repeat(64)}`;
  const image = { repository, tag, digest, source: 'a test' };
  expect(imageOverride('mysql', image)).toEqual({ name: 'mysql', newName: repository, newTag: tag, digest });
  expect(imageOverride('mysql', { ...image, digest: 'unresolved' })).not.toHaveProperty('digest');
});

/**
 * What the rules of production say of the rendered objects, and why it stands. Everything else has to be mended.
 *
 * Digests are looked up by `npm run versions -- resolve`, where registries can be reached.
 */
const ACCEPTED: Readonly<Record<string, string>> = {
  'image-digest': 'digests are unresolved until they have been looked up',
};
/** Rules that stand for one object, by what they say. */
const ACCEPTED_OBJECTS: Readonly<Record<string, string>> = {
  'static-key Deployment kubeflow/ml-pipeline-ui':
    'the UI reads an S3 store by AWS_ACCESS_KEY_ID, from the Secret that the environment names: it knows no other way',
};

describe.skipIf(upstream === undefined).each(Object.entries(FLAVOURS))('the rules of production: %s', (_, flavour) => {
  it('find nothing that is not accepted by name', () => {
    const settings = flavourSettings(flavour);
    const overlays = kubeflowOverlays(settings);
    const objects = (Object.keys(overlays) as (keyof typeof overlays)[]).flatMap((stage) =>
      build(upstream as string, (locate) => kubeflowOverlays(settings, locate)[stage] as Overlay),
    );
    const resources = objects.map((object, index) => {
      const { apiVersion, kind, metadata } = object;
      const group = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
      const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
      return { urn: `urn:${index}`, type: `kubernetes:${group}:${kind}`, name, props: { ...object } };
    });
    const { findings } = evaluate(resources, PRODUCTION, '2026-11-21');
    const found = findings
      .filter(({ severity }) => severity === 'error')
      .map(({ rule, subject }) => `${rule} ${subject}`);
    const strange = found.filter(
      (each) => ACCEPTED[each.split(' ')[0] ?? ''] === undefined && ACCEPTED_OBJECTS[each] === undefined,
    );
    expect([...new Set(strange)].sort()).toEqual([]);
    // What is accepted is there: an entry that nothing needs any more has to go.
    expect(found.some((each) => each.startsWith('image-digest '))).toBe(true);
    const isS3 = settings.artifacts.kind === 's3';
    for (const each of Object.keys(ACCEPTED_OBJECTS)) expect(found.includes(each)).toBe(isS3);
  });
});
