import { App, Chart, JsonPatch } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { MetricsMonitor } from '../../constructs/metrics-monitor';
import { type NgcCredentials, NgcSecret } from '../../constructs/ngc-secret';
import { NimServer, type NimServerProps } from '../../constructs/nim-server';
import { QueueAutoscaler } from '../../constructs/queue-autoscaler';
import { ServerNetworkPolicy } from '../../constructs/server-network-policy';
import { nimLlama31 } from '../../models/catalog/nim-llama-3.1-8b';
import { defineNim, type Nim, placeNimOn } from '../../models/nim';
import { gpuPool } from '../support/models';

const pool = gpuPool({ maxNodes: 4, allocatable: { cpus: 12, memoryGib: 44 } });
const existing: NgcCredentials = { kind: 'existing', secretName: 'ngc-api', pullSecretName: 'ngc-pull' };

type Options = Partial<Omit<NimServerProps, 'nim'>> & { readonly nim?: Nim };

/** What a server renders, and what stands around it. */
function objects({ nim = nimLlama31, ...changes }: Options = {}): Manifest[] {
  const chart = new Chart(new App(), 'chart', { namespace: 'nim' });
  const gpusPerNode = nim.gpus ?? 1;
  const server = new NimServer(chart, 'server', {
    nim,
    placement: placeNimOn(nim, { ...pool, gpusPerNode }),
    platform: 'gke',
    ngc: existing,
    ...changes,
  });
  if (changes.replicas === undefined) {
    const source = { kind: 'keda', prometheus: { url: 'http://prometheus.monitoring.svc:9090' } } as const;
    new QueueAutoscaler(chart, 'autoscaler', { server, source });
  }
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerNetworkPolicy(chart, 'policy', { server, monitoringNamespace: 'monitoring' });
  return chart.toJson();
}

function one(kind: string, options: Options = {}): Manifest {
  const found = objects(options).filter((object) => object.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}

const podOf = (options: Options = {}) => one('StatefulSet', options).spec.template.spec;
const variables = (options: Options = {}): Record<string, unknown> =>
  Object.fromEntries(
    podOf(options).containers[0].env.map(({ name, value, valueFrom }: Manifest) => [name, value ?? valueFrom]),
  );

describe('the cache', () => {
  it('is a volume of each pod that outlives it, where the NIM keeps its files', () => {
    const { spec } = one('StatefulSet', { storageClass: 'premium-rwo' });
    expect(spec.volumeClaimTemplates).toEqual([
      {
        metadata: { name: 'cache' },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'premium-rwo',
          resources: { requests: { storage: '25Gi' } },
        },
      },
    ]);
    const { mountPath } = spec.template.spec.containers[0].volumeMounts.find(({ name }: Manifest) => name === 'cache');
    expect(variables().NIM_CACHE_PATH).toBe(mountPath);
  });

  it('is there when a server comes back from zero, and gone with the server', () => {
    const policy = (options: Options = {}) => one('StatefulSet', options).spec.persistentVolumeClaimRetentionPolicy;
    expect(policy()).toEqual({ whenDeleted: 'Delete', whenScaled: 'Retain' });
    expect(policy({ retention: { whenDeleted: 'Retain' } })).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
  });
});

