import { Duration, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model, Scale } from '../models/model';
import type { Placement } from '../models/placement';
import { type QueueMetric, queueMetric } from '../models/queue-metric';
import { DEFAULT_DEADLINE_SECONDS, shutdown } from '../models/shutdown';
import { isLanguageModel, worldSize } from '../models/spec/backend';
import { localDiskGib, repositoryDiskGib, repositoryVolumeGib, rolloutSeconds, SCRATCH_GIB } from '../models/startup';
import { type Image, imageReference, tensorRtLlmImage, versions } from '../models/versions';
import { afterMapping, type Manifest } from './after-mapping';
import type { Destination, InferenceServer } from './inference-server';
import { type ModelSource, sourceDestinations } from './model-source';
import { MODELS_MOUNT, ModelSync, REPOSITORY_FOLDER } from './model-sync';
import { commonLabels, selectorLabels, serverName, slug } from './naming';
import type { Platform } from './platform';
import { tritonProbes } from './probes';
import { HARDENED_CONTAINER, podSecurityContext } from './security';

/** The ports that Triton listens on. */
export const TRITON_PORTS = { http: 8000, grpc: 8001, metrics: 8002 } as const;

/** What runs the pods. */
export type Workload =
  | {
      /** Interchangeable pods that fetch the repository to local disk at each start. */
      readonly kind: 'deployment';
    }
  | {
      /** Pods with stable names, each with a volume that keeps the repository over restarts. */
      readonly kind: 'statefulset';
      /** @default the cluster's default storage class */
      readonly storageClass?: string;
    };

export interface TritonServerProps {
  readonly model: Model;
  /** The pool the pods go to and what each takes: `place(model, pools)`. */
  readonly placement: Placement;
  readonly source: ModelSource;
  readonly platform: Platform;
  /** @default a Deployment */
  readonly workload?: Workload;
  /** @default left to the autoscaler */
  readonly replicas?: number;
}

const CONTAINER = 'triton';

/** The memory file system that Triton's Python processes and NCCL exchange tensors through, GiB. */
const SHARED_MEMORY_GIB = { languageModel: 1, other: 0.25 } as const;

const CONTROL_MODE_NONE = '--model-control-mode=none';

/** What the response cache keeps, bytes: Triton takes it from host memory at start. */
const RESPONSE_CACHE_BYTES = 256 * 1024 * 1024;

/**
 * One model served by Triton: the workload, its Service, its ServiceAccount and its model repository.
 *
 * Names and selector labels follow from the model's name alone, so that moving the construct in the tree, or adding
 * another beside it, renames nothing. The number of replicas is left to the autoscaler.
 */
export class TritonServer extends Construct implements InferenceServer {
  /** `triton-<model>`: the name of the workload, the Service and the ServiceAccount. */
  readonly name: string;
  readonly model: Model;
  readonly placement: Placement;
  readonly source: ModelSource;
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>>;
  readonly workload: kplus.Deployment | kplus.StatefulSet;
  readonly service: kplus.Service;
  readonly scaleTarget: InferenceServer['scaleTarget'];
  readonly scale: Scale;
  readonly queueMetric: QueueMetric | undefined;
  readonly deadlineSeconds: number;
  readonly ports = TRITON_PORTS;
  readonly metrics = { port: 'metrics', path: '/metrics' } as const;
  readonly egress: readonly Destination[];

  constructor(scope: Construct, id: string, props: TritonServerProps) {
    super(scope, id);
    const { model } = props;
    this.name = serverName(model.name);
    this.model = model;
    this.placement = props.placement;
    this.source = props.source;
    this.platform = props.platform;
    this.labels = commonLabels(slug(model.name));
    this.selector = selectorLabels(slug(model.name));
    this.scale = model.scale;
    this.queueMetric = queueMetric(model, props.placement.gpusPerPod);
    this.deadlineSeconds = model.deadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
    this.egress = sourceDestinations(props.source, props.platform);

    const account = new kplus.ServiceAccount(this, 'account', {
      metadata: { name: this.name, labels: { ...this.labels } },
      automountToken: false,
    });
    this.service = this.createService('service', this.name);
    this.workload = this.createWorkload(props, account);
    this.scaleTarget = { apiVersion: 'apps/v1', kind: this.workload.kind, name: this.name };
    const sync = this.mountVolumes(props);
    afterMapping(this.workload, (manifest) => {
      this.complete(manifest, props, sync);
    });
  }

