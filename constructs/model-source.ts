import type { Destination } from './inference-server';
import type { Platform } from './platform';

/** How the init container gets at an S3 bucket. Static keys only where a Secret is named on purpose. */
export type S3Credentials =
  | {
      /** An IAM role that trusts the cluster's OIDC issuer, taken with the pod's own projected token. */
      readonly kind: 'web-identity';
      readonly roleArn: string;
      /** @default sts.amazonaws.com */
      readonly audience?: string;
    }
  | {
      /** A Secret of the namespace with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, for stores without OIDC. */
      readonly kind: 'secret';
      readonly secretName: string;
    };

/** A model repository in S3 or a store that speaks its protocol, synced by an init container. */
export interface S3Source {
  readonly kind: 's3';
  /** `s3://bucket/path`, the folder that holds the models' folders. */
  readonly uri: string;
  readonly region: string;
  /** @default AWS */
  readonly endpoint?: string;
  readonly credentials: S3Credentials;
}

/** A model repository in Google Cloud Storage, synced by an init container under the pod's workload identity. */
export interface GcsSource {
  readonly kind: 'gcs';
  /** `gs://bucket/path`, the folder that holds the models' folders. */
  readonly uri: string;
}

/** A model repository that lies on a ReadOnlyMany claim of the namespace; nothing is fetched. */
export interface ClaimSource {
  readonly kind: 'claim';
  readonly claimName: string;
  /** Folder on the volume. @default the volume's root */
  readonly subPath?: string;
}

export type ModelSource = S3Source | GcsSource | ClaimSource;
/** A source that an init container fetches from. */
export type SyncedSource = S3Source | GcsSource;

/** Where a pod's model repository comes from: one of these. */
export const ModelSource = {
  s3: (source: Omit<S3Source, 'kind'>): S3Source => ({ kind: 's3', ...source }),
  gcs: (source: Omit<GcsSource, 'kind'>): GcsSource => ({ kind: 'gcs', ...source }),
  claim: (source: Omit<ClaimSource, 'kind'>): ClaimSource => ({ kind: 'claim', ...source }),
} as const;

/** GKE's metadata server, which hands out workload identity (GKE documentation, "Workload Identity", network policies). */
const GKE_METADATA = [
  { cidr: '169.254.169.252/32', port: 988 },
  { cidr: '169.254.169.254/32', port: 80 },
] as const;

/** Where a pod connects to for its models. */
export function sourceDestinations(source: ModelSource, platform: Platform): Destination[] {
  if (source.kind === 'claim') return [];
  if (source.kind === 'gcs') {
    const identity = platform === 'gke' ? GKE_METADATA : [];
    return [{ kind: 'anywhere', port: 443 }, ...identity.map((each) => ({ kind: 'address', ...each }) as const)];
  }
  return [source.endpoint === undefined ? { kind: 'anywhere', port: 443 } : endpointDestination(source.endpoint)];
}

/** The way to a server that is named by its URL: one of the cluster, or one outside. */
export function endpointDestination(endpoint: string): Destination {
  const url = new URL(endpoint);
  const [, namespace] = /^[^.]+\.([^.]+)\.svc(\..*)?$/.exec(url.hostname) ?? [];
  if (namespace !== undefined) return { kind: 'namespace', namespace };
  if (!url.hostname.includes('.')) return { kind: 'own-namespace' };
  if (url.port !== '') return { kind: 'anywhere', port: Number(url.port) };
  return { kind: 'anywhere', port: url.protocol === 'http:' ? 80 : 443 };
}
