import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, Chart, JsonPatch } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { ModelRepository, type ModelRepositoryProps } from '../../constructs/model-repository';
import { ModelSource } from '../../constructs/model-source';
import { mountedSource } from '../../constructs/mounted-source';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { resnet50 } from '../../models/catalog/resnet50';
import { InputError } from '../../models/problem';
import { fileBytes } from '../../models/size';
import { Published } from '../support/published';
import { pythonTool } from '../support/python-tools';
import { S3Server } from '../support/s3-server';

const RUN_MS = 240_000;
const GIB = 1024 ** 3;
const gcs = ModelSource.gcs({ uri: 'gs://acme-models/v1' });
const s3 = ModelSource.s3({
  uri: 's3://acme-models/v1',
  region: 'us-east-1',
  credentials: { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' },
});
const shared = { kind: 'shared', storageClass: 'standard-rwx' } as const;
const disk = { kind: 'hyperdisk-ml', zones: ['us-central1-a', 'us-central1-c'] } as const;

interface Rendered {
  readonly repository: ModelRepository;
  readonly objects: readonly Manifest[];
  /** The one object of a kind. */
  readonly one: (kind: string) => Manifest;
}

function render(props: Partial<ModelRepositoryProps> = {}): Rendered {
  const chart = new Chart(new App(), 'repository', { namespace: 'triton' });
  const defaults = { models: [llama31], source: gcs, storage: shared, platform: 'gke' } as const;
  const repository = new ModelRepository(chart, 'repository', { ...defaults, ...props });
  const objects: Manifest[] = chart.toJson();
  const one = (kind: string) => {
    const found = objects.filter((object) => object.kind === kind);
    expect(found).toHaveLength(1);
    return found[0] as Manifest;
  };
  return { repository, objects, one };
}

describe('a shared repository', () => {
  it('is a volume that holds two releases of all of its models', () => {
    const { one, repository } = render({ name: 'all', models: [llama31, mistralVllm, resnet50] });
    const { spec, metadata } = one('PersistentVolumeClaim');
    const bytes = [llama31, mistralVllm, resnet50].reduce((all, model) => all + fileBytes(model), 0);
    expect(spec).toMatchObject({ accessModes: ['ReadWriteMany'], storageClassName: 'standard-rwx' });
    expect(Number.parseInt(spec.resources.requests.storage, 10) * GIB).toBeGreaterThan(2 * bytes);
    expect(repository.source).toEqual({
      kind: 'model-repository',
      claimName: metadata.name,
      storage: 'shared',
      models: ['llama-3.1-8b', 'mistral-7b-vllm', 'resnet50'],
    });
  });

  it('is filled by a Job that a second apply does not run again', () => {
    const job = render().one('Job');
    expect(render().one('Job')).toEqual(job);
    expect(job.spec).not.toHaveProperty('ttlSecondsAfterFinished');
  });

  it.each<[string, Partial<ModelRepositoryProps>]>([
    ['source', { source: ModelSource.gcs({ uri: 'gs://acme-models/v2' }) }],
    ['patch', { patch: { Job: [JsonPatch.add('/spec/template/spec/priorityClassName', 'batch')] } }],
  ])('is filled by another Job where its %s is another, since Jobs cannot be changed', (_what, change) => {
    const [before, after] = [render().one('Job'), render(change).one('Job')];
    expect(after.metadata.name).not.toBe(before.metadata.name);
    expect(after.metadata.name.length).toBeLessThanOrEqual(63);
  });

  it('is filled under the restricted standard, without a GPU', () => {
    const { spec } = render().one('Job').spec.template;
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.containers[0].securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    });
    expect(JSON.stringify(spec.containers[0].resources)).not.toContain('gpu');
    expect(spec.tolerations).toBeUndefined();
    const [{ preference }] = spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(preference.matchExpressions).toContainEqual({ key: 'nvidia.com/gpu.present', operator: 'DoesNotExist' });
  });

  it('is written by one pod at a time: of the Job, of the next one, of the refresh', () => {
    const { one } = render({ storage: { ...shared, refresh: { schedule: '0 3 * * *' } } });
    const pods = [one('Job').spec, one('CronJob').spec.jobTemplate.spec];
    for (const { template, podReplacementPolicy } of pods) {
      const [term] = template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
      // Every node has it, with the same value.
      expect(term.topologyKey).toBe('kubernetes.io/os');
      for (const each of pods) expect(each.template.metadata.labels).toMatchObject(term.labelSelector.matchLabels);
      expect(podReplacementPolicy).toBe('Failed');
    }
    expect(pods[0]?.template.spec).toEqual(pods[1]?.template.spec);
  });

  it('is refreshed on its schedule, late rather than never', () => {
    const { spec, metadata } = render({ storage: { ...shared, refresh: { schedule: '0 3 * * 1-5' } } }).one('CronJob');
    expect(spec).toMatchObject({ schedule: '0 3 * * 1-5', timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' });
    expect(spec.startingDeadlineSeconds).toBe(3600);
    expect(metadata.name.length).toBeLessThanOrEqual(52);
    expect(render().objects.map(({ kind }) => kind)).not.toContain('CronJob');
  });

  it('is filled under an identity of its own', () => {
    const { one } = render({ source: s3, platform: 'openshift' });
    const account = one('ServiceAccount');
    const { spec } = one('Job').spec.template;
    expect(spec.serviceAccountName).toBe(account.metadata.name);
    const token = spec.volumes.find(({ projected }: Manifest) => projected !== undefined);
    expect(token.projected.sources[0].serviceAccountToken.audience).toBe('sts.amazonaws.com');
    expect(spec.containers[0].volumeMounts).toContainEqual(expect.objectContaining({ name: token.name }));
    expect(JSON.stringify(spec)).not.toMatch(/runAsUser|fsGroup/);
  });

  it('reaches its store and DNS, and is reached by nobody', () => {
    const { one } = render();
    const { spec } = one('NetworkPolicy');
    expect(one('Job').spec.template.metadata.labels).toMatchObject(spec.podSelector.matchLabels);
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec).not.toHaveProperty('ingress');
    expect(spec.egress).toContainEqual({ ports: [{ protocol: 'TCP', port: 443 }] });
    expect(spec.egress).toHaveLength(4);
  });

  it('is in no Service of a server', () => {
    const { labels } = render().one('Job').spec.template.metadata;
    expect(labels['app.kubernetes.io/name']).not.toBe('triton');
  });
});