  private createService(id: string, name: string, headless = false): kplus.Service {
    const service = new kplus.Service(this, id, {
      metadata: { name, labels: { ...this.labels } },
      ...(headless && { clusterIP: 'None' }),
      ports: Object.entries(TRITON_PORTS).map(([port, number]) => ({ name: port, port: number, targetPort: number })),
    });
    for (const [key, value] of Object.entries(this.selector)) service.selectLabel(key, value);
    afterMapping(service, ({ spec }) => {
      delete spec.externalIPs;
      // cdk8s-plus adds its own label to the selector of a StatefulSet's Service.
      spec.selector = { ...this.selector };
    });
    return service;
  }

  private createWorkload(
    props: TritonServerProps,
    serviceAccount: kplus.IServiceAccount,
  ): kplus.Deployment | kplus.StatefulSet {
    const { model, placement } = props;
    const common = {
      metadata: { name: this.name, labels: { ...this.labels } },
      podMetadata: { labels: { ...this.labels } },
      select: false,
      serviceAccount,
      automountServiceAccountToken: false,
      terminationGracePeriod: Duration.seconds(shutdown(model, placement.pool.spot).gracePeriodSeconds),
    };
    const workload =
      props.workload?.kind === 'statefulset'
        ? new kplus.StatefulSet(this, 'workload', {
            ...common,
            service: this.createService('peers', `${this.name}-peers`, true),
            podManagementPolicy: kplus.PodManagementPolicy.PARALLEL,
          })
        : new kplus.Deployment(this, 'workload', {
            ...common,
            // A new pod is ready before an old one goes: capacity never falls below what is promised.
            progressDeadline: Duration.seconds(rolloutSeconds(model)),
            strategy: kplus.DeploymentStrategy.rollingUpdate({
              maxSurge: kplus.PercentOrAbsolute.absolute(1),
              maxUnavailable: kplus.PercentOrAbsolute.absolute(0),
            }),
          });
    workload.select(kplus.LabelSelector.of({ labels: { ...this.selector } }));
    workload.addContainer({
      name: CONTAINER,
      image: imageReference(serverImage(model)),
      imagePullPolicy: kplus.ImagePullPolicy.IF_NOT_PRESENT,
      command: serverCommand(model, placement),
      ports: Object.entries(TRITON_PORTS).map(([name, number]) => ({ name, number })),
      // The root file system is read-only: what libraries put in the home folder goes to scratch.
      envVariables: { HOME: kplus.EnvValue.fromValue('/tmp') },
      resources: {
        cpu: { request: kplus.Cpu.units(placement.cpus), limit: kplus.Cpu.units(placement.cpus) },
        memory: { request: Size.gibibytes(placement.memoryGib), limit: Size.gibibytes(placement.memoryGib) },
        ephemeralStorage: { request: localDisk(props), limit: localDisk(props) },
      },
      ...tritonProbes(model),
      lifecycle: { preStop: kplus.Handler.fromCommand(preStop(model, placement)) },
      securityContext: HARDENED_CONTAINER,
    });
    return workload;
  }

