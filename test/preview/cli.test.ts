import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { main } from '../../preview/cli';
import type { Plan } from '../../preview/plan';
import { Captured } from '../support/captured';
import {
  type Config,
  environmentFolder,
  environmentText,
  ROOT,
  SHIPPED,
  shippedConfig,
} from '../support/environment-file';

async function run(args: string[], folder = ROOT, out = new Captured()) {
  const err = new Captured();
  const code = await main(args, { folder, out, err });
  return { code, out: out.text, err: err.text };
}

/** Runs the preview of a changed dev environment. */
async function runWith(change: (config: Config) => void, shipped: (typeof SHIPPED)[number] = 'dev') {
  const config = shippedConfig(shipped);
  change(config);
  const folder = environmentFolder('try', environmentText(config));
  const target = join(folder, 'out');
  const result = await run(['try', '--out', target], folder);
  return { ...result, written: existsSync(target) };
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
}

describe('preview', () => {
  it.each(SHIPPED)('shows %s within 80 columns, without colours', async (name) => {
    const { code, out, err } = await run([name]);
    // Images without digests are an error in production.
    const failed = name === 'prod';
    expect(err).toBe(failed ? 'This preview fails, on 1 count:\n  policies: image-digest\n' : '');
    expect(code).toBe(failed ? 1 : 0);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(out).not.toContain('\u001b');
  });

  it('is coloured and as wide as the window on a terminal, up to 120 columns', async () => {
    const { out } = await run(['dev'], ROOT, new Captured(true, 200));
    expect(out).toContain('\u001b[1m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
    const plain = out.replace(/\u001b\[\d+m/g, '');
    expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(plain.split('\n').some((line) => line.length > 80)).toBe(true);
  });

  it('prints one JSON object with --json, the same each time, without paths of the machine', async () => {
    const first = await run(['dev', '--json']);
    const plan = JSON.parse(first.out) as Plan;
    expect(Object.keys(plan)).toEqual(['environment', 'resources', 'charts', 'outputs', 'summary']);
    expect(plan.environment).toBe('dev');
    for (const resource of plan.resources) {
      expect(Object.keys(resource).filter((key) => key !== 'uses' && key !== 'options')).toEqual([
        'urn',
        'type',
        'name',
        'parent',
        'dependencies',
        'inputs',
      ]);
    }
    expect(plan.resources.map(({ urn }) => urn)).toEqual([...plan.resources.map(({ urn }) => urn)].sort());
    expect(first.out).not.toContain(ROOT);
    expect((await run(['dev', '--json'])).out).toBe(first.out);
  });

  it('writes the plan and a manifest a chart with --out, and replaces what it wrote before', async () => {
    const target = join(newFolder(), 'deep', 'out');
    expect((await run(['dev', '--out', target])).code).toBe(0);
    expect((await run(['openshift', '--out', target])).out).toContain(`Written to ${target}`);
    const plan = JSON.parse(readFileSync(join(target, 'plan.json'), 'utf8')) as Plan;
    expect(plan.environment).toBe('openshift');
    expect(readdirSync(target).sort()).toEqual(['manifests', 'plan.json']);
    expect(readdirSync(join(target, 'manifests')).sort()).toEqual(plan.charts.map(({ name }) => `${name}.yaml`).sort());
    for (const { name, objects } of plan.charts) {
      expect(loadAll(readFileSync(join(target, 'manifests', `${name}.yaml`), 'utf8'))).toEqual(objects);
    }
    expect(readdirSync(join(target, '..'))).toEqual(['out']);
  });

  it('leaves a folder alone that holds something else', async () => {
    const target = newFolder();
    writeFileSync(join(target, 'notes.txt'), 'mine');
    const { code, err, out } = await run(['dev', '--out', target]);
    expect(code).toBe(2);
    expect(err).toContain('notes.txt');
    expect(out).toBe('');
    expect(readdirSync(target)).toEqual(['notes.txt']);
  });

  it('refuses to write where a file is, and where it may not', async () => {
    const folder = newFolder();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect((await run(['dev', '--out', file])).err).toContain('is a file');
    expect(await run(['dev', '--out', join(file, 'below')])).toMatchObject({ code: 2, out: '' });
  });

  it('names the environments where none is given, or one that is not there', async () => {
    expect(await run([])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('dev, local, openshift, prod, staging'),
    });
    const { code, err } = await run(['prd']);
    expect(code).toBe(2);
    expect(err).toContain('there is no Pulumi.prd.yaml');
    expect(err).toContain('did you mean prod?');
    expect(await run(['../dev'])).toMatchObject({ code: 2 });
  });

  it('refuses options and folders that are not there', async () => {
    expect(await run(['dev', '--jsn'])).toMatchObject({ code: 2, err: expect.stringContaining('--json') });
    expect(await run(['dev', '--folder', '/no/such'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('/no/such'),
    });
  });
});

describe('a file that cannot work', () => {
  async function runText(content: string) {
    const folder = environmentFolder('try', content);
    const target = join(folder, 'out');
    const result = await run(['try', '--out', target], folder);
    expect(existsSync(target)).toBe(false);
    return result;
  }

  it.each([
    ['empty', '', 'the file is empty'],
    ['only a comment', '# later\n', 'the file is empty'],
    ['no configuration', 'encryptionsalt: x\n', 'is missing, or not a map of keys'],
    ['a list', 'config:\n  - triton-stack:platform\n', 'not a map of keys'],
    ['no YAML', 'config: [\n', 'is not YAML'],
    ['a tab', 'config:\n\ttriton-stack:platform: x\n', 'is not YAML'],
    ['a key twice', 'config:\n  a:b: 1\n  a:b: 2\n', 'is not YAML'],
    ['nothing of the stack', 'config:\n  gcp:project: x\n', 'triton-stack:platform'],
  ])('%s', async (_name, content, message) => {
    const { code, out, err } = await runText(content);
    expect(err).toContain(message);
    expect(err).toMatch(/^Pulumi\.try\.yaml: 1 error\n/);
    expect(err).not.toMatch(/:\d+:\d+\)/);
    expect(code).toBe(2);
    expect(out).toBe('');
  });

  it.each<[string, (config: Config) => void, ...string[]]>([
    ['a number where a list belongs', (c) => Object.assign(c.pools.l4, { zones: 3 }), 'pools.l4.zones', 'a list', '3'],
    [
      'an L4 machine in an A100 pool',
      (c) => Object.assign(c.pools.a100, { machineType: 'g2-standard-8' }),
      'pools.a100.machineType',
      'that machine carries nvidia-l4',
      'a2-highgpu-1g',
    ],
    [
      'a machine without GPUs',
      (c) => Object.assign(c.pools.l4, { machineType: 'n2-standard-8' }),
      'pools.l4.machineType',
      'is no machine type with nvidia-l4',
    ],
    [
      'a mistyped machine',
      (c) => Object.assign(c.pools.l4, { machineType: 'g2-standrd-8' }),
      'did you mean g2-standard-8?',
    ],
    ['a pool of 0 nodes', (c) => Object.assign(c.pools.l4, { max: 0 }), 'pools.l4.max', 'at least 1'],
    ['a negative size', (c) => Object.assign(c.pools.l4, { min: -1 }), 'pools.l4.min', 'at least 0'],
    ['half a node', (c) => Object.assign(c.pools.l4, { max: 1.5 }), 'pools.l4.max', 'a whole number'],
    ['min above max', (c) => Object.assign(c.pools.l4, { min: 9 }), 'pools.l4.min', '0 to 5'],
    [
      'replicas: min above max',
      (c) => Object.assign(c.serving.models[0], { scale: { min: 3, max: 2 } }),
      'serving.models[0].scale.min',
    ],
    [
      'no replicas',
      (c) => Object.assign(c.serving.models[0], { scale: { min: 0, max: 2 } }),
      'serving.models[0].scale.min',
      'nothing starts the first replica',
    ],
    [
      'no replicas, and what wakes them',
      (c) =>
        Object.assign(c.serving.models[0], { scale: { min: 0, max: 2, wake: { kind: 'prometheus', query: 'up' } } }),
      'serving.models[0].scale.min',
      'only KEDA watches what wakes a model',
    ],
    [
      'more replicas than the pool holds',
      (c) => Object.assign(c.serving.models[0], { scale: { min: 1, max: 50 } }),
      'pool l4 holds 5 of its pods',
    ],
    ['more models than the pool holds', (c) => Object.assign(c.pools.l4, { max: 1 }), 'need 2 GPUs'],
    [
      'two models of one name',
      (c) => c.serving.models.push({ model: 'resnet50' }),
      'serving.models[2]',
      'serving.models[1]',
    ],
    [
      'names that differ in dots alone',
      (c) => c.serving.models.push({ model: 'resnet50', name: 'llama-3-1-8b' }),
      'the same name in the cluster',
    ],
    ['no such model', (c) => Object.assign(c.serving.models[0], { model: 'resnet-50' }), 'did you mean resnet50?'],
    ['models that are no list', (c) => Object.assign(c.serving, { models: 'llama' }), 'serving.models', 'a list'],
    [
      'a bucket name with capitals',
      (c) => Object.assign(c, { buckets: { models: 'Models' } }),
      'buckets.models',
      'Cloud Storage refuses',
    ],
    [
      'a bucket name with google in it',
      (c) => Object.assign(c, { buckets: { models: 'my-google-models' } }),
      'buckets.models',
    ],
    ['a bucket name that is too long', (c) => Object.assign(c, { buckets: { models: 'x'.repeat(64) } }), 'at most 63'],
    [
      'one bucket for two ends',
      (c) => Object.assign(c, { buckets: { models: 'acme-x', data: 'acme-x' } }),
      'buckets.data',
      'another bucket',
    ],
    [
      'ranges that overlap',
      (c) => Object.assign(c.network, { services: '10.4.8.0/22' }),
      'network.services',
      'overlaps with triton-stack:network.pods',
    ],
    ['no range', (c) => Object.assign(c.network, { pods: '10.4.0.0' }), 'network.pods', 'is not an IPv4 range'],
    [
      'a range too small for the pools',
      (c) => Object.assign(c.network, { pods: '10.4.0.0/22' }),
      'network.pods',
      'holds 4 nodes',
      '/20 or larger',
    ],
    ['a zone of another region', (c) => c.pools.l4.zones.push('europe-west4-a'), 'pools.l4.zones[3]', 'us-central1'],
    ['a zone twice', (c) => c.pools.l4.zones.push('us-central1-a'), 'pools.l4.zones[3]', 'twice'],
    [
      'the plugin label with a managed driver',
      (c) => Object.assign(c, { gpuStack: { kind: 'gke-managed', nodeImage: 'cos' } }),
      'gpuStack.nodeImage',
      'there is no such key',
    ],
    [
      "a label that takes GKE's device plugin away",
      (c) =>
        Object.assign(c, { gpuStack: { kind: 'gke-managed' } }) &&
        Object.assign(c.pools.l4, { labels: { 'gke-no-default-nvidia-gpu-device-plugin': 'true' } }),
      'pools.l4.labels',
      'gke-no-default-nvidia-gpu-device-plugin',
    ],
    [
      'a GPU stack that is none',
      (c) => Object.assign(c, { gpuStack: { kind: 'gpu-operater' } }),
      'gpuStack.kind',
      'gpu-operator',
      'did you mean gpu-operator?',
    ],
    [
      'a GPU that no pool has',
      (c) => Object.assign(c, { pools: { a100: c.pools.a100 } }),
      'needs 1 x nvidia-l4',
      'a100: 1 x nvidia-tesla-a100',
    ],
    [
      'a mistyped key',
      (c) => Object.assign(c.pools.l4, { machinetype: 'x' }),
      'pools.l4.machinetype',
      'did you mean machineType?',
    ],
    [
      'a mistyped key at the top',
      (c) => Object.assign(c, { servng: c.serving }),
      'triton-stack:servng',
      'did you mean serving?',
    ],
    ['a platform that is none', (c) => Object.assign(c.platform, { kind: 'eks' }), 'platform.kind', 'gke, existing'],
    [
      'a flag of the other platform',
      (c) => Object.assign(c.platform, { flavour: 'openshift' }),
      'platform.flavour',
      'there is no such key',
    ],
    ['no project', (c) => delete c.platform.project, 'platform.project', 'is missing'],
    [
      'a host without Routes',
      (c) => Object.assign(c.serving.models[0], { host: 'a.example.com' }),
      'serving.models[0].host',
      'no Routes',
    ],
    ['a namespace of somebody else', (c) => Object.assign(c.serving, { namespace: 'kubeflow' }), 'serving.namespace'],
    [
      'a namespace with two ends',
      (c) => Object.assign(c.serving, { namespace: 'monitoring' }),
      'of monitoring as well',
    ],
  ])('%s', async (_name, change, ...messages) => {
    const { code, out, err, written } = await runWith(change);
    const flat = err.replace(/\s+/g, ' ');
    for (const message of messages) expect(flat).toContain(message);
    expect(err).toMatch(/\(line \d+\)/);
    expect(err).not.toMatch(/:\d+:\d+\)/);
    expect(err.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect({ code, out, written }).toEqual({ code: 2, out: '', written: false });
  });

  it('refuses a model that its GPUs cannot hold, a disk too small for it, and replicas without a metric', async () => {
    const { err, code } = await runWith((config) => {
      config.pools.big = {
        ...config.pools.l4,
        accelerator: 'nvidia-a100-80gb',
        machineType: 'a2-ultragpu-4g',
        max: 2,
        diskGb: 100,
      };
      config.serving.models.push({ model: 'llama-3.1-70b' }, { model: 'mistral-7b-vllm', scale: { min: 1, max: 2 } });
    });
    const flat = err.replace(/\s+/g, ' ');
    expect(code).toBe(2);
    expect(flat).toContain('triton-stack:pools.big.diskGb');
    expect(flat).toMatch(/those of llama-3.1-70b fill up to \d+ GiB allowed \d+ or more/);
    expect(flat).toContain('backend vllm tells nobody how many requests are in it');
  });

  it('refuses tokens for AWS at a store that is not', async () => {
    const { err, code } = await runWith((config) => {
      config.modelStore.endpoint = 'https://s3.openshift-storage.svc';
    }, 'openshift');
    expect(code).toBe(2);
    expect(err).toContain('modelStore.credentials.kind');
  });

  it('takes a release of a model by its name, from a store that has releases', async () => {
    const { code, err } = await runWith((config) => {
      config.serving.models[0].release = '1.4 beta';
    });
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(/serving\.models\[0\]\.release.*no name for a release/s),
    });
    const claim = await runWith((config) => {
      config.modelStore = { kind: 'claim', claimName: 'models' };
      config.serving.models[0].release = '1.4.0';
    }, 'openshift');
    expect(claim.code).toBe(2);
    expect(claim.err.replace(/\s+/g, ' ')).toContain('nothing is fetched from there');
    const taken = await runWith((config) => {
      config.serving.models[0].release = '1.4.0';
    });
    expect(taken.code).toBe(0);
  });

  it('tells all errors of a file at once, each with its line', async () => {
    const { err } = await runWith((config) => {
      config.pools.l4.max = -2;
      config.pools.a100.spots = true;
      config.network.nodes = 'x';
    });
    expect(err).toMatch(/^Pulumi\.try\.yaml: 3 errors\n/);
    expect(err.match(/\(line \d+\)/g)).toHaveLength(3);
  });

  it('refuses a pool by the name of the system pool, and servers in the namespace of somebody else', async () => {
    const pool = await runWith((config) => {
      config.pools.system = config.pools.l4;
    });
    expect(pool).toMatchObject({
      code: 2,
      err: expect.stringContaining("the name of the pool of the system's own pods"),
    });
    const namespace = await runWith((config) => {
      config.serving.namespace = 'monitoring';
    }, 'local');
    expect(namespace).toMatchObject({
      code: 2,
      err: expect.stringContaining('is the namespace of monitoring as well'),
    });
    // Where Prometheus is there already, it may be in a namespace that we would not make.
    const there = await runWith((config) => {
      config.monitoring = { kind: 'existing', namespace: 'kube-system' };
    }, 'local');
    expect(there.code).toBe(0);
  });

  it("keeps Google's services and its own Prometheus off OpenShift", async () => {
    const { err, code } = await runWith((config) => {
      config.kubeflow = { kind: 'pipelines', database: { kind: 'cloud-sql' } };
      config.monitoring = { kind: 'prometheus' };
    }, 'openshift');
    expect(code).toBe(2);
    expect(err).toContain('kubeflow.database.kind');
    expect(err).toContain('monitoring.kind');
  });

  it('refuses a name that cloud resources cannot be named by', async () => {
    const folder = environmentFolder('Feature_1', environmentText(shippedConfig('dev')));
    const { err, code } = await run(['Feature_1'], folder);
    expect(code).toBe(2);
    expect(err).toMatch(/^Pulumi.Feature_1.yaml: 1 error\n[\s\S]*at most 17\s+characters/);
  });
});

it('shows an environment without models: the first step of a new project', async () => {
  const config = shippedConfig('dev');
  config.serving.models = [];
  const { code, out } = await run(['try'], environmentFolder('try', environmentText(config)));
  expect(code).toBe(0);
  expect(out).toMatch(/Models 0/);
  expect(out).toContain('gs://acme-ml-dev-try-models');
});

describe('--out', () => {
  it('takes an empty folder', async () => {
    const target = join(newFolder(), 'empty');
    mkdirSync(target);
    expect((await run(['dev', '--out', target])).code).toBe(0);
    expect(existsSync(join(target, 'plan.json'))).toBe(true);
  });
});
