import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { afterAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { HuggingFaceRepository } from '../../constructs/hugging-face-repository';
import { ModelSource, type MountedSource, sourceDestinations, sourceName } from '../../constructs/model-source';
import { sourceProblems } from '../../constructs/model-source-problems';
import { addMountedSource, type MountedVolumes, mountedSource } from '../../constructs/mounted-source';
import type { Platform } from '../../constructs/platform';
import { SERVER_USER } from '../../constructs/security';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { resnet50 } from '../../models/catalog/resnet50';
import { resnet50Image } from '../../models/catalog/resnet50-image';
import { defineModel, type Model } from '../../models/model';
import { fileBytes } from '../../models/size';
import { TritonServer } from '../support/triton-server';

const GIB = 1024 ** 3;
const DIGEST = `sha256:${'0'.repeat(64)}`;
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const MISTRAL = { model: 'mistralai/Mistral-7B-Instruct-v0.3', revision: COMMIT };
const ROLE = { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' } as const;
const KEYS = { kind: 'secret', secretName: 'store' } as const;
const S3 = { uri: 's3://bucket/models', region: 'us-east-1', credentials: ROLE };

const work = mkdtempSync(join(tmpdir(), 'triton-stack-source-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function mounted(source: MountedSource, model: Model = mistralVllm): MountedVolumes {
  return mountedSource(source, { model, name: `triton-${model.name}`, image: 'example.test/triton:1' });
}

describe('sourceProblems', () => {
  const good: readonly [ModelSource, Model?, Platform?][] = [
    [ModelSource.s3(S3), llama31, 'openshift'],
    [ModelSource.s3({ ...S3, region: 'minio', endpoint: 'http://minio.storage.svc:9000', credentials: KEYS })],
    [ModelSource.s3({ ...S3, endpoint: 'https://s3.eu-west-1.amazonaws.com' })],
    [ModelSource.gcs({ uri: 'gs://bucket' })],
    [ModelSource.gcsFuse({ uri: 'gs://bucket/models/llama-3.1/', prefetch: 'disk' })],
    [ModelSource.claim({ claimName: 'models', subPath: 'a/b' }), resnet50, 'openshift'],
    [ModelSource.repository({ claimName: 'models', storage: 'hyperdisk-ml' })],
    [ModelSource.repository({ claimName: 'models', storage: 'shared' }), resnet50, 'openshift'],
    [ModelSource.nodeCache({ claimName: 'cache-read-01234567' }), resnet50, 'kubernetes'],
    [ModelSource.image({ reference: 'localhost:5000/acme/models:1.0' }), resnet50, 'openshift'],
    [ModelSource.image({ reference: `registry.example.com/models:latest@${DIGEST}` })],
    [ModelSource.huggingFace({ ...MISTRAL, tokenSecret: { name: 'hub', key: 'token' }, cacheGib: 20 })],
  ];
  it.each(good)('finds none in %j', (source, model = mistralVllm, platform = 'gke') => {
    expect(sourceProblems(source, model, platform)).toEqual([]);
  });

  const two = defineModel({
    ...mistralVllm,
    versions: [{ version: 1 }, { version: 2 }],
    versionPolicy: { kind: 'all' },
  });
  const bad: readonly [ModelSource, string, RegExp, Model?, Platform?][] = [
    [ModelSource.s3({ ...S3, uri: 'gs://bucket/models' }), 'source.uri', /s3:\/\/bucket\/path/],
    [ModelSource.gcs({ uri: 'gs://bucket/a b' }), 'source.uri', /letters, digits/],
    [ModelSource.gcsFuse({ uri: 'gs://bucket/a,b' }), 'source.uri', /letters, digits/],
    [ModelSource.s3({ ...S3, region: 'virginia' }), 'source.region', /no region/],
    [ModelSource.s3({ ...S3, release: '../1.0' }), 'source.release', /no name for a release/],
    [ModelSource.gcs({ uri: 'gs://bucket', release: '' }), 'source.release', /no name for a release/],
    [
      ModelSource.gcs({ uri: 'gs://bucket', credentials: { kind: 'hmac-secret', secretName: 'My Keys' } }),
      'source.credentials.secretName',
      /no name/,
    ],
    [ModelSource.s3({ ...S3, endpoint: 'minio:9000', credentials: KEYS }), 'source.endpoint', /http:\/\/host/],
    [ModelSource.s3({ ...S3, endpoint: 'https://minio.example.com' }), 'source.credentials.kind', /does not take/],
    [
      ModelSource.s3({ ...S3, credentials: { ...ROLE, roleArn: 'arn:aws:iam::1:role/models' } }),
      'source.credentials.roleArn',
      /ARN/,
    ],
    [
      ModelSource.s3({ ...S3, credentials: { ...KEYS, secretName: 'My Keys' } }),
      'source.credentials.secretName',
      /no name/,
    ],
    [ModelSource.claim({ claimName: 'Models' }), 'source.claimName', /no name/],
    [ModelSource.claim({ claimName: 'models', subPath: '/a' }), 'source.subPath', /without \/ in front/],
    [ModelSource.claim({ claimName: 'models', subPath: 'a/../b' }), 'source.subPath', /without \.\./],
    [
      ModelSource.gcsFuse({ uri: 'gs://bucket' }),
      'source.kind',
      /GKE, and the platform is openshift/,
      resnet50,
      'openshift',
    ],
    [
      ModelSource.repository({ claimName: 'models', storage: 'hyperdisk-ml' }),
      'source.storage',
      /platform is kubernetes/,
      resnet50,
      'kubernetes',
    ],
    [ModelSource.nodeCache({ claimName: 'My Cache' }), 'source.claimName', /no name/],
    [ModelSource.nodeCache({ claimName: 'cache' }), 'source.kind', /SELinux/, resnet50, 'openshift'],
    [ModelSource.image({ reference: 'localhost:5000/acme/models' }), 'source.reference', /no version/],
    [ModelSource.image({ reference: 'acme/models:latest' }), 'source.reference', /another image tomorrow/],
    [ModelSource.image({ reference: 'acme/models@sha256:1234' }), 'source.reference', /no version/],
    [ModelSource.huggingFace(MISTRAL), 'source.kind', /vLLM alone fetches/, llama31],
    [ModelSource.huggingFace(MISTRAL), 'source.revision', /versions 1, 2/, two],
    [ModelSource.huggingFace({ ...MISTRAL, revision: 'main' }), 'source.revision', /40 hexadecimal/],
    [ModelSource.huggingFace({ ...MISTRAL, model: 'mistral' }), 'source.model', /organisation\/name/],
    [ModelSource.huggingFace({ ...MISTRAL, cacheGib: 8 }), 'source.cacheGib', /14 or more/],
  ];
  it.each(bad)('refuses %j for its %s', (source, key, says, model = mistralVllm, platform = 'gke') => {
    const problems = sourceProblems(source, model, platform);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(Object.values(problems[0] ?? {}).join(' ')).toMatch(says);
    expect(problems[0]?.fix).toBeTruthy();
  });

  it('finds all of them at once', () => {
    const source = ModelSource.s3({ ...S3, uri: 'bucket', region: '', credentials: { ...ROLE, roleArn: 'role' } });
    expect(sourceProblems(source, resnet50, 'gke').map(({ key }) => key)).toEqual([
      'source.uri',
      'source.region',
      'source.credentials.roleArn',
    ]);
  });
});

describe('where a pod connects to', () => {
  const https = { kind: 'anywhere', port: 443 } as const;
  it.each<[MountedSource, object[]]>([
    [ModelSource.claim({ claimName: 'models' }), []],
    [ModelSource.repository({ claimName: 'models', storage: 'shared' }), []],
    [ModelSource.nodeCache({ claimName: 'cache' }), []],
    [ModelSource.image({ reference: 'acme/models:1' }), []],
    [ModelSource.huggingFace(MISTRAL), [https]],
  ])('%j', (source, destinations) => {
    expect(sourceDestinations(source, 'gke')).toEqual(destinations);
  });

  it('is the same for a bucket that is mounted and one that is fetched', () => {
    const uri = 'gs://bucket/models';
    const mount = sourceDestinations(ModelSource.gcsFuse({ uri }), 'gke');
    expect(mount).toEqual(sourceDestinations(ModelSource.gcs({ uri }), 'gke'));
    expect(mount).toContainEqual({ kind: 'address', cidr: '169.254.169.252/32', port: 988 });
  });
});

it('every source has a name that tells what it is', () => {
  expect(sourceName(ModelSource.gcsFuse({ uri: 'gs://bucket/models' }))).toBe('gs://bucket/models');
  expect(sourceName(ModelSource.claim({ claimName: 'models', subPath: 'a' }))).toBe('claim models/a');
  expect(sourceName(ModelSource.huggingFace(MISTRAL))).toContain(COMMIT);
});

describe('a bucket that is mounted', () => {
  const options = (volumes: MountedVolumes): string[] =>
    volumes.volumes[0]?.csi.volumeAttributes.mountOptions.split(',');
  const uri = 'gs://acme-models/llama/v1/';

  it("shows its folder alone, read-only, to the server's user", () => {
    const fuse = mounted(ModelSource.gcsFuse({ uri }), llama31);
    expect(fuse.volumes[0]?.csi).toMatchObject({
      driver: 'gcsfuse.csi.storage.gke.io',
      readOnly: true,
      volumeAttributes: { bucketName: 'acme-models' },
    });
    expect(options(fuse)).toEqual(expect.arrayContaining(['only-dir=llama/v1', `uid=${SERVER_USER}`, 'file-mode=444']));
    expect(fuse.mounts).toEqual([{ name: 'models', mountPath: '/models/repository', readOnly: true }]);
    expect(fuse.annotations['gke-gcsfuse/volumes']).toBe('true');
  });

  it('shows the whole bucket where no folder is named', () => {
    expect(options(mounted(ModelSource.gcsFuse({ uri: 'gs://acme-models' }))).join()).not.toContain('only-dir');
  });

  it('is read ahead into memory that the sidecar requests', () => {
    const fuse = mounted(ModelSource.gcsFuse({ uri }), llama31);
    expect(options(fuse)).toEqual(
      expect.arrayContaining(['read:enable-buffered-read:true', 'file-cache:max-size-mb:0']),
    );
    const blocks = Number(/global-max-blocks:(\d+)/.exec(options(fuse).join())?.[1]);
    expect(fuse.sidecar.memoryGib * 1024).toBeGreaterThan(blocks * 16);
    expect(fuse.annotations['gke-gcsfuse/memory-request']).toBe(`${fuse.sidecar.memoryGib * 1024}Mi`);
  });

  it('is fetched to a disk that holds the model, where that is asked for', () => {
    const fuse = mounted(ModelSource.gcsFuse({ uri, prefetch: 'disk' }), llama31);
    const cacheMib = Number(/file-cache:max-size-mb:(\d+)/.exec(options(fuse).join())?.[1]);
    const diskGib = Number.parseInt(fuse.annotations['gke-gcsfuse/ephemeral-storage-limit'] ?? '', 10);
    expect(cacheMib * 1024 ** 2).toBeGreaterThan(fileBytes(llama31));
    expect(diskGib * 1024).toBeGreaterThan(cacheMib);
    expect(fuse.sidecar.diskGib).toBe(diskGib);
    expect(options(fuse)).toContain('file-cache:enable-parallel-downloads:true');
    // The driver ignores one of the two (GKE documentation, "Improve large file sequential reads").
    expect(options(fuse).join()).not.toContain('buffered-read');
  });
});

describe('an image that is mounted', () => {
  it('is named by its digest, and shows a folder', () => {
    const reference = `registry.example.com/acme/models@${DIGEST}`;
    const { volumes, mounts } = mounted(ModelSource.image({ reference, subPath: 'repository' }));
    expect(volumes).toEqual([{ name: 'models', image: { reference, pullPolicy: 'IfNotPresent' } }]);
    expect(mounts).toEqual([
      { name: 'models', mountPath: '/models/repository', subPath: 'repository', readOnly: true },
    ]);
  });
});

describe('a claim that a ModelRepository fills', () => {
  it("is mounted by its root where a refresh replaces the repository's folder", () => {
    const { volumes, mounts } = mounted(ModelSource.repository({ claimName: 'models', storage: 'shared' }));
    expect(volumes).toEqual([{ name: 'models', persistentVolumeClaim: { claimName: 'models', readOnly: true } }]);
    expect(mounts).toEqual([{ name: 'models', mountPath: '/models', readOnly: true }]);
  });

  it('is mounted and waited for as the folder of a node is, by the name of who fills it', () => {
    const repository = mounted(ModelSource.repository({ claimName: 'models', storage: 'shared' }));
    const cache = mounted(ModelSource.nodeCache({ claimName: 'models' }));
    const said = (of: MountedVolumes) =>
      JSON.stringify(of).replace(/the Job of .*? has|this node's pod of .*? has/, 'x');
    expect(said(cache)).toBe(said(repository));
    expect(JSON.stringify(cache)).toContain("waiting for $model: this node's pod of the NodeModelCache has not put it");
  });

  it("is mounted by the folders of the server's own models where the root holds lost+found", () => {
    const source = ModelSource.repository({ claimName: 'models', storage: 'hyperdisk-ml' });
    const { mounts, initContainers } = mounted(source, resnet50Image);
    const names = ['resnet50-image', 'resnet50-decode', 'resnet50', 'resnet50-label'];
    expect(mounts).toEqual(
      names.map((name) => ({
        name: 'models',
        mountPath: `/models/repository/${name}`,
        subPath: name,
        readOnly: true,
      })),
    );
    expect(initContainers).toEqual([]);
  });

  describe('that is not filled yet', () => {
    const source = ModelSource.repository({ claimName: 'models', storage: 'shared' });
    const [container] = mounted(source, resnet50Image).initContainers;
    const folder = mkdtempSync(join(work, 'wait-'));
    /** A pause that takes no time, in the place of sleep. */
    const bin = join(work, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/true', join(bin, 'sleep'));

    function wait() {
      const [shell, ...args] = (container?.command ?? []).map((word: string) => word.replaceAll('/models', folder));
      const child = spawn(shell, args, { env: { PATH: `${bin}:/usr/bin:/bin` }, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (text) => {
        output += text;
      });
      const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
      return { child, ended, says: (text: string) => expect.poll(() => output).toContain(text) };
    }

    it('holds the server back until the last of its models is there', async () => {
      const { says, ended } = wait();
      await says('waiting for resnet50-image');
      for (const name of ['resnet50-image', 'resnet50-decode', 'resnet50']) {
        mkdirSync(join(folder, 'repository', name), { recursive: true });
      }
      await says('waiting for resnet50-label');
      mkdirSync(join(folder, 'repository', 'resnet50-label'));
      expect(await ended).toBe(0);
    });

    it('ends at once when the pod goes', async () => {
      rmSync(join(folder, 'repository'), { recursive: true });
      const { child, says, ended } = wait();
      await says('waiting');
      child.kill('SIGTERM');
      expect(await ended).toBe(143);
    });
  });
});

it('a mounted source goes to the first container of the pod, and what waits for it runs first', () => {
  const pod: Manifest = {
    volumes: [],
    initContainers: [{ name: 'load-key' }],
    containers: [{ name: 'triton', volumeMounts: [], env: [], securityContext: { runAsNonRoot: true } }],
  };
  addMountedSource(pod, mounted(ModelSource.repository({ claimName: 'models', storage: 'shared' })));
  expect(pod.initContainers.map(({ name }: Manifest) => name)).toEqual(['wait-for-models', 'load-key']);
  expect(pod.initContainers[0].securityContext).toEqual({ runAsNonRoot: true });
  expect(pod.containers[0].volumeMounts).toHaveLength(1);
  expect(pod.volumes).toHaveLength(1);
});

describe('a model of the Hugging Face Hub', () => {
  const source = ModelSource.huggingFace({ ...MISTRAL, tokenSecret: { name: 'hub', key: 'token' } });

  function configMap(model: Model, from = source): Manifest {
    const chart = new Chart(new App(), 'hub');
    new HuggingFaceRepository(chart, 'repository', { name: 'triton-m', labels: {}, model, source: from });
    return chart.toJson()[0];
  }

  it('is fetched at the commit, weights and tokenizer', () => {
    const key = `${mistralVllm.name}_1_model.json`;
    expect(JSON.parse(configMap(mistralVllm).data[key])).toMatchObject({
      model: MISTRAL.model,
      revision: COMMIT,
      tokenizer_revision: COMMIT,
      tensor_parallel_size: 1,
    });
  });

  it('keeps the token in its Secret', () => {
    const { environment } = mounted(source);
    expect(environment).toContainEqual({
      name: 'HF_TOKEN',
      valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } },
    });
    expect(JSON.stringify(configMap(mistralVllm))).not.toMatch(/token"|HF_TOKEN|secret/i);
  });

  it('is kept where the cache is mounted, on a disk that holds it', () => {
    const { environment, initContainers, mounts, volumes, localDiskGib, cacheVolume } = mounted(source);
    const home = environment.find(({ name }) => name === 'HF_HOME')?.value;
    const mount = { name: 'hugging-face', mountPath: dirname(home) };
    expect(mounts).toContainEqual(mount);
    expect(initContainers).toMatchObject([{ name: 'drop-other-revisions', volumeMounts: [mount] }]);
    expect(volumes).toContainEqual({ name: 'hugging-face', emptyDir: { sizeLimit: `${localDiskGib}Gi` } });
    expect(localDiskGib * GIB).toBeGreaterThan(fileBytes(mistralVllm));
    // On a volume that outlives the pod, a new revision is fetched beside the old one.
    expect((cacheVolume?.gib ?? 0) * GIB).toBeGreaterThan(2 * fileBytes(mistralVllm));
  });

  it('keeps no other revision', () => {
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-hub-'));
    for (const name of [COMMIT, 'f'.repeat(40)]) mkdirSync(join(folder, name, 'hub'), { recursive: true });
    const [{ command } = { command: [] }] = mounted(source).initContainers;
    const [program, , ...rest] = command as string[];
    expect(spawnSync(program as string, [folder, ...rest]).status).toBe(0);
    expect(readdirSync(folder)).toEqual([COMMIT]);
    rmSync(folder, { recursive: true });
  });

  it('may have 16 bits on the Hub and 8 on the GPU', () => {
    const backend = { ...mistralVllm.backend, precision: 'fp8', kvCache: 'fp8' } as typeof mistralVllm.backend;
    const eight = defineModel({ ...mistralVllm, backend });
    expect(fileBytes(eight)).toBeLessThan(0.6 * fileBytes(mistralVllm));
    expect(mounted(source, eight).localDiskGib).toBe(mounted(source).localDiskGib);
  });

  it('has a repository that is another object when the model is another', () => {
    const { name } = configMap(mistralVllm).metadata;
    expect(configMap(mistralVllm).metadata.name).toBe(name);
    expect(configMap(mistralVllm, { ...source, revision: COMMIT.replace('0', '1') }).metadata.name).not.toBe(name);
  });

  it('is what the core of a real tritonserver takes, mounted as the kubelet does it', async () => {
    const { mounts, volumes } = mountedSource(source, { model: mistralVllm, name: 'triton-m', image: '' });
    const { name, items } = volumes[0]?.configMap ?? {};
    const map = configMap(mistralVllm);
    expect(map.metadata.name).toBe(name);
    // A ConfigMap's volume: a folder of its own time, and links through `..data` to what is in it.
    const volume = mkdtempSync(join(work, 'volume-'));
    for (const { key, path } of items) {
      mkdirSync(join(volume, '..2026', dirname(path)), { recursive: true });
      writeFileSync(join(volume, '..2026', path), map.data[key]);
    }
    symlinkSync('..2026', join(volume, '..data'));
    symlinkSync(join('..data', mistralVllm.name), join(volume, mistralVllm.name));
    const repository = mkdtempSync(join(work, 'repository-'));
    for (const { mountPath, subPath } of mounts.filter(({ name }) => name === 'models')) {
      expect(dirname(mountPath)).toBe('/models/repository');
      cpSync(realpathSync(join(volume, subPath)), join(repository, basename(mountPath)), { recursive: true });
    }
    const server = await TritonServer.start({ repository, modelControl: 'none', gpuAsCpu: true });
    try {
      expect((await server.index()).filter(({ state }) => state === 'READY')).toMatchObject([
        { name: mistralVllm.name },
      ]);
    } finally {
      await server.stop();
    }
  });
});
