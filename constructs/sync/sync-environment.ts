import type { Model } from '../../models/model';
import { allModels } from '../../models/spec/backend';
import { versionsOf } from '../../models/spec/version-policy';
import type { GcsSource, S3Source, SyncedSource, SyncTool } from '../model-source';

/** Where the token is mounted that an IAM role is taken with. */
export const TOKEN_MOUNT = '/var/run/secrets/model-store';

/** GCS for whoever speaks S3 and has HMAC keys (Cloud Storage documentation, "Interoperability with other storage providers"). */
const GCS_XML_API = 'https://storage.googleapis.com';

export interface SyncEnvironmentProps {
  readonly source: SyncedSource;
  readonly models: readonly Model[];
  /** The folder of the volume. */
  readonly target: string;
  readonly limitGib?: number;
  readonly fallback?: boolean;
  readonly keepLast?: boolean;
  readonly watched?: boolean;
}

/** The tool that fetches. */
export function toolOf(source: SyncedSource): SyncTool {
  return (source.kind === 's3' ? source.tool : undefined) ?? 'rclone';
}

/** What the script and its tool read from the environment: rclone takes a remote named `store` from RCLONE_CONFIG_STORE_*. */
export function syncEnvironment({
  source,
  models,
  target,
  limitGib,
  fallback,
  keepLast,
  watched,
}: SyncEnvironmentProps): Record<string, string> {
  const uri = source.uri.replace(/\/+$/, '');
  return {
    MODEL_STORE: toolOf(source) === 'aws-cli' ? uri : `store:${uri.replace(/^(s3|gs):\/\//, '')}`,
    MODEL_SOURCE_NAME: uri,
    MODEL_TARGET: target,
    MODEL_SELECTION: servedSelection(models),
    ...(source.release !== undefined && { MODEL_RELEASE: source.release }),
    ...(limitGib !== undefined && { MODEL_LIMIT_KIB: String(limitGib * 1024 ** 2) }),
    ...(fallback && { MODEL_FALLBACK: '1' }),
    ...(keepLast && { MODEL_KEEP: '1' }),
    ...(watched && { MODEL_WATCHED: '1' }),
    ...(source.kind === 'gcs' ? gcsEnvironment(source) : s3Environment(source)),
  };
}

/**
 * The models and versions that servers of these models load: `resnet50=latest:1 bert=1,3 draft=all`.
 *
 * Of the latest, the release decides which they are.
 */
export function servedSelection(models: readonly Model[]): string {
  const selected = new Map<string, string>();
  for (const model of models.flatMap(allModels)) {
    const versions = selectedVersions(model);
    const known = selected.get(model.name);
    selected.set(model.name, known === undefined || known === versions ? versions : 'all');
  }
  return [...selected].map(([name, versions]) => `${name}=${versions}`).join(' ');
}

function selectedVersions(model: Model): string {
  const { versionPolicy } = model;
  switch (versionPolicy?.kind) {
    case undefined:
      // Triton's own (model_config.proto, ModelVersionPolicy).
      return 'latest:1';
    case 'latest':
      return `latest:${versionPolicy.count}`;
    case 'all':
      return 'all';
    case 'specific':
      return versionsOf(model)
        .map(({ version }) => version)
        .filter((version) => versionPolicy.versions.includes(version))
        .join(',');
  }
}

const RCLONE = {
  RCLONE_CONFIG: '/notfound',
  RCLONE_CACHE_DIR: '/tmp/rclone',
  // A store that hangs is a store that does not answer.
  RCLONE_CONTIMEOUT: '15s',
  RCLONE_TIMEOUT: '60s',
} as const;

/** The root file system is read-only, and the AWS CLI wants a home; it waits for a store as rclone does. */
const AWS_CLI = {
  HOME: '/tmp',
  AWS_MAX_ATTEMPTS: '10',
  AWS_RETRY_MODE: 'standard',
  AWS_PAGER: '',
} as const;

function gcsEnvironment({ credentials }: GcsSource): Record<string, string> {
  if (credentials?.kind === 'hmac-secret') {
    return {
      ...RCLONE,
      RCLONE_CONFIG_STORE_TYPE: 's3',
      RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
      RCLONE_CONFIG_STORE_PROVIDER: 'GCS',
      RCLONE_CONFIG_STORE_ENDPOINT: GCS_XML_API,
    };
  }
  return {
    ...RCLONE,
    RCLONE_CONFIG_STORE_TYPE: 'google cloud storage',
    RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    RCLONE_CONFIG_STORE_BUCKET_POLICY_ONLY: 'true',
  };
}

function s3Environment(source: S3Source): Record<string, string> {
  const { credentials, endpoint, region } = source;
  return {
    AWS_DEFAULT_REGION: region,
    AWS_REGION: region,
    ...(toolOf(source) === 'aws-cli'
      ? { ...AWS_CLI, ...(endpoint !== undefined && { AWS_ENDPOINT_URL: endpoint }) }
      : {
          ...RCLONE,
          RCLONE_CONFIG_STORE_TYPE: 's3',
          RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
          RCLONE_CONFIG_STORE_PROVIDER: endpoint === undefined ? 'AWS' : 'Other',
          RCLONE_CONFIG_STORE_REGION: region,
          ...(endpoint !== undefined && { RCLONE_CONFIG_STORE_ENDPOINT: endpoint }),
        }),
    ...(credentials.kind === 'web-identity' && {
      AWS_ROLE_ARN: credentials.roleArn,
      AWS_ROLE_SESSION_NAME: 'model-sync',
      AWS_WEB_IDENTITY_TOKEN_FILE: `${TOKEN_MOUNT}/token`,
    }),
  };
}
