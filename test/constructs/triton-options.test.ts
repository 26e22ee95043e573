import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { ModelSource } from '../../constructs/model-source';
import { TritonServer as Construct } from '../../constructs/triton-server';
import type { TritonServerProps } from '../../constructs/triton-server-props';
import { catalog } from '../../models/catalog';
import type { Model } from '../../models/model';
import { placeOn } from '../../models/placement';
import { engineModel, gpuPool } from '../support/models';
import { TritonServer } from '../support/triton-server';

const KEY = 'a-key-of-this-test';
const resnet = catalog.get('resnet50') as Model;

function podOf(props: Partial<TritonServerProps>): Manifest {
  const { model = resnet } = props;
  const chart = new Chart(new App(), 'chart');
  new Construct(chart, 'server', {
    model,
    placement: placeOn(model, gpuPool({ gpusPerNode: 2 })),
    source: ModelSource.gcs({ uri: 'gs://bucket/models' }),
    platform: 'gke',
    ...props,
  });
  const workload = chart.toJson().find(({ kind }: Manifest) => kind === 'Deployment' || kind === 'StatefulSet');
  return workload.spec.template.spec;
}

/** What the server is run with, as the container's shell and Kubernetes make it of the command. */
function flagsOf(props: Partial<TritonServerProps>, keyFile: string): string[] {
  const { command } = podOf(props).containers[0];
  const words = (command as string[]).map((word) =>
    word.replaceAll('/run/triton/load-key', keyFile).replaceAll('$(TRITON_LOAD_KEY)', KEY),
  );
  const [program, ...args] = words[0] === '/bin/sh' ? words : ['/bin/sh', '-c', 'exec "$@"', ...words];
  // Print the arguments that tritonserver would get, one a line.
  const script = args.map((word) => (word === 'tritonserver' ? 'printf' : word));
  script.splice(script.indexOf('printf') + 1, 0, '%s\\n');
  return spawnSync(program as string, script, { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
}

describe('the command line, given to a real tritonserver', () => {
  let folder: string;
  let server: TritonServer;
  let flags: string[];
  let certificate: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'triton-stack-options-'));
    mkdirSync(join(folder, 'models', 'resnet50', '1'), { recursive: true });
    const config = 'backend: "onnxruntime" max_batch_size: 1 instance_group { kind: KIND_CPU }';
    const tensors = ['input', 'output'].map((kind) => `${kind} { name: "${kind}" data_type: TYPE_FP32 dims: 1 }`);
    writeFileSync(join(folder, 'models', 'resnet50', 'config.pbtxt'), [config, ...tensors].join('\n'));
    writeFileSync(join(folder, 'models', 'resnet50', '1', 'model.onnx'), '');
    writeFileSync(join(folder, 'key'), KEY);
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
    certificate = cert;
    writeFileSync(join(folder, 'tls.crt'), cert);
    writeFileSync(join(folder, 'tls.key'), key);
    flags = flagsOf(
      {
        control: { kind: 'explicit' },
        readiness: 'server',
        metrics: { intervalMillis: 500, summaries: true, histograms: true },
        tracing: { url: 'http://127.0.0.1:9/v1/traces', rate: 10 },
        log: { verbose: 1 },
        grpcTls: { kind: 'secret', secretName: 'grpc' },
        flags: ['--model-load-thread-count=2'],
      },
      join(folder, 'key'),
    );
    server = await TritonServer.start({
      repository: join(folder, 'models'),
      flags: flags
        .filter((flag) => !/^--(model-repository|model-control-mode|[a-z]+-port|exit-timeout)/.test(flag))
        .map((flag) => flag.replace('/etc/triton/grpc-tls', folder)),
    });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is taken, every flag of it, and loads the model of the spec alone', async () => {
    expect(flags).toContain('--load-model=resnet50');
    const { status } = await fetch(`${server.http}/v2/models/resnet50/ready`);
    expect(status).toBe(200);
  });

  it('asks for the key before it loads or lists models, and for nothing before it serves', async () => {
    const load = (headers: Record<string, string>) =>
      fetch(`${server.http}/v2/repository/models/resnet50/load`, { method: 'POST', body: '{}', headers });
    expect((await load({})).status).toBe(403);
    expect((await load({ 'triton-load-key': 'wrong' })).status).toBe(403);
    expect((await load({ 'triton-load-key': KEY })).status).toBe(200);
    for (const path of ['trace/setting', 'logging', 'systemsharedmemory/status']) {
      expect((await fetch(`${server.http}/v2/${path}`)).status).toBe(403);
    }
    const input = { name: 'input', datatype: 'FP32', shape: [1, 1], data: [1] };
    expect((await server.infer('resnet50', [input])).status).toBe(200);
  });

  it('asks for the key by gRPC as well, under TLS', async () => {
    const index = (headers: Record<string, string>) =>
      grpcStatus(server.grpc, certificate, '/inference.GRPCInferenceService/RepositoryIndex', headers);
    expect(await index({})).toMatch(/^14 .*restricted/);
    expect(await index({ 'triton-grpc-protocol-triton-load-key': KEY })).toBe('0 ');
  });

  it('gives latencies as quantiles where they were asked for', async () => {
    expect(await server.metrics()).toMatch(/nv_inference_request_summary_us\{.*quantile="0.99"/);
  });
});