describe('the pod', () => {
  it('takes all GPUs of its profile, and is spread over them', () => {
    for (const gpus of [1, 2, 4]) {
      const nim = defineNim({ ...nimLlama31, gpus });
      expect(podOf({ nim }).containers[0].resources.limits['nvidia.com/gpu']).toBe(gpus);
      expect(variables({ nim }).NIM_TENSOR_PARALLEL_SIZE).toBe(String(gpus));
    }
  });

  it('has shared memory for the ranks, within its own memory', () => {
    const limit = (memoryGib: number) => {
      const nim = defineNim({ ...nimLlama31, gpus: 2 });
      const placement = placeNimOn(nim, { ...pool, gpusPerNode: 2, allocatable: { cpus: 8, memoryGib } });
      const volume = podOf({ nim, placement }).volumes.find(({ name }: Manifest) => name === 'shared-memory');
      return volume.emptyDir;
    };
    expect(limit(100)).toEqual({ medium: 'Memory', sizeLimit: '16Gi' });
    expect(limit(20)).toEqual({ medium: 'Memory', sizeLimit: '8Gi' });
  });

  it('downloads as long as it takes before it is restarted', () => {
    const [{ startupProbe, readinessProbe, livenessProbe }] = podOf().containers;
    expect(startupProbe.failureThreshold * startupProbe.periodSeconds).toBeGreaterThanOrEqual(1800);
    expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }: Manifest) => httpGet.path)).toEqual([
      '/v1/health/ready',
      '/v1/health/ready',
      '/v1/health/live',
    ]);
  });

  it('has its deadline to answer what it was asked', () => {
    const pod = podOf({ nim: defineNim({ ...nimLlama31, deadlineSeconds: 300 }) });
    const [, seconds] = pod.containers[0].lifecycle.preStop.exec.command;
    expect(pod.terminationGracePeriodSeconds - Number(seconds)).toBeGreaterThan(300);
  });

  it("is restricted, as the image's user", () => {
    const pod = podOf();
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
    expect(pod.containers[0].securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('leaves users to OpenShift, and mounts what they have to write to', () => {
    const pod = podOf({ platform: 'openshift' });
    expect(JSON.stringify(pod)).not.toMatch(/runAsUser|runAsGroup|fsGroup/);
    const mounts = pod.containers[0].volumeMounts.map(({ mountPath }: Manifest) => mountPath);
    expect(mounts).toEqual(expect.arrayContaining(['/opt/nim/.cache', '/opt/nim/workspace', variables().HOME]));
    expect(one('StatefulSet', { platform: 'openshift' }).spec.template.metadata.annotations).toMatchObject({
      'openshift.io/required-scc': 'restricted-v2',
    });
  });
});

describe('the NGC key', () => {
  const both = (name: string, key = 'NGC_API_KEY') => ({
    NGC_API_KEY: { secretKeyRef: { name, key } },
    NGC_CLI_API_KEY: { secretKeyRef: { name, key } },
  });

  it('comes from Secrets that are there', () => {
    expect(variables()).toMatchObject(both('ngc-api'));
    expect(podOf().imagePullSecrets).toEqual([{ name: 'ngc-pull' }]);
    const ngc = { kind: 'existing', secretName: 'ngc', secretKey: 'key' } as const;
    expect(variables({ ngc })).toMatchObject(both('ngc', 'key'));
    expect(podOf({ ngc }).imagePullSecrets).toEqual([{ name: 'ngc' }]);
    expect(objects({ ngc }).map(({ kind }) => kind)).not.toContain('Secret');
  });

  it('comes from a store, as one Secret for variables and for pulling', () => {
    const ngc = { kind: 'external-secret', store: 'vault', remoteKey: 'ngc', property: 'key' } as const;
    const { spec, metadata } = one('ExternalSecret', { ngc });
    expect(spec).toMatchObject({
      secretStoreRef: { name: 'vault', kind: 'SecretStore' },
      data: [{ remoteRef: { key: 'ngc', property: 'key' } }],
      target: { template: { type: 'kubernetes.io/dockerconfigjson' } },
    });
    const { data } = spec.target.template;
    expect(data).toMatchObject({ NGC_API_KEY: '{{ .key }}', NGC_CLI_API_KEY: '{{ .key }}' });
    expect(JSON.parse(data['.dockerconfigjson'])).toEqual({
      auths: { 'nvcr.io': { username: '$oauthtoken', password: '{{ .key }}' } },
    });
    expect(spec.target.name).toBe(metadata.name);
    expect(variables({ ngc })).toMatchObject(both(metadata.name));
    expect(podOf({ ngc }).imagePullSecrets).toEqual([{ name: metadata.name }]);
  });

  it('comes as a placeholder, which stays whole for the key to be put in its place', () => {
    const placeholder = '__OUTPUT:ngcApiKey:7__';
    const secret = one('Secret', { ngc: { kind: 'value', apiKey: placeholder } });
    const { '.dockerconfigjson': login, ...rest } = secret.stringData;
    expect(secret).not.toHaveProperty('data');
    expect(rest).toEqual({ NGC_API_KEY: placeholder, NGC_CLI_API_KEY: placeholder });
    const filled = JSON.parse(login.replaceAll(placeholder, 'nvapi-abc_1-2'));
    expect(filled.auths['nvcr.io'].password).toBe('nvapi-abc_1-2');
  });

  it.each([
    ['of a person', 'nvapi-AbC123-xyz_4567890'],
    ['of the old kind', 'ajMzaHZmMDdmZzNjYXNvanYzOG41NTZpOHU6MDM5NjY4ZGItMjQxYS00ODk5'],
  ])('%s is refused in a manifest, and not repeated', (_name, apiKey) => {
    const refused = () => objects({ ngc: { kind: 'value', apiKey } });
    expect(refused).toThrow(/everyone who reads the\s+manifest would have it/);
    expect(refused).not.toThrow(apiKey);
  });

  it('can be shared', () => {
    const chart = new Chart(new App(), 'chart');
    const key = { kind: 'external-secret', store: 'vault', storeKind: 'ClusterSecretStore', remoteKey: 'ngc' } as const;
    const { name } = new NgcSecret(chart, 'ngc', { name: 'ngc', labels: {}, key });
    expect(podOf({ ngc: { kind: 'existing', secretName: name } }).imagePullSecrets).toEqual([{ name: 'ngc' }]);
    expect(chart.toJson()[0].spec.secretStoreRef.kind).toBe('ClusterSecretStore');
  });
});

describe('what stands around it', () => {
  it('may scale it to zero: replicas are left out', () => {
    const wake = { kind: 'pubsub', project: 'acme', subscription: 'prompts' } as const;
    const nim = defineNim({ ...nimLlama31, scale: { min: 0, max: 4, wake } });
    expect(one('StatefulSet', { nim }).spec).not.toHaveProperty('replicas');
    expect(one('ScaledObject', { nim }).spec).toMatchObject({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'triton-nim-llama-3-1-8b' },
      minReplicaCount: 0,
    });
    expect(one('StatefulSet', { replicas: 2 }).spec.replicas).toBe(2);
  });

  it("reads its metrics where the NIM has them, on the API's port", () => {
    expect(one('PodMonitor').spec.podMetricsEndpoints).toEqual([
      expect.objectContaining({ port: 'http', path: '/v1/metrics' }),
    ]);
    expect(podOf().containers[0].ports).toEqual([{ containerPort: 8000, name: 'http' }]);
  });

  it('lets it reach NGC and DNS, and nothing else', () => {
    const rules: Manifest[] = one('NetworkPolicy').spec.egress;
    const ports = rules.flatMap(({ ports }) => ports.map(({ port }: Manifest) => port));
    expect([...new Set(ports)].sort()).toEqual([443, 53]);
  });

  it('selects its pods by labels that no Triton server has', () => {
    const { spec } = one('StatefulSet');
    expect(spec.selector.matchLabels).toEqual({
      'app.kubernetes.io/name': 'nim',
      'app.kubernetes.io/instance': 'nim-llama-3-1-8b',
    });
    const services = objects().filter(({ kind }) => kind === 'Service');
    expect(services.map(({ spec: { clusterIP } }) => clusterIP)).toEqual([undefined, 'None']);
    for (const service of services) expect(service.spec.selector).toEqual(spec.selector.matchLabels);
    expect(spec.serviceName).toBe(services[1]?.metadata.name);
  });

  it('takes patches', () => {
    const patch = { StatefulSet: [JsonPatch.add('/spec/minReadySeconds', 10)] };
    expect(one('StatefulSet', { patch }).spec.minReadySeconds).toBe(10);
  });
});

describe('it refuses', () => {
  it('a placement of another NIM', () => {
    const placement = placeNimOn(defineNim({ ...nimLlama31, gpus: 2 }), { ...pool, gpusPerNode: 2 });
    expect(() => objects({ placement })).toThrow(/gives a pod 2 GPUs[\s\S]*placeNimOn/);
  });

  it('a node without room on its disk, and variables that it sets, at once', () => {
    const placement = placeNimOn(nimLlama31, { ...pool, localDiskGib: 20 });
    expect(() => objects({ placement, environment: { NIM_CACHE_PATH: '/x', NIM_MAX_MODEL_LEN: '8192' } })).toThrow(
      /2 errors[\s\S]*fills up to 30 GiB[\s\S]*environment.NIM_CACHE_PATH/,
    );
    expect(variables({ environment: { NIM_MAX_MODEL_LEN: '8192' } })).toMatchObject({ NIM_MAX_MODEL_LEN: '8192' });
  });
});
