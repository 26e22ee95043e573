import { Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { imageReference, versions } from '../models/versions';
import type { Manifest } from './after-mapping';
import type { S3Source, SyncedSource } from './model-source';
import { SYNC_SCRIPT } from './model-sync-script';
import { contentHash } from './naming';
import { HARDENED_CONTAINER, pullPolicy } from './security';

/** The folder that the volume of the model repository is mounted on. */
export const MODELS_MOUNT = '/models';
/** The folder in it that Triton reads: the sync renames a whole tree into place. */
export const REPOSITORY_FOLDER = 'repository';

/** The container's name. */
export const SYNC_CONTAINER = 'model-sync';

const SCRIPTS = { 'sync.sh': SYNC_SCRIPT } as const;
const SCRIPTS_HASH = contentHash(SCRIPTS);

const SCRIPT_MOUNT = '/opt/model-sync';
const TOKEN_MOUNT = '/var/run/secrets/model-store';
const TOKEN_SECONDS = 3600;

export interface ModelSyncProps {
  /** Prefix of the ConfigMap's name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: SyncedSource;
}

/** A volume that cdk8s-plus cannot describe, and where the container mounts it. */
interface ProjectedToken {
  readonly volume: { readonly name: string; readonly projected: unknown };
  readonly mountPath: string;
}

/**
 * The container that fetches a model repository from object storage: rclone from a stock image, run by a POSIX
 * script from a ConfigMap. rclone reads S3 and GCS alike, with a role or workload identity and no keys, checks each
 * file's digest as it arrives, and fetches a changed file of equal size, which `aws s3 sync` skips.
 */
export class ModelSync extends Construct {
  /** Named by its content: a changed script is a new object, and the pods roll. */
  readonly scriptName: string;
  private readonly source: SyncedSource;
  private readonly script: kplus.Volume;
  private readonly environment: kplus.EnvFrom[];

  constructor(scope: Construct, id: string, props: ModelSyncProps) {
    super(scope, id);
    this.source = props.source;
    this.scriptName = `${props.name}-sync-${SCRIPTS_HASH}`;
    const script = new kplus.ConfigMap(this, 'script', {
      metadata: { name: this.scriptName, labels: { ...props.labels } },
      data: { ...SCRIPTS },
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
    return {
      name: SYNC_CONTAINER,
      image: imageReference(versions.images.rclone),
      imagePullPolicy: pullPolicy(imageReference(versions.images.rclone)),
      command: ['/bin/sh', `${SCRIPT_MOUNT}/sync.sh`],
      envVariables: Object.fromEntries(
        Object.entries(syncEnvironment(this.source)).map(([key, value]) => [key, kplus.EnvValue.fromValue(value)]),
      ),
      envFrom: this.environment,
      resources: {
        // Requests as limits, as in all of the pod: it is the last to be evicted then.
        cpu: { request: kplus.Cpu.units(1), limit: kplus.Cpu.units(1) },
        memory: { request: Size.gibibytes(1), limit: Size.gibibytes(1) },
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
    if (this.source.kind !== 's3' || this.source.credentials.kind !== 'secret') return [];
    const secret = kplus.Secret.fromSecretName(this, 'credentials', this.source.credentials.secretName);
    return [kplus.Env.fromSecret(secret)];
  }
}

/** What the script and rclone read from the environment: rclone takes a remote named `store` from RCLONE_CONFIG_STORE_*. */
export function syncEnvironment(source: SyncedSource): Record<string, string> {
  const common = {
    MODEL_SOURCE: `store:${source.uri.replace(/^(s3|gs):\/\//, '')}`,
    MODEL_SOURCE_NAME: source.uri,
    MODEL_TARGET: MODELS_MOUNT,
    RCLONE_CONFIG: '/notfound',
    RCLONE_CACHE_DIR: '/tmp/rclone',
    // A store that hangs fails the container, which starts again.
    RCLONE_CONTIMEOUT: '15s',
    RCLONE_TIMEOUT: '60s',
    RCLONE_RETRIES: '5',
    RCLONE_RETRIES_SLEEP: '5s',
  };
  if (source.kind === 'gcs') {
    return {
      ...common,
      RCLONE_CONFIG_STORE_TYPE: 'google cloud storage',
      RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
      RCLONE_CONFIG_STORE_BUCKET_POLICY_ONLY: 'true',
    };
  }
  return { ...common, ...s3Environment(source) };
}

function s3Environment(source: S3Source): Record<string, string> {
  const { credentials, endpoint, region } = source;
  return {
    AWS_DEFAULT_REGION: region,
    AWS_REGION: region,
    RCLONE_CONFIG_STORE_TYPE: 's3',
    RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    RCLONE_CONFIG_STORE_PROVIDER: endpoint === undefined ? 'AWS' : 'Other',
    RCLONE_CONFIG_STORE_REGION: region,
    ...(endpoint !== undefined && { RCLONE_CONFIG_STORE_ENDPOINT: endpoint }),
    ...(credentials.kind === 'web-identity' && {
      AWS_ROLE_ARN: credentials.roleArn,
      AWS_ROLE_SESSION_NAME: 'model-sync',
      AWS_WEB_IDENTITY_TOKEN_FILE: `${TOKEN_MOUNT}/token`,
    }),
  };
}
