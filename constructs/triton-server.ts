import { Duration, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model, Scale } from '../models/model';
import type { Placement } from '../models/placement';
import { InputError } from '../models/problem';
import { type QueueMetric, queueMetric } from '../models/queue-metric';
import { DEFAULT_DEADLINE_SECONDS, shutdown } from '../models/shutdown';
import { repositoryDiskGib, rolloutSeconds, SCRATCH_GIB, startupBudgetSeconds } from '../models/startup';
import { afterMapping } from './after-mapping';
import { HuggingFaceRepository } from './hugging-face-repository';
import type { Destination, InferenceServer } from './inference-server';
import { isSynced, type ModelSource } from './model-source';
import { addMountedSource, type MountedVolumes, modelNames } from './mounted-source';
import { commonLabels, selectorLabels, serverName, slug } from './naming';
import { applyPatches } from './patch';
import type { Platform } from './platform';
import { tritonProbes } from './probes';
import { HARDENED_CONTAINER, pullPolicy } from './security';
import { ServerAccount } from './server-account';
import { serverService } from './server-service';
import type { ServingApi } from './serving-api';
import { MODELS_MOUNT, ModelSync } from './sync/model-sync';
import { ModelWatch } from './sync/model-watch';
import { addSyncMetrics, SYNC_METRICS } from './sync/sync-metrics';
import { preStop, serverCommand, TRITON_PORTS } from './triton-command';
import { keySecretOf, watchOf } from './triton-options';
import {
  CONTAINER,
  completeAnnotations,
  completeKey,
  completeWorkload,
  containerResources,
  imageOf,
  keepVolume,
  mountedVolumes,
  podDiskGib,
  releasesOf,
  serverDestinations,
  serviceAnnotations,
  sharedMemoryGib,
} from './triton-pod';
import { serverProblems } from './triton-server-problems';
import type { TritonServerProps } from './triton-server-props';

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
  readonly startSeconds: number;
  readonly scc: string | undefined;
  readonly replicas: number | undefined;
  readonly api: ServingApi;
  readonly ports = TRITON_PORTS;
  readonly tls: readonly 'grpc'[];
  readonly metrics = { port: 'metrics', path: '/metrics' } as const;
  readonly egress: readonly Destination[];
  readonly syncMetrics: InferenceServer['syncMetrics'];

  constructor(scope: Construct, id: string, props: TritonServerProps) {
    super(scope, id);
    const { model } = props;
    const problems = serverProblems(props);
    if (problems.length > 0) throw new InputError(`server of ${model.name}`, problems);
    this.name = serverName(model.name);
    this.model = model;
    this.placement = props.placement;
    this.source = props.source;
    this.platform = props.platform;
    this.labels = commonLabels(slug(model.name));
    this.selector = selectorLabels(slug(model.name));
    this.scale = model.scale;
    this.replicas = props.replicas;
    this.tls = props.grpcTls === undefined ? [] : ['grpc'];
    this.queueMetric = queueMetric(model, props.placement.gpusPerPod);
    this.deadlineSeconds = model.deadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
    this.api = { kind: 'kserve-v2', model: model.name };
    this.startSeconds = rolloutSeconds(model);
    this.scc = props.scc?.name;
    this.egress = serverDestinations(props);
    this.syncMetrics = isSynced(props.source) && (props.syncMetrics ?? true) ? SYNC_METRICS : undefined;

    const { identity, source, imagePullSecrets } = props;
    const { account } = new ServerAccount(this, 'account', { server: this, source, identity, imagePullSecrets });
    this.service = serverService(this, 'service', this, { name: this.name });
    for (const [key, value] of Object.entries(serviceAnnotations(props)))
      this.service.metadata.addAnnotation(key, value);
    const mounted = mountedVolumes(props);
    this.workload = this.createWorkload(props, account, mounted);
    this.scaleTarget = { apiVersion: 'apps/v1', kind: this.workload.kind, name: this.name };
    const sync = this.mountVolumes(props);
    const watch = this.watch(props);
    afterMapping(this.workload, (manifest) => {
      const { template } = manifest.spec;
      completeWorkload(manifest, props, this.selector);
      if (mounted !== undefined) addMountedSource(template.spec, mounted);
      keepVolume(manifest, props, mounted);
      sync?.completePod(template.spec);
      watch?.addTo(template.spec);
      if (this.syncMetrics !== undefined) addSyncMetrics(template.spec);
      completeKey(template.spec, props);
      completeAnnotations(template, props, mounted);
    });
    applyPatches(this, props.patch);
  }

  private createWorkload(
    props: TritonServerProps,
    serviceAccount: kplus.IServiceAccount,
    mounted: MountedVolumes | undefined,
  ): kplus.Deployment | kplus.StatefulSet {
    const { model, placement } = props;
    const { cpus, memoryGib } = containerResources(props, mounted);
    const memory = Size.mebibytes(Math.floor(memoryGib * 1024));
    const disk = Size.gibibytes(podDiskGib(props, mounted));
    const common = {
      metadata: { name: this.name, labels: { ...this.labels } },
      podMetadata: { labels: { ...props.podLabels, ...this.labels } },
      select: false,
      serviceAccount,
      automountServiceAccountToken: false,
      terminationGracePeriod: Duration.seconds(shutdown(model, placement.pool.spot).gracePeriodSeconds),
    };
    const workload =
      props.workload?.kind === 'statefulset'
        ? new kplus.StatefulSet(this, 'workload', {
            ...common,
            service: serverService(this, 'peers', this, { name: `${this.name}-peers`, headless: true }),
            podManagementPolicy:
              props.workload.podManagement === 'ordered'
                ? kplus.PodManagementPolicy.ORDERED_READY
                : kplus.PodManagementPolicy.PARALLEL,
          })
        : new kplus.Deployment(this, 'workload', {
            ...common,
            // A new pod is ready before an old one goes: capacity never falls below what is promised.
            progressDeadline: Duration.seconds(rolloutSeconds(model) + (props.startupSeconds ?? 0)),
            strategy: kplus.DeploymentStrategy.rollingUpdate({
              maxSurge: kplus.PercentOrAbsolute.absolute(1),
              maxUnavailable: kplus.PercentOrAbsolute.absolute(0),
            }),
          });
    workload.select(kplus.LabelSelector.of({ labels: { ...this.selector } }));
    workload.addContainer({
      name: CONTAINER,
      image: imageOf(props),
      imagePullPolicy: pullPolicy(imageOf(props)),
      command: serverCommand(model, placement, props),
      ports: Object.entries(TRITON_PORTS).map(([name, number]) => ({ name, number })),
      // The root file system is read-only: what libraries put in the home folder goes to scratch. A user without an entry
      // in /etc/passwd has no name: Python's getpass, which torch asks for its cache, takes it from USER.
      envVariables: { HOME: kplus.EnvValue.fromValue('/tmp'), USER: kplus.EnvValue.fromValue('triton') },
      resources: {
        cpu: { request: kplus.Cpu.units(cpus), limit: kplus.Cpu.units(cpus) },
        memory: { request: memory, limit: memory },
        ephemeralStorage: { request: disk, limit: disk },
      },
      ...tritonProbes(model, { ...props, fetchSeconds: mounted?.fetchSeconds ?? 0 }),
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
      sizeLimit: Size.mebibytes((props.sharedMemoryGib ?? sharedMemoryGib(model)) * 1024),
    });
    server?.mount('/tmp', scratch);
    server?.mount('/dev/shm', memory);
    if (source.kind === 'hugging-face') {
      new HuggingFaceRepository(this, 'repository', { name: this.name, labels: this.labels, model, source });
    }
    if (!isSynced(source)) return undefined;
    const limitGib = repositoryDiskGib(model, releasesOf(props));
    const models = volumes.fromEmptyDir(this, 'models', 'models', { sizeLimit: Size.gibibytes(limitGib) });
    server?.mount(MODELS_MOUNT, models, { readOnly: true });
    const sync = new ModelSync(this, 'sync', {
      name: this.name,
      labels: this.labels,
      source,
      models: [model],
      fallback: true,
      watched: watchOf(props.control) !== undefined,
      resources: containerResources(props, undefined),
      // A claim of the pod's own says itself what it holds.
      ...(props.workload?.kind !== 'statefulset' && { limitGib }),
    });
    sync.addTo(this.workload, models, scratch);
    return sync;
  }

  private watch({ control, model }: TritonServerProps): ModelWatch | undefined {
    const watch = watchOf(control);
    if (watch === undefined) return undefined;
    const secret = keySecretOf(control);
    return new ModelWatch(this, 'watch', {
      ...watch,
      name: this.name,
      labels: this.labels,
      models: modelNames(model),
      loadSeconds: startupBudgetSeconds(model),
      ...(secret !== undefined && { secret }),
    });
  }
}
