import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, Chart, JsonPatch } from 'cdk8s';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../bin/free-ports';
import { tolerate } from '../../bin/tolerate';
import type { Manifest } from '../../constructs/after-mapping';
import { ModelSource } from '../../constructs/model-source';
import { mountedSource } from '../../constructs/mounted-source';
import { NodeModelCache, type NodeModelCacheProps } from '../../constructs/node-model-cache';
import { SERVER_USER } from '../../constructs/security';
import { TritonServer } from '../../constructs/triton-server';
import { llama31 } from '../../models/catalog/llama-3.1-8b';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { resnet50 } from '../../models/catalog/resnet50';
import { gkeNodePool } from '../../models/gke-node-pool';
import { placeOn } from '../../models/placement';
import { InputError } from '../../models/problem';
import { FaultProxy } from '../support/fault-proxy';
import { Published } from '../support/published';
import { pythonTool } from '../support/python-tools';
import { S3Server } from '../support/s3-server';

const WAIT = { timeout: 120_000, interval: 100 };
const TEST_MS = 600_000;
const NAMESPACE = 'model-cache';
const gcs = ModelSource.gcs({ uri: 'gs://acme-models/all' });
const role = { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' } as const;
const s3 = ModelSource.s3({ uri: 's3://acme-models/all', region: 'us-east-1', credentials: role });
const l4 = gkeNodePool({ name: 'l4', machineType: 'g2-standard-4', maxNodes: 8, diskGb: 300 });
const spot = gkeNodePool({ name: 'spot', machineType: 'a2-ultragpu-1g', maxNodes: 2, diskGb: 300, spot: true });

interface Rendered {
  readonly cache: NodeModelCache;
  readonly objects: readonly Manifest[];
  /** The one object of a kind; of two, the one whose name has a part. */
  readonly one: (kind: string, part?: string) => Manifest;
  readonly pod: Manifest;
}

function render(props: Partial<NodeModelCacheProps> = {}, namespace: string | undefined = NAMESPACE): Rendered {
  const chart = new Chart(new App(), 'cache', namespace === '' ? {} : { namespace });
  const defaults = { models: [resnet50], source: gcs, pools: [l4], platform: 'gke' } as const;
  const cache = new NodeModelCache(chart, 'cache', { ...defaults, ...props });
  const objects: Manifest[] = chart.toJson();
  const one = (kind: string, part = '') => {
    const found = objects.filter((object) => object.kind === kind && object.metadata.name.includes(part));
    expect(found).toHaveLength(1);
    return found[0] as Manifest;
  };
  return { cache, objects, one, pod: one('DaemonSet').spec.template.spec };
}

describe('the folder of a node', () => {
  it('is shown by volumes without a node, each kept for one claim', () => {
    const { one, cache } = render({ servers: { namespace: 'triton' } });
    for (const [part, namespace, mode] of [
      ['-write-', NAMESPACE, 'ReadWriteMany'],
      ['-read-', 'triton', 'ReadOnlyMany'],
    ] as const) {
      const volume = one('PersistentVolume', part);
      const claim = one('PersistentVolumeClaim', part);
      expect(volume.metadata).not.toHaveProperty('namespace');
      expect(volume.metadata.name).toBe(`${NAMESPACE}-${claim.metadata.name}`);
      expect(claim.metadata.namespace).toBe(namespace);
      expect(volume.spec).toEqual({
        accessModes: [mode],
        capacity: { storage: '1Gi' },
        claimRef: { namespace, name: claim.metadata.name },
        hostPath: { path: cache.hostPath, type: 'DirectoryOrCreate' },
        persistentVolumeReclaimPolicy: 'Retain',
      });
      expect(claim.spec).toEqual({
        accessModes: [mode],
        resources: { requests: { storage: '1Gi' } },
        storageClassName: '',
        volumeName: volume.metadata.name,
      });
    }
  });

  it('is of one cache alone, whatever its namespace calls it', () => {
    const [one, other] = [render(), render({}, 'other')];
    expect(one.cache.hostPath).toBe(`/var/lib/triton-stack/models/${NAMESPACE}/cache-resnet50`);
    expect(other.cache.hostPath).not.toBe(one.cache.hostPath);
    expect(other.one('PersistentVolume', '-read-').metadata.name).not.toBe(
      one.one('PersistentVolume', '-read-').metadata.name,
    );
  });

  it.each<[string, Partial<NodeModelCacheProps>]>([
    ['folder', { hostPath: '/mnt/disks/ssd0/models' }],
    ["servers' namespace", { servers: { namespace: 'triton' } }],
  ])('is another claim where the %s is another: neither volume nor claim can be changed', (_what, change) => {
    expect(render(change).cache.source.claimName).not.toBe(render().cache.source.claimName);
  });

  it('is the same claim where only its models are others', () => {
    const before = render({ name: 'all' });
    const after = render({ name: 'all', models: [resnet50, llama31] });
    for (const part of ['-read-', '-write-']) {
      expect(after.one('PersistentVolume', part)).toEqual(before.one('PersistentVolume', part));
      expect(after.one('PersistentVolumeClaim', part)).toEqual(before.one('PersistentVolumeClaim', part));
    }
  });
});

describe('the pods of a cache', () => {
  it('go to the nodes of all of its pools, past the taints that servers pass', () => {
    const { pod } = render({ pools: [l4, { ...l4, name: 'more' }, spot] });
    const terms = pod.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
    const key = 'cloud.google.com/gke-accelerator';
    expect(terms).toEqual(
      ['nvidia-l4', 'nvidia-a100-80gb'].map((value) => ({
        matchExpressions: [{ key, operator: 'In', values: [value] }],
      })),
    );
    const chart = new Chart(new App(), 'server', { namespace: 'triton' });
    const placement = placeOn({ ...resnet50, accelerator: 'nvidia-a100-80gb' }, spot);
    new TritonServer(chart, 'server', { model: resnet50, source: gcs, platform: 'gke', placement });
    const server = chart.toJson().find(({ kind }) => kind === 'Deployment').spec.template.spec;
    expect(pod.tolerations).toEqual(server.tolerations);
    expect(pod).not.toHaveProperty('nodeSelector');
  });

  it('go where labels say, and past the taints that are named', () => {
    const nodeSelector = { 'example.com/models': 'true' };
    const tolerations = [{ key: 'example.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] as const;
    const { pool, ...props } = { pool: l4, nodeSelector, tolerations };
    const alone = render({ ...props, pools: [] }).pod;
    expect(alone).toMatchObject({ nodeSelector, tolerations });
    expect(alone).not.toHaveProperty('affinity');
    expect(render({ ...props, pools: [pool, { ...pool, nodeSelector: {} }] }).pod).not.toHaveProperty('affinity');
    const both = render({ ...props, pools: [pool] }).pod;
    expect(both.nodeSelector).toEqual(nodeSelector);
    expect(both.tolerations).toEqual([{ ...tolerations[0], key: 'nvidia.com/gpu' }, tolerations[0]]);
  });

  it('take no GPU, and no core from the servers of a small machine', () => {
    const { pod } = render();
    expect(JSON.stringify([pod.containers, pod.initContainers])).not.toContain('nvidia.com/gpu');
    const [sync] = pod.containers;
    expect(sync.resources.limits).toMatchObject({ cpu: '1', memory: '1024Mi' });
    expect(sync.resources.requests).toMatchObject({ cpu: '100m', memory: '1024Mi' });
    expect(pod).not.toHaveProperty('priorityClassName');
  });

  it('run as the servers do, but for the container that hands them the folder', () => {
    const { pod, one } = render();
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: SERVER_USER });
    const [folder, ...others] = pod.initContainers;
    expect(others).toEqual([]);
    expect(folder.securityContext).toMatchObject({
      runAsNonRoot: false,
      runAsUser: 0,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['CHOWN'] },
    });
    expect(folder.volumeMounts).toEqual([{ name: 'models', mountPath: '/models' }]);
    for (const { securityContext } of pod.containers) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, capabilities: { drop: ['ALL'] } });
      expect(securityContext).not.toHaveProperty('runAsUser');
    }
    const claimName = one('PersistentVolumeClaim', '-write-').metadata.name;
    expect(pod.volumes).toContainEqual({ name: 'models', persistentVolumeClaim: { claimName, readOnly: false } });
    expect(JSON.stringify(pod.volumes)).not.toContain('hostPath');
  });

  it('are replaced a few at a time', () => {
    const { updateStrategy } = render().one('DaemonSet').spec;
    expect(updateStrategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } });
  });

  it('are ready once their node has all models', () => {
    const { pod } = render({ name: 'all', models: [resnet50, llama31] });
    const { command } = pod.containers[0].readinessProbe.exec;
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-warm-'));
    const ready = () => {
      const [shell, ...args] = command.map((word: string) => word.replaceAll('/models', folder));
      return spawnSync(shell, args).status === 0;
    };
    mkdirSync(join(folder, 'repository', 'resnet50'), { recursive: true });
    expect(ready()).toBe(false);
    mkdirSync(join(folder, 'repository', 'llama-3.1-8b'));
    expect(ready()).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it('fetch under an identity of their own', () => {
    const { pod, one } = render({ source: s3, platform: 'kubernetes' });
    expect(pod.serviceAccountName).toBe(one('ServiceAccount').metadata.name);
    const token = pod.volumes.find(({ projected }: Manifest) => projected !== undefined);
    expect(pod.containers[0].volumeMounts).toContainEqual(expect.objectContaining({ name: token.name }));
  });

  it('reach their store and DNS, and are reached by who scrapes them alone', () => {
    const { one } = render();
    const { spec } = one('NetworkPolicy');
    expect(one('DaemonSet').spec.template.metadata.labels).toMatchObject(spec.podSelector.matchLabels);
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec).not.toHaveProperty('ingress');
    expect(spec.egress).toContainEqual({ ports: [{ protocol: 'TCP', port: 443 }] });
    expect(spec.egress).toHaveLength(4);
    const { ports } = render().pod.containers[1];
    expect(render({ monitoringNamespace: 'monitoring' }).one('NetworkPolicy').spec.ingress).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        ports: [{ protocol: 'TCP', port: ports[0].containerPort }],
      },
    ]);
  });

  it('are no servers', () => {
    const { labels } = render().one('DaemonSet').spec.template.metadata;
    expect(labels['app.kubernetes.io/name']).not.toBe('triton');
    expect(labels).not.toHaveProperty('cdk8s.io/metadata.addr');
  });

  it('heed a patch', () => {
    const patch = {
      DaemonSet: [JsonPatch.add('/spec/template/spec/priorityClassName', 'high')],
      'PersistentVolumeClaim/cache-resnet50': [],
    };
    expect(() => render({ patch })).toThrow(/names no object/);
    expect(render({ patch: { DaemonSet: patch.DaemonSet } }).pod.priorityClassName).toBe('high');
  });
});