describe('a repository on Hyperdisk ML', () => {
  const rendered = render({ storage: { ...disk, throughputMibps: 2400 } });
  const { one, objects, repository } = rendered;

  it('is filled by GKE before its claim is bound, not by us', () => {
    const claim = one('PersistentVolumeClaim');
    const source = one('GCPDataSource');
    expect(claim.spec).toMatchObject({
      accessModes: ['ReadOnlyMany'],
      dataSourceRef: { apiGroup: 'datalayer.gke.io', kind: 'GCPDataSource', name: source.metadata.name },
    });
    expect(source.spec.cloudStorage).toEqual({
      uri: 'gs://acme-models/v1/',
      serviceAccountName: one('ServiceAccount').metadata.name,
    });
    expect(objects.map(({ kind }) => kind)).not.toContain('Job');
    expect(repository.source.claimName).toBe(claim.metadata.name);
    expect(repository.gib * GIB).toBeGreaterThan(fileBytes(llama31));
  });

  it('has a disk in each zone of its servers', () => {
    const { metadata, ...storageClass } = one('StorageClass');
    expect(one('PersistentVolumeClaim').spec.storageClassName).toBe(metadata.name);
    expect(metadata).not.toHaveProperty('namespace');
    expect(storageClass).toMatchObject({
      provisioner: 'pd.csi.storage.gke.io',
      parameters: {
        type: 'hyperdisk-ml',
        'enable-multi-zone-provisioning': 'true',
        'provisioned-throughput-on-create': '2400Mi',
      },
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'topology.gke.io/zone', values: disk.zones }] }],
      volumeBindingMode: 'Immediate',
    });
    const single = render({ storage: { ...disk, zones: ['us-central1-a'] } }).one('StorageClass');
    expect(single.parameters).toEqual({ type: 'hyperdisk-ml' });
  });

  it('is another volume where anything of it is another: none of it can be changed', () => {
    const claims = [
      render({ storage: disk }),
      render({ storage: { ...disk, zones: ['us-central1-a'] } }),
      render({ storage: disk, source: ModelSource.gcs({ uri: 'gs://acme-models/v2' }) }),
      render({ storage: disk, name: 'both', models: [llama31, mistralVllm] }),
    ].map(({ repository }) => repository.source.claimName);
    expect(new Set(claims).size).toBe(4);
  });
});

