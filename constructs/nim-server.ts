import { Duration, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Scale } from '../models/model';
import { NIM_API, NIM_STARTUP_SECONDS, type Nim, nimImage, nimLocalDiskGib, nimQueueMetric } from '../models/nim';
import type { Placement } from '../models/placement';
import { InputError } from '../models/problem';
import type { QueueMetric } from '../models/queue-metric';
import { DEFAULT_DEADLINE_SECONDS, shutdown } from '../models/shutdown';
import { NODE_SECONDS } from '../models/startup';
import { imageReference } from '../models/versions';
import { afterMapping } from './after-mapping';
import type { Destination, InferenceServer } from './inference-server';
import { commonLabels, selectorLabels, serverName, slug } from './naming';
import { type NgcCredentials, NgcSecret } from './ngc-secret';
import { completeNimWorkload, type NimSecrets, nimEnvironment, nimProbes } from './nim-pod';
import { nimProblems } from './nim-server-problems';
import { applyPatches, type Patches } from './patch';
import type { Platform } from './platform';
import { HARDENED_CONTAINER, pullPolicy } from './security';
import { ServerAccount } from './server-account';
import { serverService } from './server-service';

export interface NimServerProps {
  readonly nim: Nim;
  /** The pool the pods go to and what each takes: `placeNimOn(nim, ...pools)`. */
  readonly placement: Placement;
  readonly platform: Platform;
  /** What the image is pulled and the model downloaded with. */
  readonly ngc: NgcCredentials;
  /** Of the cache volumes. @default the cluster's default storage class */
  readonly storageClass?: string;
  /**
   * What becomes of the cache volumes when the StatefulSet is deleted, and when it has fewer replicas. They hold only what
   * can be downloaded again; but a server that comes back from zero without them starts many minutes later.
   *
   * @default deleted with the StatefulSet, kept when it has fewer replicas
   */
  readonly retention?: { readonly whenDeleted?: 'Delete' | 'Retain'; readonly whenScaled?: 'Delete' | 'Retain' };
  /** @default left to the autoscaler */
  readonly replicas?: number;
  /** Further variables, such as `NIM_MAX_MODEL_LEN`; not those that the construct sets. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** @default none */
  readonly patch?: Patches;
}

/**
 * One NIM: a model as NVIDIA packs it, with OpenAI's API. Its StatefulSet with a cache volume for each pod, its Services,
 * its ServiceAccount, and the Secret of its NGC key where there is none yet.
 *
 * Names and selector labels follow from the NIM's name alone. The number of replicas is left to the autoscaler.
 *
 * @throws InputError where the placement is not the NIM's, where a node has no room on its disk, or where a variable is
 *   set already
 */
export class NimServer extends Construct implements InferenceServer {
  /** `triton-<name>`: the name of the StatefulSet, the Service and the ServiceAccount. */
  readonly name: string;
  readonly nim: Nim;
  readonly placement: Placement;
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>>;
  readonly workload: kplus.StatefulSet;
  readonly service: kplus.Service;
  readonly scaleTarget: InferenceServer['scaleTarget'];
  readonly scale: Scale;
  readonly replicas: number | undefined;
  readonly queueMetric: QueueMetric;
  readonly deadlineSeconds: number;
  readonly startSeconds = NODE_SECONDS + NIM_STARTUP_SECONDS;
  readonly api = { kind: 'openai' } as const;
  readonly ports = { http: NIM_API.port } as const;
  readonly metrics = { port: 'http', path: NIM_API.metrics } as const;
  /** NGC: for keys, manifests and files. */
  readonly egress: readonly Destination[] = [{ kind: 'anywhere', port: 443 }];

  constructor(scope: Construct, id: string, props: NimServerProps) {
    super(scope, id);
    const { nim } = props;
    const problems = nimProblems(props);
    if (problems.length > 0) throw new InputError(`server of NIM ${nim.name}`, problems);
    const app = { 'app.kubernetes.io/name': 'nim' };
    this.name = serverName(nim.name);
    this.nim = nim;
    this.placement = props.placement;
    this.platform = props.platform;
    this.labels = { ...commonLabels(slug(nim.name)), ...app };
    this.selector = { ...selectorLabels(slug(nim.name)), ...app };
    this.scaleTarget = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: this.name };
    this.scale = nim.scale;
    this.replicas = props.replicas;
    this.queueMetric = nimQueueMetric(nim);
    this.deadlineSeconds = nim.deadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;

    const { account } = new ServerAccount(this, 'account', { server: this });
    const secrets = this.secrets(props.ngc);
    this.service = serverService(this, 'service', this, { name: this.name });
    this.workload = this.createWorkload(props, account, secrets);
    afterMapping(this.workload, (manifest) => {
      completeNimWorkload(manifest, props, this.selector, secrets);
    });
    applyPatches(this, props.patch);
  }

  private secrets(ngc: NgcCredentials): NimSecrets {
    if (ngc.kind === 'existing') {
      const { secretName, secretKey, pullSecretName = secretName } = ngc;
      return { secretName, secretKey, pullSecretName };
    }
    const { name } = new NgcSecret(this, 'ngc', { name: `${this.name}-ngc`, labels: this.labels, key: ngc });
    return { secretName: name, pullSecretName: name };
  }

  private createWorkload(
    props: NimServerProps,
    serviceAccount: kplus.IServiceAccount,
    secrets: NimSecrets,
  ): kplus.StatefulSet {
    const { nim, placement } = props;
    const { preStopSeconds, gracePeriodSeconds } = shutdown(nim, placement.pool.spot);
    const memory = Size.mebibytes(Math.floor(placement.memoryGib * 1024));
    const disk = Size.gibibytes(nimLocalDiskGib(nim));
    const workload = new kplus.StatefulSet(this, 'workload', {
      metadata: { name: this.name, labels: { ...this.labels } },
      podMetadata: { labels: { ...this.labels } },
      select: false,
      service: serverService(this, 'peers', this, { name: `${this.name}-peers`, headless: true }),
      serviceAccount,
      automountServiceAccountToken: false,
      podManagementPolicy: kplus.PodManagementPolicy.PARALLEL,
      terminationGracePeriod: Duration.seconds(gracePeriodSeconds),
    });
    workload.select(kplus.LabelSelector.of({ labels: { ...this.selector } }));
    workload.addContainer({
      name: 'nim',
      image: imageReference(nimImage(nim)),
      imagePullPolicy: pullPolicy(imageReference(nimImage(nim))),
      ports: [{ name: 'http', number: NIM_API.port }],
      envVariables: nimEnvironment(this, props, secrets),
      resources: {
        cpu: { request: kplus.Cpu.units(placement.cpus), limit: kplus.Cpu.units(placement.cpus) },
        memory: { request: memory, limit: memory },
        ephemeralStorage: { request: disk, limit: disk },
      },
      ...nimProbes(),
      // On SIGTERM no more connections are taken, and those that are there have the rest of the grace period.
      lifecycle: { preStop: kplus.Handler.fromCommand(['sleep', String(preStopSeconds)]) },
      // Nothing of NVIDIA's says that a NIM runs on a read-only root file system: chart and operator leave it writable.
      securityContext: { ...HARDENED_CONTAINER, readOnlyRootFilesystem: false },
    });
    return workload;
  }
}