  private mountVolumes(props: TritonServerProps): ModelSync | undefined {
    const { model, source } = props;
    const volumes = kplus.Volume;
    const [server] = this.workload.containers;
    const scratch = volumes.fromEmptyDir(this, 'scratch', 'scratch', { sizeLimit: Size.gibibytes(SCRATCH_GIB) });
    const memory = volumes.fromEmptyDir(this, 'shared-memory', 'shared-memory', {
      medium: kplus.EmptyDirMedium.MEMORY,
      sizeLimit: Size.mebibytes(sharedMemoryGib(model) * 1024),
    });
    server?.mount('/tmp', scratch);
    server?.mount('/dev/shm', memory);
    if (source.kind === 'claim') {
      const claim = kplus.PersistentVolumeClaim.fromClaimName(this, 'claim', source.claimName);
      const models = volumes.fromPersistentVolumeClaim(this, 'models', claim, { name: 'models', readOnly: true });
      server?.mount(`${MODELS_MOUNT}/${REPOSITORY_FOLDER}`, models, {
        readOnly: true,
        ...(source.subPath !== undefined && { subPath: source.subPath }),
      });
      return undefined;
    }
    const models = volumes.fromEmptyDir(this, 'models', 'models', {
      sizeLimit: Size.gibibytes(repositoryDiskGib(model)),
    });
    server?.mount(MODELS_MOUNT, models, { readOnly: true });
    const sync = new ModelSync(this, 'sync', { name: this.name, labels: this.labels, source });
    sync.addTo(this.workload, models, scratch);
    return sync;
  }

  /** What cdk8s-plus cannot say. */
  private complete(manifest: Manifest, props: TritonServerProps, sync: ModelSync | undefined): void {
    const { placement, platform, workload, replicas } = props;
    // Left out where an autoscaler has it: cdk8s-plus says 2 otherwise.
    if (replicas === undefined) delete manifest.spec.replicas;
    else manifest.spec.replicas = replicas;
    const { metadata, spec } = manifest.spec.template;
    // A hash of the construct's path: it would roll every pod when the construct moves in the tree.
    delete metadata.labels['cdk8s.io/metadata.addr'];
    metadata.annotations = {
      ...metadata.annotations,
      'kubectl.kubernetes.io/default-container': CONTAINER,
      // The local disk holds only what can be fetched again; without this it would keep nodes from scaling down.
      ...(props.source.kind !== 'claim' && { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' }),
      ...(platform === 'openshift' && { 'openshift.io/required-scc': 'restricted-v2' }),
    };

    const [server] = spec.containers;
    // Extended resources: limit and request are equal, and the request is taken from the limit.
    server.resources.limits['nvidia.com/gpu'] = placement.gpusPerPod;
    spec.securityContext = podSecurityContext(platform);
    spec.nodeSelector = { ...placement.pool.nodeSelector };
    spec.tolerations = tolerations(placement);
    spec.topologySpreadConstraints = ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { ...this.selector } },
    }));

    const token = sync?.projectedToken;
    if (token !== undefined) {
      spec.volumes.push(token.volume);
      spec.initContainers[0].volumeMounts.push({
        name: token.volume.name,
        mountPath: token.mountPath,
        readOnly: true,
      });
    }
    if (workload?.kind === 'statefulset' && sync !== undefined)
      keepModels(manifest, props.model, workload.storageClass);
  }
}

/** Disk of the node that a pod may fill. */
function localDisk({ model, source, workload }: TritonServerProps): Size {
  return Size.gibibytes(localDiskGib(model, source.kind !== 'claim' && workload?.kind !== 'statefulset'));
}

/** Turns the pod's local volume of models into a claim of each pod's own. */
function keepModels(manifest: Manifest, model: Model, storageClass: string | undefined): void {
  const { spec } = manifest.spec.template;
  const models = spec.volumes.find((volume: Manifest) => volume.name === 'models');
  spec.volumes = spec.volumes.filter((volume: Manifest) => volume !== models);
  manifest.spec.volumeClaimTemplates = [
    {
      metadata: { name: 'models' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        ...(storageClass !== undefined && { storageClassName: storageClass }),
        resources: { requests: { storage: `${repositoryVolumeGib(model)}Gi` } },
      },
    },
  ];
  // The claims hold only what can be fetched again: they go with the pods that they belong to.
  manifest.spec.persistentVolumeClaimRetentionPolicy = { whenDeleted: 'Delete', whenScaled: 'Delete' };
}