describe('what cannot work is refused', () => {
  it.each<[string, Partial<ModelRepositoryProps>]>([
    ['name', { models: [llama31, resnet50] }],
    ['name', { name: 'Models' }],
    ['models', { models: [] }],
    ['source.uri', { source: ModelSource.gcs({ uri: 's3://acme-models' }) }],
    ['storage.storageClass', { storage: { kind: 'shared', storageClass: '' } }],
    ['storage.gib', { storage: { ...shared, gib: 4 } }],
    ['storage.refresh.schedule', { storage: { ...shared, refresh: { schedule: '@daily' } } }],
    ['source.kind', { storage: disk, source: s3 }],
    ['storage.kind', { storage: disk, platform: 'openshift' }],
    ['storage.zones', { storage: { kind: 'hyperdisk-ml', zones: ['us-central1'] } }],
    ['storage.throughputMibps', { storage: { ...disk, throughputMibps: 100 } }],
  ])('%s: %j', (key, props) => {
    let thrown: unknown;
    try {
      render(props);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InputError);
    expect((thrown as InputError).problems.map((problem) => problem.key)).toEqual([key]);
  });
});

const CONFIG = 'backend: "onnxruntime"';

describe('the container of the Job, with rclone against an S3 server', () => {
  const work = mkdtempSync(join(tmpdir(), 'triton-stack-repository-'));
  const volume = join(work, 'volume');
  let store: S3Server;
  let rendered: Rendered;
  let published: Published;
  beforeAll(async () => {
    store = await S3Server.start();
    mkdirSync(volume);
    rendered = render({
      models: [resnet50],
      platform: 'kubernetes',
      source: ModelSource.s3({
        uri: 's3://models/resnet50',
        region: 'us-east-1',
        endpoint: store.endpoint,
        credentials: { kind: 'secret', secretName: 'store' },
      }),
      storage: { ...shared, refresh: { schedule: '0 3 * * *' } },
    });
    published = new Published('s3://models/resnet50', store);
  });
  afterAll(async () => {
    await store?.stop();
    rmSync(work, { recursive: true, force: true });
  });

  /** The environment that a container says, with the Secret's keys, its volume and `/tmp` in folders of the test's own. */
  function environment({ env }: Manifest): Record<string, string> {
    const own = (value: string) => value.replace(/^\/(models|tmp)/, (folder) => (folder === '/tmp' ? work : volume));
    return {
      PATH: `${dirname(pythonTool('rclone'))}:/usr/bin:/bin`,
      ...store.keys,
      TMPDIR: work,
      ...Object.fromEntries(env.map(({ name, value }: Manifest) => [name, own(value)])),
    };
  }

  function run(command: string, ...args: string[]): string {
    const [container] = rendered.one('Job').spec.template.spec.containers;
    const env = environment(container);
    const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8', timeout: RUN_MS });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** What the Job, or the CronJob, runs: the script of the ConfigMap that its container mounts. */
  function fill(job: Manifest): string {
    const { containers, volumes } = job.template.spec;
    const [shell, script] = containers[0].command;
    const mount = containers[0].volumeMounts.find(({ mountPath }: Manifest) => script.startsWith(mountPath));
    const { configMap } = volumes.find(({ name }: Manifest) => name === mount.name);
    const { data, metadata } = rendered.one('ConfigMap');
    expect(configMap.name).toBe(metadata.name);
    for (const [name, text] of Object.entries(data)) writeFileSync(join(work, name), text as string);
    return run(shell, join(work, script.slice(mount.mountPath.length + 1)));
  }

  /** A file as a server's container sees it. */
  function served(path: string): string {
    const { mounts } = mountedSource(rendered.repository.source, { model: resnet50, name: 'triton', image: '' });
    const root = join('/models/repository', path).slice(mounts[0]?.mountPath.length);
    return join(volume, mounts[0]?.subPath ?? '', root);
  }

  it('fills the volume in the layout that servers mount', async () => {
    await published.publish({
      'resnet50/config.pbtxt': `${CONFIG} max_batch_size: 8`,
      'resnet50/1/model.onnx': 'weights',
    });
    expect(fill(rendered.one('Job').spec)).toContain('is in place: 1 models');
    expect(readFileSync(served('resnet50/1/model.onnx'), 'utf8')).toBe('weights');
    expect(readdirSync(served(''))).toEqual(['resnet50']);
  });

  it('puts a new release in the place of the old one, which a mount of the folder alone would go on showing', async () => {
    const before = statSync(served('')).ino;
    await published.publish({
      'resnet50/config.pbtxt': `${CONFIG} max_batch_size: 4`,
      'resnet50/1/model.onnx': 'weights',
    });
    expect(fill(rendered.one('CronJob').spec.jobTemplate.spec)).toContain('is in place: 1 models');
    expect(readFileSync(served('resnet50/config.pbtxt'), 'utf8')).toContain('max_batch_size: 4');
    expect(statSync(served('')).ino).not.toBe(before);
  });

  it('has nothing to do where the release is the same', () => {
    const before = statSync(served('')).ino;
    expect(fill(rendered.one('CronJob').spec.jobTemplate.spec)).toContain('is in place\n');
    expect(statSync(served('')).ino).toBe(before);
  });
});
