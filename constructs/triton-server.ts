import { Duration, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model, Scale } from '../models/model';
import type { Placement } from '../models/placement';
import { type QueueMetric, queueMetric } from '../models/queue-metric';
import { DEFAULT_DEADLINE_SECONDS, shutdown } from '../models/shutdown';
import { isLanguageModel } from '../models/spec/backend';
import { localDiskGib, repositoryDiskGib, repositoryVolumeGib, rolloutSeconds, SCRATCH_GIB } from '../models/startup';
import { imageReference } from '../models/versions';
import { afterMapping, type Manifest } from './after-mapping';
import { placePods } from './gpu-pods';
import type { Destination, InferenceServer } from './inference-server';
import { type ModelSource, sourceDestinations } from './model-source';
import { MODELS_MOUNT, ModelSync, REPOSITORY_FOLDER } from './model-sync';
import { commonLabels, selectorLabels, serverName, slug } from './naming';
import type { Platform } from './platform';
import { tritonProbes } from './probes';
import { HARDENED_CONTAINER, podSecurityContext } from './security';
import { members, preStop, serverCommand, serverImage, TRITON_PORTS } from './triton-command';

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
    const { platform, workload, replicas } = props;
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

    spec.securityContext = podSecurityContext(platform);
    placePods(spec, this);

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

function sharedMemoryGib(model: Model): number {
  const some = members(model).some(({ backend }) => isLanguageModel(backend));
  return some ? SHARED_MEMORY_GIB.languageModel : SHARED_MEMORY_GIB.other;
}
