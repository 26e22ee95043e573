import { App, Chart, JsonPatch } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { ModelSource } from '../../constructs/model-source';
import { TritonServer } from '../../constructs/triton-server';
import type { TritonServerProps } from '../../constructs/triton-server-props';
import { catalog } from '../../models/catalog';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { gkeNodePool } from '../../models/gke-node-pool';
import type { Model } from '../../models/model';
import { placeOn } from '../../models/placement';
import { gpuPool, tensorModel } from '../support/models';

const resnet = catalog.get('resnet50') as Model;
const pool = gkeNodePool({ name: 'l4', machineType: 'g2-standard-16', maxNodes: 4, diskGb: 300 });

function render(props: Partial<TritonServerProps>): Manifest[] {
  const { model = resnet } = props;
  const chart = new Chart(new App(), 'chart');
  const placement = model.accelerator === 'none' ? placeOn(model, cpuPool) : placeOn(model, pool);
  const source = ModelSource.gcs({ uri: 'gs://bucket/models' });
  new TritonServer(chart, 'server', { model, placement, source, platform: 'gke', ...props });
  return chart.toJson();
}
const cpuPool = gpuPool({ accelerator: 'none', gpusPerNode: 0, nodeSelector: {} });

function workload(props: Partial<TritonServerProps>): Manifest {
  return render(props).find(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet') as Manifest;
}
const pod = (props: Partial<TritonServerProps>) => workload(props).spec.template.spec;
const named = (list: Manifest[] | undefined, name: string) => list?.find((each) => each.name === name);

describe('a source that is mounted', () => {
  const hub = ModelSource.huggingFace({
    model: 'mistralai/Mistral-7B-Instruct-v0.3',
    revision: 'e0bc86c23ce5aae1db576c8cca6f06f1f73af2db',
    tokenSecret: { name: 'hub', key: 'token' },
  });

  it('is the Hugging Face Hub, kept on a volume of each pod of a StatefulSet', () => {
    const set = workload({ model: mistralVllm, source: hub, workload: { kind: 'statefulset', storageClass: 'fast' } });
    expect(set.spec.volumeClaimTemplates).toMatchObject([
      { metadata: { name: 'hugging-face' }, spec: { storageClassName: 'fast' } },
    ]);
    const { spec } = set.spec.template;
    expect(named(spec.volumes, 'hugging-face')).toBeUndefined();
    const [server] = spec.containers;
    expect(named(server.volumeMounts, 'hugging-face')).toBeDefined();
    expect(named(server.env, 'HF_TOKEN')).toEqual({
      name: 'HF_TOKEN',
      valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } },
    });
  });

  it('gives a server that fetches itself the time to', () => {
    const budget = (source: ModelSource) => {
      const { startupProbe } = pod({ model: mistralVllm, source }).containers[0];
      return startupProbe.failureThreshold * startupProbe.periodSeconds;
    };
    expect(budget(hub)).toBeGreaterThan(budget(ModelSource.claim({ claimName: 'models' })) + 200);
  });

  it('leaves room on the node for what the platform adds to the pod', () => {
    const fuse = pod({ source: ModelSource.gcsFuse({ uri: 'gs://bucket/models' }) }).containers[0].resources;
    const plain = pod({}).containers[0].resources;
    expect(Number(fuse.requests.cpu)).toBeLessThan(Number(plain.requests.cpu));
    expect(
      workload({ source: ModelSource.gcsFuse({ uri: 'gs://bucket/models' }) }).spec.template.metadata.annotations,
    ).toMatchObject({
      'gke-gcsfuse/volumes': 'true',
      'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': expect.stringMatching(
        /^scratch,shared-memory,gke-gcsfuse/,
      ),
    });
  });

  it('is waited for where a Job fills it', () => {
    const { initContainers, containers } = pod({
      source: ModelSource.repository({ claimName: 'models', storage: 'shared' }),
    });
    expect(named(initContainers, 'wait-for-models')?.command.at(-1)).toBe('resnet50');
    expect(named(containers[0].volumeMounts, 'models')).toMatchObject({ mountPath: '/models', readOnly: true });
  });

  it('keeps nothing that a StatefulSet could have a volume for', () => {
    const source = ModelSource.claim({ claimName: 'models' });
    expect(() => pod({ source, workload: { kind: 'statefulset', storageClass: 'fast' } })).toThrow(
      /pods keep nothing of their own/,
    );
    expect(workload({ source, workload: { kind: 'statefulset' } }).spec).not.toHaveProperty('volumeClaimTemplates');
  });
});

