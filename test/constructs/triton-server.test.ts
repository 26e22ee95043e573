import { App, Chart } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import { modelChart } from '../../charts/model-chart';
import type { Manifest } from '../../constructs/after-mapping';
import { ModelSource } from '../../constructs/model-source';
import type { Platform } from '../../constructs/platform';
import { TritonServer } from '../../constructs/triton-server';
import type { Workload } from '../../constructs/workload';
import { catalog } from '../../models/catalog';
import type { Model } from '../../models/model';
import { type Placement, place } from '../../models/placement';
import { engineModel, gpuPool } from '../support/models';

const resnet = catalog.get('resnet50') as Model;
const gcs = ModelSource.gcs({ uri: 'gs://bucket/models' });
const s3 = ModelSource.s3({
  uri: 's3://bucket/models',
  region: 'us-east-1',
  credentials: { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' },
});

interface Options {
  readonly model?: Model;
  readonly source?: ModelSource;
  readonly platform?: Platform;
  readonly workload?: Workload;
  readonly spot?: boolean;
  readonly gpusPerNode?: number;
}

function placed(model: Model, options: Options): Placement {
  const pool = gpuPool({ spot: options.spot ?? false, gpusPerNode: options.gpusPerNode ?? 1, maxNodes: 4 });
  const placement = place(model, [pool], 'model');
  if ('reason' in placement) throw new Error(placement.reason);
  return placement;
}

function objects(options: Options = {}): Manifest[] {
  const { model = resnet, source = gcs, platform = 'gke', workload } = options;
  return modelChart({
    model,
    placement: placed(model, options),
    source,
    platform,
    workload,
    namespace: 'triton',
    monitoringNamespace: 'monitoring',
  }).toJson();
}

function one(kind: string, options: Options = {}): Manifest {
  const found = objects(options).filter((object) => object.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}

const podOf = (options: Options = {}) =>
  one(options.workload?.kind === 'statefulset' ? 'StatefulSet' : 'Deployment', options).spec.template.spec;

describe('the pod', () => {
  it('asks for GPUs in limits alone, which the API copies to requests', () => {
    const [server] = podOf({ model: engineModel({}, { tensorParallel: 2 }), gpusPerNode: 2 }).containers;
    expect(server.resources.limits['nvidia.com/gpu']).toBe(2);
    expect(server.resources.requests).not.toHaveProperty('nvidia.com/gpu');
    expect(server.resources.limits.memory).toBe(server.resources.requests.memory);
  });

  it('waits for the model before it is restarted, and asks /live for life', () => {
    const [server] = podOf().containers;
    expect(server.startupProbe.httpGet.path).toBe('/v2/models/resnet50/ready');
    expect(server.readinessProbe.httpGet.path).toBe('/v2/health/ready');
    expect(server.livenessProbe.httpGet.path).toBe('/v2/health/live');
    expect(server.startupProbe.failureThreshold * server.startupProbe.periodSeconds).toBeGreaterThanOrEqual(180);
  });

  it('lets requests finish before it ends', () => {
    const pod = podOf();
    const [server] = pod.containers;
    const preStop = Number(server.lifecycle.preStop.exec.command[1]);
    const exit = Number(server.command.find((flag: string) => flag.startsWith('--exit-timeout')).split('=')[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(preStop + exit);
  });

  it.each<Options>([{}, { platform: 'openshift', source: s3 }, { workload: { kind: 'statefulset' } }])(
    'meets the restricted pod security standard: %o',
    (options) => {
      const pod = podOf(options);
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(pod.automountServiceAccountToken).toBe(false);
      for (const { securityContext } of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
        });
      }
      for (const volume of pod.volumes) expect(volume).not.toHaveProperty('hostPath');
    },
  );

  it('leaves users and groups to OpenShift', () => {
    const text = JSON.stringify(podOf({ platform: 'openshift', source: s3 }));
    expect(text).not.toMatch(/runAsUser|runAsGroup|fsGroup/);
    expect(podOf().securityContext).toMatchObject({ runAsUser: 10_001, fsGroup: 10_001 });
  });

  it('asks the first of several ranks to finish before mpirun ends them all', () => {
    const [server] = podOf({ model: engineModel({}, { tensorParallel: 2 }), gpusPerNode: 2 }).containers;
    const [shell, flag, script] = server.lifecycle.preStop.exec.command;
    expect([shell, flag]).toEqual(['/bin/sh', '-c']);
    expect(script).toMatch(/^sleep 15; read -r leader < \/tmp\/leader.pid && kill -TERM "\$leader" && while kill -0/);
    expect(server.command.join(' ')).toMatch(
      /echo \$\$\$\$ > \/tmp\/leader.pid && key=.* exec "\$@" .* leader tritonserver/,
    );
  });

  it('ends within the 15 seconds that a spot node leaves it', () => {
    const pod = podOf({ spot: true });
    const [server] = pod.containers;
    expect(pod.terminationGracePeriodSeconds).toBe(15);
    expect(Number(server.lifecycle.preStop.exec.command[1])).toBeLessThan(5);
    expect(server.command).toContain('--exit-timeout-secs=8');
  });

  it('goes to the nodes of its pool', () => {
    const pod = podOf({ spot: true });
    expect(pod.nodeSelector).toEqual({ 'cloud.google.com/gke-accelerator': 'nvidia-l4' });
    expect(pod.tolerations.map(({ key }: Manifest) => key)).toEqual(['nvidia.com/gpu', 'cloud.google.com/gke-spot']);
  });

  it('may be moved by the cluster autoscaler, since what it fetched can be had again', () => {
    const { metadata } = one('Deployment').spec.template;
    expect(metadata.annotations).toMatchObject({
      'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'scratch,shared-memory,models',
    });
  });

  it('starts one server a rank under MPI for tensor parallelism, of which the first serves', () => {
    const [server] = podOf({ model: engineModel({}, { tensorParallel: 2 }), gpusPerNode: 2 }).containers;
    expect(server.command.slice(0, 3)).toEqual(['mpirun', '--bind-to', 'none']);
    expect(server.command.filter((word: string) => word === 'tritonserver')).toHaveLength(2);
    const [first, second] = server.command.join(' ').split(' : ');
    expect(first).toContain('--model-control-mode=none');
    expect(first).not.toContain('--load-model');
    expect(second).toContain('--model-control-mode=explicit');
    expect(second).toContain('--load-model=engine');
  });
});

describe('the model repository', () => {
  it('is fetched by an init container, into a folder that the server reads', () => {
    const pod = podOf();
    const [sync] = pod.initContainers;
    const path = (container: Manifest) =>
      container.volumeMounts.find(({ name }: Manifest) => name === 'models').mountPath;
    expect(path(sync)).toBe(path(pod.containers[0]));
    expect(pod.containers[0].command).toContain('--model-repository=/models/repository');
    expect(pod.containers[0].volumeMounts.find(({ name }: Manifest) => name === 'models').readOnly).toBe(true);
  });

  it('comes from S3 with a token of its own for the role, in the init container alone', () => {
    const pod = podOf({ source: s3 });
    const [token] = pod.volumes.filter(({ projected }: Manifest) => projected !== undefined);
    expect(token.projected.sources[0].serviceAccountToken).toMatchObject({ audience: 'sts.amazonaws.com' });
    const mounts = (container: Manifest) => container.volumeMounts.map(({ name }: Manifest) => name);
    expect(mounts(pod.initContainers[0])).toContain(token.name);
    expect(mounts(pod.containers[0])).not.toContain(token.name);
  });

  it('comes from a Secret where a store knows no tokens', () => {
    const source = ModelSource.s3({ ...s3, credentials: { kind: 'secret', secretName: 'store' } });
    const [sync] = podOf({ source }).initContainers;
    expect(sync.envFrom).toEqual([{ secretRef: { name: 'store' } }]);
  });

  it('lies on a claim that nothing writes to', () => {
    const pod = podOf({ source: ModelSource.claim({ claimName: 'models', subPath: 'resnet50' }) });
    expect(pod.initContainers ?? []).toEqual([]);
    expect(pod.volumes).toContainEqual({
      name: 'models',
      persistentVolumeClaim: { claimName: 'models', readOnly: true },
    });
    expect(pod.containers[0].volumeMounts).toContainEqual(
      expect.objectContaining({ mountPath: '/models/repository', subPath: 'resnet50', readOnly: true }),
    );
  });

  it('stays on a volume of each pod of a StatefulSet, which goes with the pod', () => {
    const { spec } = one('StatefulSet', { workload: { kind: 'statefulset', storageClass: 'premium-rwo' } });
    expect(spec.volumeClaimTemplates).toEqual([
      {
        metadata: { name: 'models' },
        spec: expect.objectContaining({ accessModes: ['ReadWriteOnce'], storageClassName: 'premium-rwo' }),
      },
    ]);
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Delete', whenScaled: 'Delete' });
    expect(spec.template.spec.volumes.map(({ name }: Manifest) => name)).not.toContain('models');
  });
});

describe('names', () => {
  it('do not follow from where the construct stands', () => {
    const render = (id: string) => {
      const chart = new Chart(new App(), id);
      new TritonServer(chart, id, { model: resnet, placement: placed(resnet, {}), source: gcs, platform: 'gke' });
      return chart.toJson();
    };
    expect(render('a')).toEqual(render('b'));
  });
});

describe('what stands beside the server', () => {
  it('scales it on its queue, and leaves replicas to that', () => {
    const { spec } = one('HorizontalPodAutoscaler');
    expect(spec).toMatchObject({
      minReplicas: 1,
      maxReplicas: 4,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'triton-resnet50' },
      metrics: [
        {
          type: 'Pods',
          pods: {
            metric: { name: 'triton_computed_requests_root' },
            target: { type: 'AverageValue', averageValue: '3578m' },
          },
        },
      ],
      behavior: { scaleUp: { stabilizationWindowSeconds: 60 }, scaleDown: { stabilizationWindowSeconds: 600 } },
    });
    expect(one('Deployment').spec).not.toHaveProperty('replicas');
  });

  it('selects the pods of this server and of no other', () => {
    const labels = one('Deployment').spec.template.metadata.labels;
    const selectors = [
      one('Deployment').spec.selector.matchLabels,
      one('Service').spec.selector,
      one('PodDisruptionBudget').spec.selector.matchLabels,
      one('PodMonitor').spec.selector.matchLabels,
      one('NetworkPolicy').spec.podSelector.matchLabels,
    ];
    for (const selector of selectors) {
      expect(selector).toEqual({ 'app.kubernetes.io/name': 'triton', 'app.kubernetes.io/instance': 'resnet50' });
      expect(labels).toMatchObject(selector);
    }
  });

  it('has Services that select its pods, for a StatefulSet as well', () => {
    const rendered = objects({ workload: { kind: 'statefulset' } });
    const { labels } = rendered.find(({ kind }) => kind === 'StatefulSet')?.spec.template.metadata ?? {};
    const services = rendered.filter(({ kind }) => kind === 'Service');
    expect(services).toHaveLength(2);
    for (const { spec } of services) expect(labels).toMatchObject(spec.selector);
  });

  it('reaches a store in the cluster by its namespace, whatever port its pods listen on', () => {
    const rules = (endpoint: string) =>
      one('NetworkPolicy', {
        source: ModelSource.s3({ ...s3, endpoint, credentials: { kind: 'secret', secretName: 'store' } }),
        platform: 'kubernetes',
      }).spec.egress;
    expect(rules('https://s3.openshift-storage.svc')).toContainEqual({
      to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'openshift-storage' } } }],
    });
    expect(rules('http://minio:9000')).toContainEqual({ to: [{ podSelector: {} }] });
    expect(rules('https://store.example.com')).toContainEqual({ ports: [{ port: 443, protocol: 'TCP' }] });
  });

  it('lets a drain take one pod at a time, and any that is not ready', () => {
    expect(one('PodDisruptionBudget').spec).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
  });

  it('has a Route and the right to its security context on OpenShift', () => {
    const openshift: Options = { platform: 'openshift', source: s3 };
    expect(one('Route', openshift)).toMatchObject({
      metadata: { annotations: { 'haproxy.router.openshift.io/timeout': '10s' } },
      spec: { to: { kind: 'Service', name: 'triton-resnet50' }, tls: { termination: 'edge' } },
    });
    expect(one('Deployment', openshift).spec.template.metadata.annotations).toMatchObject({
      'openshift.io/required-scc': 'restricted-v2',
    });
    expect(one('Role', openshift).rules[0]).toMatchObject({ resourceNames: ['restricted-v2'], verbs: ['use'] });
    expect(objects().map(({ kind }) => kind)).not.toContain('Route');
  });

  it('reaches only DNS, its store and the metadata server', () => {
    const ports = (options: Options) =>
      one('NetworkPolicy', options).spec.egress.flatMap((rule: Manifest) =>
        rule.ports.map(({ port }: Manifest) => port),
      );
    expect(new Set(ports({}))).toEqual(new Set([53, 443, 988, 80]));
    expect(new Set(ports({ source: s3, platform: 'kubernetes' }))).toEqual(new Set([53, 443]));
    const minio = {
      endpoint: 'http://minio.store:9000',
      credentials: { kind: 'secret', secretName: 'store' },
    } as const;
    expect(new Set(ports({ source: ModelSource.s3({ ...s3, ...minio }) }))).toEqual(new Set([53, 9000]));
    expect(new Set(ports({ source: ModelSource.claim({ claimName: 'm' }), platform: 'kubernetes' }))).toEqual(
      new Set([53]),
    );
  });
});