/** Status and message that a call without content ends with. */
function grpcStatus(address: string, ca: string, path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://${address}`, { ca, checkServerIdentity: () => undefined });
    session.once('error', reject);
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let status = '';
    const take = (each: Record<string, unknown>) => {
      if (each['grpc-status'] !== undefined)
        status = `${each['grpc-status']} ${decodeURIComponent(String(each['grpc-message'] ?? ''))}`;
    };
    call.setTimeout(10_000, () => call.close());
    call.once('response', take);
    call.once('trailers', take);
    call.resume();
    call.once('close', () => {
      session.close();
      resolve(status);
    });
    call.once('error', reject);
    // A message of no bytes, uncompressed.
    call.end(Buffer.alloc(5));
  });
}

describe('the key of the load API', () => {
  it('is made in the pod, and read by its own containers', () => {
    const pod = podOf({ control: { kind: 'explicit', watch: {} } });
    const [maker] = pod.initContainers;
    const folder = mkdtempSync(join(tmpdir(), 'triton-stack-key-'));
    const [shell, flag, script] = maker.command;
    const make = () => {
      spawnSync(shell, [flag, script.replaceAll('/run/triton', folder)]);
      return spawnSync('cat', [join(folder, 'load-key')], { encoding: 'utf8' }).stdout;
    };
    const [first, second] = [make(), make()];
    rmSync(folder, { recursive: true });
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(first).not.toBe(second);
    expect(pod.volumes).toContainEqual({ name: 'load-key', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } });
    const readers = [...pod.containers, ...pod.initContainers].filter(({ volumeMounts }: Manifest) =>
      volumeMounts.some(({ name, readOnly }: Manifest) => name === 'load-key' && readOnly),
    );
    expect(readers.map(({ name }: Manifest) => name)).toEqual(['triton', 'model-watch']);
  });

  it('comes from a Secret where tools outside of the pod have it', () => {
    const [server] = podOf({ control: { kind: 'explicit', key: { kind: 'secret', secretName: 'load' } } }).containers;
    expect(server.env).toContainEqual({
      name: 'TRITON_LOAD_KEY',
      valueFrom: { secretKeyRef: { name: 'load', key: 'key' } },
    });
    expect(server.command).toContain(
      '--http-restricted-api=model-repository,shared-memory,trace,logging:triton-load-key=$(TRITON_LOAD_KEY)',
    );
  });

  it("is nobody's where nothing is loaded through the API: what is for operators is closed", () => {
    const [first, second] = [flagsOf({}, ''), flagsOf({}, '')];
    for (const protocol of ['http-restricted-api', 'grpc-restricted-protocol']) {
      const closed = new RegExp(
        `^--${protocol}=model-repository,shared-memory,trace,logging:triton-load-key=[0-9a-f]{64}$`,
      );
      const [one, another] = [first, second].map((flags) => flags.find((flag) => closed.test(flag)));
      expect(one).toBeDefined();
      expect(one).not.toBe(another);
    }
    expect(JSON.stringify(podOf({}).volumes)).not.toContain('load-key');
  });
});