function tolerations(placement: Placement): Manifest[] {
  const gpu = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' };
  const spot = { key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' };
  return placement.pool.spot ? [gpu, spot] : [gpu];
}

/** The models that a server of this one holds: its members where it is an ensemble. */
function members(model: Model): Model[] {
  return model.backend.kind === 'ensemble' ? model.backend.steps.flatMap((step) => members(step.model)) : [model];
}

function sharedMemoryGib(model: Model): number {
  const some = members(model).some(({ backend }) => isLanguageModel(backend));
  return some ? SHARED_MEMORY_GIB.languageModel : SHARED_MEMORY_GIB.other;
}

/** The image that has all backends of the model. */
function serverImage(model: Model): Image {
  const backends = members(model).map(({ backend }) => backend);
  const engine = backends.find((backend) => backend.kind === 'tensorrtllm' || backend.kind === 'llmapi');
  if (engine !== undefined) return tensorRtLlmImage(engine.release);
  return backends.some(({ kind }) => kind === 'vllm') ? versions.images.tritonVllm : versions.images.triton;
}

/**
 * The server's command line. An engine of several ranks is one server a rank under MPI, of which the first serves: the
 * form of `launch_triton_server.py` in triton-inference-server/tensorrtllm_backend.
 */
function serverCommand(model: Model, { pool }: Placement): string[] {
  const all = members(model);
  const limited = all.some(
    ({ backend }) => 'instances' in backend && backend.instances?.some((each) => each.rateLimiter),
  );
  const cached = [model, ...all].some(({ responseCache }) => responseCache);
  const server = [
    'tritonserver',
    `--model-repository=${MODELS_MOUNT}/${REPOSITORY_FOLDER}`,
    // What is in the repository is loaded at start, and nothing through the API, which every client could reach.
    CONTROL_MODE_NONE,
    `--http-port=${TRITON_PORTS.http}`,
    `--grpc-port=${TRITON_PORTS.grpc}`,
    `--metrics-port=${TRITON_PORTS.metrics}`,
    `--exit-timeout-secs=${shutdown(model, pool.spot).exitTimeoutSeconds}`,
    ...(limited ? ['--rate-limit=execution_count'] : []),
    ...(cached ? [`--cache-config=local,size=${RESPONSE_CACHE_BYTES}`] : []),
  ];
  const engines = enginesOf(model);
  const ranks = Math.max(1, ...engines.map((engine) => engine.ranks));
  if (ranks === 1) return server;
  // The first rank loads everything, the others the engines alone.
  const engineOnly = [
    ...server.map((flag) => (flag === CONTROL_MODE_NONE ? '--model-control-mode=explicit' : flag)),
    ...engines.map(({ name }) => `--load-model=${name}`),
  ];
  const leader = ['/bin/sh', '-c', `echo $$ > ${LEADER_FILE} && exec "$@"`, 'leader', ...server];
  // Open MPI would give each of two ranks one core.
  const command = ['mpirun', '--bind-to', 'none'];
  for (let rank = 0; rank < ranks; rank++) {
    if (rank > 0) command.push(':');
    command.push('-n', '1', ...(rank === 0 ? leader : engineOnly), '--disable-auto-complete-config');
    command.push(`--backend-config=python,shm-region-prefix-name=prefix${rank}_`);
  }
  return command;
}

function enginesOf(model: Model): { readonly name: string; readonly ranks: number }[] {
  return members(model).flatMap(({ name, backend }) =>
    backend.kind === 'tensorrtllm' ? [{ name, ranks: worldSize(backend) }] : [],
  );
}

/** Where the first rank under MPI leaves its process id. */
const LEADER_FILE = '/tmp/leader.pid';

/**
 * What happens before SIGTERM: a while in which clients learn that the pod goes.
 *
 * Under MPI the first rank is then asked to finish, and waited for: mpirun itself passes SIGTERM on to all ranks and kills
 * them a second later (Open MPI 4.1, odls_base_sigkill_timeout), and ranks that serve nobody end at once.
 */
function preStop(model: Model, { pool }: Placement): string[] {
  const seconds = String(shutdown(model, pool.spot).preStopSeconds);
  if (enginesOf(model).every(({ ranks }) => ranks === 1)) return ['sleep', seconds];
  const drain = `read -r leader < ${LEADER_FILE} && kill -TERM "$leader" && while kill -0 "$leader" 2>/dev/null; do sleep 1; done`;
  return ['/bin/sh', '-c', `sleep ${seconds}; ${drain}`];
}