describe('what cannot work is refused', () => {
  const selected = { platform: 'kubernetes', pools: [], nodeSelector: { gpu: 'true' } } as const;
  const folder = (hostPath: string) => ({ ...selected, hostPath });
  it.each<[string, Partial<NodeModelCacheProps>, string?]>([
    ['platform', { ...selected, platform: 'openshift', source: s3 }],
    ['models', { models: [] }],
    ['name', { models: [resnet50, llama31] }],
    ['name', { name: 'Models' }],
    ['name', { name: 'a'.repeat(58) }],
    ['namespace', {}, ''],
    ['servers.namespace', { servers: { namespace: 'my servers' } }],
    ['monitoringNamespace', { monitoringNamespace: '' }],
    ['pools', { pools: [] }],
    ['pools', { nodeSelector: {}, pools: [] }],
    ['pools', { pools: [l4, { ...l4, nodeSelector: {} }] }],
    ['pools', { pools: [{ ...l4, localDiskGib: 20 }], models: [mistralVllm] }],
    ['source.uri', { source: ModelSource.gcs({ uri: 's3://acme-models' }) }],
    ['refreshSeconds', { refreshSeconds: 9 }],
    ['refreshSeconds', { refreshSeconds: 60.5 }],
    ['limitGib', { models: [mistralVllm], limitGib: 4 }],
    ...[
      'models',
      '/models',
      '/',
      '',
      '/data//models',
      '/data/models/',
      '/data/../etc',
      '/data/./models',
      '/data/a b',
      '/etc/models',
      '/usr/share/models',
      '/var/lib',
      '/var/lib/kubelet',
      '/var/lib/kubelet/pods/models',
      '/run/models',
      '/tmp/models',
    ].map((path) => ['hostPath', folder(path)] as [string, Partial<NodeModelCacheProps>]),
    ...['/data/models', '/opt/models/all', '/mnt/disks/models', '/var/lib/cloud/models'].map(
      (hostPath) => ['hostPath', { hostPath }] as [string, Partial<NodeModelCacheProps>],
    ),
  ])('%s, case %#', (key, props, namespace) => {
    let thrown: unknown;
    try {
      render(props, namespace);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InputError);
    expect((thrown as InputError).problems.map((problem) => problem.key)).toEqual([key]);
    for (const { reason, fix } of (thrown as InputError).problems) expect(reason && fix).toBeTruthy();
  });

  it('all of it at once', () => {
    const props = { platform: 'openshift', pools: [], hostPath: 'models', refreshSeconds: 0, name: '-' } as const;
    try {
      render({ ...props, source: ModelSource.gcs({ uri: 'models' }) });
      expect.unreachable();
    } catch (error) {
      const keys = (error as InputError).problems.map(({ key }) => key);
      expect(keys).toEqual(['platform', 'source.uri', 'name', 'pools', 'refreshSeconds', 'hostPath']);
    }
  });

  it.each([
    '/var/lib/triton-stack/models/llm',
    '/home/models/llm',
    '/mnt/stateful_partition/models',
    '/mnt/disks/ssd0/models',
  ])('but not the folder %s on GKE', (hostPath) => {
    expect(render({ hostPath }).cache.hostPath).toBe(hostPath);
  });

  it.each(['/data/models', '/opt/models', '/srv/triton.models', '/var/libraries/models'])(
    'but not the folder %s elsewhere',
    (hostPath) => {
      expect(render(folder(hostPath)).cache.hostPath).toBe(hostPath);
    },
  );
});