describe('readiness', () => {
  const probes = (props: Partial<TritonServerProps>) => podOf(props).containers[0].readinessProbe.httpGet.path;

  it("is the model's own where a failed load would leave the server not ready for good", () => {
    expect(probes({ control: { kind: 'explicit' } })).toBe('/v2/models/resnet50/ready');
    expect(probes({})).toBe('/v2/health/ready');
  });
});

/** What is said to props that cannot work, in one line. */
function told(props: Partial<TritonServerProps>): string {
  try {
    podOf(props);
    return 'nothing';
  } catch (error) {
    return (error as Error).message.replaceAll(/\s+/g, ' ');
  }
}

describe('what cannot work', () => {
  const claim = ModelSource.claim({ claimName: 'models' });
  it.each<[string, Partial<TritonServerProps>, RegExp]>([
    [
      'polls files that nobody changes',
      { control: { kind: 'poll' } },
      /nothing changes the files of a running pod with a source of kind gcs/,
    ],
    [
      'watches a claim',
      { control: { kind: 'explicit', watch: {} }, source: claim },
      /nothing to fetch with a source of kind claim/,
    ],
    [
      'loads into one of several processes',
      { control: { kind: 'explicit' }, model: engineModel({}, { tensorParallel: 2 }) },
      /only the first would load something new/,
    ],
    ['sets a flag twice', { flags: ['--http-port=80'] }, /--http-port is set already/],
    ['sets a flag with a prop', { flags: ['--log-verbose=1'] }, /what says it: log/],
    ['has no flag', { flags: ['-v'] }, /is no flag of tritonserver/],
    ['asks for more CPU than a node has', { resources: { cpus: 500 } }, /cannot give that to a pod/],
    ['shares more memory than it has', { sharedMemoryGib: 4096 }, /counts against the memory/],
    ['has half a replica', { replicas: 0.5 }, /is no number of pods/],
    ['names a variable wrongly', { environment: { 'A-B': 'x' } }, /is no name of a variable/],
    ['moves the home folder', { environment: { HOME: '/root' } }, /environment.HOME problem is set already/],
    ['repeats a variable of its own', { environment: { USER: 'me' } }, /environment.USER problem is set already/],
    ['starts in no time', { startupSeconds: 0 }, /is no time that a start can take/],
    ['takes GPUs twice', { extendedResources: { 'nvidia.com/gpu': 2 } }, /follows from the model and its placement/],
    ['looks all the time', { control: { kind: 'explicit', watch: { everySeconds: 0 } } }, /no time between two looks/],
    ['has no room for its files', { workload: { kind: 'statefulset', volumeGib: 0.01 } }, /does not hold the files/],
    ['hands traces to nowhere', { tracing: { url: 'otel:4318' } }, /is not the address of a collector/],
    ['overrides an annotation', { podAnnotations: { 'openshift.io/required-scc': 'x' } }, /is set already/],
    ['asks for a constraint elsewhere', { scc: { name: 'nonroot-v2' } }, /is OpenShift's/],
    [
      'loads all of a repository that others share',
      { source: ModelSource.repository({ claimName: 'm', storage: 'shared', models: ['resnet50', 'llama'] }) },
      /loads all that lies in the repository, and that is llama as well/,
    ],
    [
      'loads all of a node cache that others share',
      { source: ModelSource.nodeCache({ claimName: 'm', models: ['resnet50', 'llama'] }), control: { kind: 'poll' } },
      /that is llama as well.*or a NodeModelCache of its own/,
    ],
    [
      'watches a node cache',
      { control: { kind: 'explicit', watch: {} }, source: ModelSource.nodeCache({ claimName: 'm' }) },
      /nothing to fetch with a source of kind node-cache/,
    ],
    ['patches what is not there', { patch: { Ingress: [] } }, /names no object that this construct makes/],
  ])('%s', (_name, props, message) => {
    expect(told(props)).toMatch(message);
  });

  it.each([
    claim,
    ModelSource.repository({ claimName: 'm', storage: 'shared' }),
    ModelSource.nodeCache({ claimName: 'm', models: ['resnet50'] }),
  ])('is not to poll what $kind has', (source) => {
    expect(told({ control: { kind: 'poll' }, source })).toBe('nothing');
  });

  it('is told all at once', () => {
    expect(told({ replicas: -1, flags: ['-v'], resources: { cpus: 0 } })).toMatch(/3 errors/);
  });
});