describe('identities', () => {
  const s3 = ModelSource.s3({
    uri: 's3://bucket/models',
    region: 'us-east-1',
    credentials: { kind: 'service-account' },
  });

  it("are the ServiceAccount's where the source says so", () => {
    const objects = render({
      source: s3,
      platform: 'kubernetes',
      identity: { kind: 'irsa', roleArn: 'arn:aws:iam::111122223333:role/models' },
      imagePullSecrets: ['registry'],
    });
    const account = objects.find(({ kind }) => kind === 'ServiceAccount');
    expect(account).toMatchObject({
      metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/models' } },
      imagePullSecrets: [{ name: 'registry' }],
      automountServiceAccountToken: false,
    });
    expect(JSON.stringify(objects)).not.toContain('AWS_ROLE_ARN');
  });
});

describe('images', () => {
  const policy = (image?: string) => pod(image === undefined ? {} : { image }).containers[0].imagePullPolicy;

  it('are asked for at the registry by tag, and are what they are by digest', () => {
    expect(policy('registry.example.com/triton:25.10')).toBe('Always');
    expect(policy(`registry.example.com/triton:25.10@sha256:${'0'.repeat(64)}`)).toBe('IfNotPresent');
  });
});

describe('a server without a GPU', () => {
  it('asks for none, and tolerates no GPU nodes', () => {
    const { containers, tolerations } = pod({ model: tensorModel('on-cpu', { accelerator: 'none' }) });
    expect(JSON.stringify(containers[0].resources)).not.toContain('nvidia.com/gpu');
    expect(tolerations).toEqual([]);
  });
});

describe('what runs beside the server', () => {
  it('takes its part of the node from it', () => {
    const watched = pod({ control: { kind: 'explicit', watch: {} } });
    const cpu = (containers: Manifest[], name: string) => {
      const text = String(named(containers, name)?.resources.requests.cpu);
      return text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text);
    };
    const together = cpu(watched.containers, 'triton') + cpu(watched.initContainers, 'model-watch');
    expect(together).toBeCloseTo(cpu(pod({}).containers, 'triton'), 3);
    expect(watched.initContainers.map(({ name }: Manifest) => name)).toEqual(['load-key', 'model-sync', 'model-watch']);
    expect(named(watched.initContainers, 'model-watch')?.restartPolicy).toBe('Always');
  });
});

describe('a watch', () => {
  it('has room for two releases', () => {
    const gib = (props: Partial<TritonServerProps>) => {
      const { sizeLimit } = named(pod({ model: mistralVllm, ...props }).volumes, 'models')?.emptyDir ?? {};
      return Number.parseInt(sizeLimit, 10) / 1024;
    };
    expect(gib({ control: { kind: 'explicit', watch: {} } })).toBeGreaterThan(1.9 * gib({}));
  });
});

describe('props', () => {
  it('say what cdk8s-plus does not', () => {
    const set = workload({
      workload: {
        kind: 'statefulset',
        volumeGib: 64,
        podManagement: 'ordered',
        retention: { whenScaled: 'Retain' },
      },
      zoneSpread: 'required',
      priorityClassName: 'serving',
      extendedResources: { 'rdma/ib': 1 },
      sharedMemoryGib: 2,
      podLabels: { team: 'vision' },
      replicas: 3,
    });
    expect(set.spec).toMatchObject({
      replicas: 3,
      podManagementPolicy: 'OrderedReady',
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    });
    expect(set.spec.volumeClaimTemplates[0].spec.resources.requests.storage).toBe('64Gi');
    const { metadata, spec } = set.spec.template;
    expect(metadata.labels.team).toBe('vision');
    expect(spec.priorityClassName).toBe('serving');
    expect(spec.topologySpreadConstraints[0]).toMatchObject({ whenUnsatisfiable: 'DoNotSchedule' });
    expect(spec.containers[0].resources.limits['rdma/ib']).toBe(1);
    expect(named(spec.volumes, 'shared-memory')?.emptyDir).toMatchObject({ medium: 'Memory', sizeLimit: '2048Mi' });
    expect(set.spec.selector.matchLabels).not.toHaveProperty('team');
  });

  it('leave the last word to a patch, for fields that cdk8s-plus does not know', () => {
    const patch = {
      Deployment: [JsonPatch.add('/spec/template/spec/resourceClaims', [{ name: 'gpu' }])],
      'Service/triton-resnet50': [JsonPatch.add('/spec/trafficDistribution', 'PreferClose')],
    };
    const objects = render({ patch });
    expect(objects.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.resourceClaims).toEqual([
      { name: 'gpu' },
    ]);
    expect(objects.find(({ kind }) => kind === 'Service')?.spec.trafficDistribution).toBe('PreferClose');
  });
});