/** As root, with what a container of the capability alone has. */
const CHOWN_ALONE = ['--no-new-privs', '--bounding-set=-all,+chown', '--inh-caps=-all'];
const asRoot = process.getuid?.() === 0 && spawnSync('setpriv', [...CHOWN_ALONE, 'true']).status === 0;

describe('the container that hands over the folder', () => {
  it.runIf(asRoot)('needs the one capability, the first time and any other', () => {
    const { command } = render().pod.initContainers[0];
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-folder-'));
    const take = (capabilities: readonly string[]) =>
      spawnSync('setpriv', [...capabilities, ...command.map((word: string) => word.replace('/models', folder))]).status;
    expect(take(['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'])).not.toBe(0);
    for (const _time of ['first', 'again']) {
      expect(take(CHOWN_ALONE)).toBe(0);
      expect(statSync(folder)).toMatchObject({ uid: SERVER_USER, gid: SERVER_USER });
    }
    rmSync(folder, { recursive: true });
  });
});

const CONFIG = 'backend: "onnxruntime"';
/** A pause that the tests know from those of the sync. */
const PAUSE = 4321;

describe('the containers of the DaemonSet, with rclone against an S3 server', () => {
  const work = mkdtempSync(join(tmpdir(), 'triton-stack-cache-'));
  const volume = join(work, 'volume');
  const bin = join(work, 'bin');
  const turn = join(work, 'turn');
  let store: S3Server;
  let rendered: Rendered;
  let published: Published;
  let started: { readonly child: ChildProcess; readonly ended: Promise<number | null> }[] = [];

  beforeAll(async () => {
    store = await S3Server.start();
    for (const folder of [volume, bin]) mkdirSync(folder);
    // The pause between two turns lasts until the test says so.
    const pause = `#!/bin/sh
[ "$1" = ${PAUSE} ] || exec /bin/sleep "$@"
echo pausing
until rm "${turn}" 2>/dev/null; do /bin/sleep 0.1; done
`;
    writeFileSync(join(bin, 'sleep'), pause);
    chmodSync(join(bin, 'sleep'), 0o755);
    const uri = 's3://models/all';
    rendered = render({
      platform: 'kubernetes',
      source: ModelSource.s3({
        uri,
        region: 'us-east-1',
        endpoint: store.endpoint,
        credentials: { kind: 'secret', secretName: 'store' },
      }),
      refreshSeconds: PAUSE,
    });
    for (const [name, text] of Object.entries(rendered.one('ConfigMap').data)) {
      writeFileSync(join(work, name), text as string);
    }
    published = new Published(uri, store);
  });
  afterEach(async () => {
    for (const { child, ended } of started) {
      tolerate(['ESRCH'], () => process.kill(-(child.pid as number), 'SIGKILL'));
      await ended;
    }
    started = [];
  });
  afterAll(async () => {
    await store?.stop();
    rmSync(work, { recursive: true, force: true });
  });

  /** Whether anything of a container runs. */
  function runs(pid: number | undefined): boolean {
    try {
      return process.kill(-(pid as number), 0);
    } catch {
      return false;
    }
  }

  /** A container's command in a process group of its own, with its mounts in folders of the test's own. */
  function start({ command, env, volumeMounts }: Manifest, changes: Record<string, string> = {}) {
    const mounts = volumeMounts.map(({ name, mountPath }: Manifest) => [
      mountPath,
      name === 'models' ? volume : work,
    ]) as [string, string][];
    const own = (value: string) => {
      const [path, folder] = mounts.find(([path]) => value === path || value.startsWith(`${path}/`)) ?? ['', ''];
      return `${folder}${value.slice(path.length)}`;
    };
    const [program, ...args] = command.map(own);
    const child = spawn(program, args, {
      env: {
        PATH: `${bin}:${dirname(pythonTool('rclone'))}:/usr/bin:/bin`,
        ...store.keys,
        TMPDIR: work,
        MODEL_ATTEMPTS: '1',
        ...Object.fromEntries(env.map(({ name, value }: Manifest) => [name, own(value)])),
        ...changes,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    const ended = new Promise<number | null>((done) => child.once('close', done));
    started.push({ child, ended });
    const says = (text: string, times: number) =>
      expect.poll(() => said.split(text).length - 1, { ...WAIT, message: text }).toBe(times);
    return { child, ended, says };
  }

  /** A file as a server's container sees it. */
  function served(path: string): string {
    const { mounts } = mountedSource(rendered.cache.source, { model: resnet50, name: 'triton', image: '' });
    return join(volume, join('/models/repository', path).slice(mounts[0]?.mountPath.length));
  }

  const release = (config: string) => ({
    'resnet50/config.pbtxt': `${CONFIG} ${config}`,
    'resnet50/1/model.onnx': 'weights',
  });

  it('take what is published, now and at later turns, whatever failed before, and end at once', {
    timeout: TEST_MS,
  }, async () => {
    const [sync, metrics] = rendered.pod.containers;
    const { child, ended, says } = start(sync);
    await says('pausing', 1);
    await says(`the sync failed: the next turn is in ${PAUSE} s`, 1);
    await says('nothing is published at s3://models/all', 1);

    await published.publish(release('max_batch_size: 8'));
    writeFileSync(turn, '');
    await says('pausing', 2);
    expect(readFileSync(served('resnet50/config.pbtxt'), 'utf8')).toContain('max_batch_size: 8');
    expect(readdirSync(served(''))).toEqual(['resnet50']);
    const before = statSync(served('')).ino;

    writeFileSync(turn, '');
    await says('pausing', 3);
    expect(statSync(served('')).ino).toBe(before);

    await published.publish(release('max_batch_size: 4'));
    writeFileSync(turn, '');
    await says('pausing', 4);
    expect(readFileSync(served('resnet50/config.pbtxt'), 'utf8')).toContain('max_batch_size: 4');
    await says('the sync failed', 1);
    // The last release stays for who reads it still.
    expect(readdirSync(join(volume, 'releases')).filter((name) => !name.endsWith('.list'))).toHaveLength(2);

    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expect.poll(() => runs(child.pid), WAIT).toBe(false);
    expect(existsSync(join(volume, 'staging'))).toBe(false);
    expect(metrics.name).toBe('sync-metrics');
  });

  it('end at once while the store does not answer, with all that they had begun', { timeout: TEST_MS }, async () => {
    const proxy = await FaultProxy.start(store.endpoint);
    proxy.fault = () => ({ kind: 'hang' });
    const [sync] = rendered.pod.containers;
    const { child, ended } = start(sync, { RCLONE_CONFIG_STORE_ENDPOINT: proxy.endpoint });
    await expect.poll(() => proxy.requests.length, WAIT).toBeGreaterThan(0);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expect.poll(() => runs(child.pid), WAIT).toBe(false);
    await proxy.stop();
  });

  it('show the metrics of the sync, which come after the container that serves them', {
    timeout: TEST_MS,
  }, async () => {
    const [, { command, ...container }] = rendered.pod.containers;
    rmSync(join(volume, 'metrics'), { recursive: true, force: true });
    const [port] = await freePorts(1);
    start({ ...container, command: command.map((word: string) => word.replace(/^:\d+$/, `127.0.0.1:${port}`)) });
    const scraped = () =>
      fetch(`http://127.0.0.1:${port}/metrics.txt`).then(
        (answer) => answer.text(),
        () => 'nothing answers',
      );
    await expect.poll(scraped, WAIT).toMatch(/not found/i);
    start(rendered.pod.containers[0]);
    await expect.poll(scraped, WAIT).toContain('model_sync_result{result="unchanged"} 1');
  });
});
