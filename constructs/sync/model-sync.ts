import { Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model } from '../../models/model';
import { imageReference, versions } from '../../models/versions';
import type { Manifest } from '../after-mapping';
import type { SyncedSource } from '../model-source';
import { contentHash } from '../naming';
import { HARDENED_CONTAINER, pullPolicy } from '../security';
import { AWS_STORE, RCLONE_STORE } from './store-scripts';
import { syncEnvironment, TOKEN_MOUNT, toolOf } from './sync-environment';
import { SYNC_SCRIPT } from './sync-script';

/** The folder that the volume of the model repository is mounted on. */
export const MODELS_MOUNT = '/models';
/** What Triton reads in it: a link to the release that is served. */
export const REPOSITORY_FOLDER = 'repository';

/** The container's name. */
export const SYNC_CONTAINER = 'model-sync';

const SCRIPTS = { rclone: scriptsWith(RCLONE_STORE), 'aws-cli': scriptsWith(AWS_STORE) } as const;

function scriptsWith(store: string) {
  const data = { 'store.sh': store, 'sync.sh': SYNC_SCRIPT };
  return { data, hash: contentHash(data) };
}

const SCRIPT_MOUNT = '/opt/model-sync';
const TOKEN_SECONDS = 3600;

/** What the container takes where nothing is beside it. */
const ALONE = { cpus: 1, memoryGib: 1 } as const;

export interface ModelSyncProps {
  /** Prefix of the ConfigMap's name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: SyncedSource;
  /** What is fetched of the release. */
  readonly models: readonly Model[];
  /** What the volume may hold, GiB, where its file system does not say so. @default what is free on it */
  readonly limitGib?: number;
  /** Serves what the volume holds where the release can't be had, and none is named. @default fails */
  readonly fallback?: boolean;
  /** Leaves the last release beside the new one, for who reads it still. @default false */
  readonly keepLast?: boolean;
  /** Leaves a release that no server has loaded yet to the watch of the pod. @default false */
  readonly watched?: boolean;
  /**
   * CPU cores and memory. What the pod's own containers request anyway costs nothing: init containers have ended when
   * those start, and what lies in the page cache then is read from there.
   *
   * @default 1 and 1 GiB
   */
  readonly resources?: { readonly cpus: number; readonly memoryGib: number };
}

/** A volume that cdk8s-plus cannot describe, and where the container mounts it. */
interface ProjectedToken {
  readonly volume: { readonly name: string; readonly projected: unknown };
  readonly mountPath: string;
}

/**
 * The container that fetches a release of a model repository from object storage: a tool from a stock image, run by a
 * POSIX script from a ConfigMap.
 *
 * The tool is rclone: it reads S3 and GCS alike, with a role or workload identity and no keys, and digests files as fast
 * as the disk gives them. Of the others, s5cmd wants static keys for GCS, google-cloud-cli knows one cloud and has 1 GB
 * of image, and aws-cli, which can be chosen for S3, is slower (bench/README.md).
 */
export class ModelSync extends Construct {
  /** Named by its content: a changed script is a new object, and the pods roll. */
  readonly scriptName: string;
  private readonly source: SyncedSource;
  private readonly script: kplus.Volume;
  private readonly environment: kplus.EnvFrom[];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ModelSyncProps,
  ) {
    super(scope, id);
    this.source = props.source;
    const { data, hash } = SCRIPTS[toolOf(this.source)];
    this.scriptName = `${props.name}-sync-${hash}`;
    const script = new kplus.ConfigMap(this, 'script', {
      metadata: { name: this.scriptName, labels: { ...props.labels } },
      data,
      immutable: true,
    });
    this.script = kplus.Volume.fromConfigMap(this, 'script-volume', script, { name: 'model-sync' });
    this.environment = this.secretEnvironment();
  }

  /** Adds it to a workload as an init container; it writes to `models`. */
  addTo(workload: kplus.Workload, models: kplus.Volume, scratch: kplus.Volume): void {
    workload.addInitContainer(this.container(models, scratch));
  }

  /** The container; it writes to `models`. */
  container(models: kplus.Volume, scratch: kplus.Volume): kplus.ContainerProps {
    const image = imageReference(versions.images[toolOf(this.source) === 'aws-cli' ? 'awsCli' : 'rclone']);
    const { cpus, memoryGib } = this.props.resources ?? ALONE;
    const memory = Size.mebibytes(Math.floor(memoryGib * 1024));
    return {
      name: SYNC_CONTAINER,
      image,
      imagePullPolicy: pullPolicy(image),
      command: ['/bin/sh', `${SCRIPT_MOUNT}/sync.sh`],
      envVariables: Object.fromEntries(
        Object.entries(syncEnvironment({ ...this.props, target: MODELS_MOUNT })).map(([key, value]) => [
          key,
          kplus.EnvValue.fromValue(value),
        ]),
      ),
      envFrom: this.environment,
      resources: {
        // Requests as limits, as in all of the pod: it is the last to be evicted then.
        cpu: { request: kplus.Cpu.units(cpus), limit: kplus.Cpu.units(cpus) },
        memory: { request: memory, limit: memory },
        // Of its own: logs. What it fetches counts against the pod.
        ephemeralStorage: { request: Size.gibibytes(1), limit: Size.gibibytes(1) },
      },
      securityContext: HARDENED_CONTAINER,
      volumeMounts: [
        { path: MODELS_MOUNT, volume: models },
        { path: SCRIPT_MOUNT, volume: this.script, readOnly: true },
        { path: '/tmp', volume: scratch },
      ],
    };
  }

  /**
   * Gives the container the token that an IAM role is taken with, which cdk8s-plus cannot describe.
   *
   * @param pod - the rendered pod's `spec`, changed in place
   */
  completePod(pod: Manifest): void {
    const token = this.projectedToken;
    if (token === undefined) return;
    pod.volumes.push(token.volume);
    const all = [...(pod.initContainers ?? []), ...pod.containers];
    const sync = all.find(({ name }: Manifest) => name === SYNC_CONTAINER);
    sync.volumeMounts.push({ name: token.volume.name, mountPath: token.mountPath, readOnly: true });
  }

  private get projectedToken(): ProjectedToken | undefined {
    if (this.source.kind !== 's3' || this.source.credentials.kind !== 'web-identity') return undefined;
    const audience = this.source.credentials.audience ?? 'sts.amazonaws.com';
    return {
      volume: {
        name: 'model-store-token',
        projected: {
          sources: [{ serviceAccountToken: { audience, expirationSeconds: TOKEN_SECONDS, path: 'token' } }],
        },
      },
      mountPath: TOKEN_MOUNT,
    };
  }

  private secretEnvironment(): kplus.EnvFrom[] {
    const { credentials } = this.source;
    if (credentials === undefined || !('secretName' in credentials)) return [];
    const secret = kplus.Secret.fromSecretName(this, 'credentials', credentials.secretName);
    return [kplus.Env.fromSecret(secret)];
  }
}
