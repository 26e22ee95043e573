import type { HuggingFaceModel } from '../models/repository/layout';
import type { Destination } from './inference-server';
import type { Platform } from './platform';
import type { CloudIdentity } from './server-account';

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
      /** The identity that the pod's ServiceAccount has anyway: IRSA, or EKS Pod Identity. */
      readonly kind: 'service-account';
    }
  | {
      /** A Secret of the namespace with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, for stores without OIDC. */
      readonly kind: 'secret';
      readonly secretName: string;
    };

/** What fetches from S3. */
export type SyncTool = 'rclone' | 'aws-cli';

/** Which of the releases that `npm run model -- publish` has put below an address. */
export interface ReleaseChoice {
  /**
   * A published version: all pods serve it, and another one is another rollout. Without one, a pod takes at its start what
   * was published or promoted last, and with a watch whatever is published after that.
   *
   * @default the one that was published or promoted last
   */
  readonly release?: string;
}

/** Releases of a model repository in S3 or a store that speaks its protocol, synced by an init container. */
export interface S3Source extends ReleaseChoice {
  readonly kind: 's3';
  /** `s3://bucket/path`, where releases are published. */
  readonly uri: string;
  readonly region: string;
  /** @default AWS */
  readonly endpoint?: string;
  readonly credentials: S3Credentials;
  /** `aws-cli` for who may run Amazon's image alone: it is slower (bench/README.md). @default rclone */
  readonly tool?: SyncTool;
}

/** How the init container gets at a GCS bucket. */
export type GcsCredentials =
  | {
      /** Workload identity: that of the pod's ServiceAccount. */
      readonly kind: 'workload-identity';
    }
  | {
      /**
       * A Secret of the namespace with an HMAC key as `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, for clusters that
       * Google does not know. A static key: it has to be rotated.
       */
      readonly kind: 'hmac-secret';
      readonly secretName: string;
    };

/** Releases of a model repository in Google Cloud Storage, synced by an init container. */
export interface GcsSource extends ReleaseChoice {
  readonly kind: 'gcs';
  /** `gs://bucket/path`, where releases are published. */
  readonly uri: string;
  /** @default workload-identity */
  readonly credentials?: GcsCredentials;
}

/** A model repository on a ReadOnlyMany or ReadWriteMany claim of the namespace; nothing is fetched. */
export interface ClaimSource {
  readonly kind: 'claim';
  readonly claimName: string;
  /**
   * Folder on the volume. The root of an ext4 volume holds `lost+found`, which a server that loads everything takes for
   * a model, and ends: block storage wants a folder.
   *
   * @default the volume's root
   */
  readonly subPath?: string;
}

/** A claim that a `ModelRepository` fills: its `source`. Written out only for one of another program. */
export interface RepositorySource {
  readonly kind: 'model-repository';
  readonly claimName: string;
  /** What it is filled on: a refresh replaces the folder on a shared volume, and Hyperdisk ML is never changed. */
  readonly storage: 'shared' | 'hyperdisk-ml';
  /** Models that lie there. @default those of the server that mounts it */
  readonly models?: readonly string[];
}

/** The models on the disk of each node: the `source` of a `NodeModelCache`. Written out only for one of another program. */
export interface NodeCacheSource {
  readonly kind: 'node-cache';
  readonly claimName: string;
  /** Models that lie there. @default those of the server that mounts it */
  readonly models?: readonly string[];
}

/**
 * A model repository that is read from Google Cloud Storage as the server loads it, through GKE's Cloud Storage FUSE
 * driver, under the pod's workload identity: no copy, no volume, and a first byte at once.
 *
 * Object stores keep no empty folders: an ensemble's version folder needs a file in it, `.keep` say. A running pod sees
 * nothing of what is published after its start.
 */
export interface GcsFuseSource {
  readonly kind: 'gcs-fuse';
  /** `gs://bucket/path`, the folder that holds the models' folders; of what is published, `.../releases/VERSION`. */
  readonly uri: string;
  /**
   * Where files are fetched to ahead of being read. `memory`: to buffers of 1.25 GiB, as GKE's profile for serving has
   * it. `disk`: whole files, in parallel, to the node's disk, which has to hold the model: for pools whose local storage
   * is Local SSD, not the boot disk (GKE documentation, "Manually optimize Cloud Storage FUSE CSI driver for performance").
   *
   * @default memory
   */
  readonly prefetch?: 'memory' | 'disk';
}

/**
 * A model repository in an OCI image, which the node pulls and keeps as it does the server's own, and mounts read-only.
 *
 * Kubernetes 1.35 or newer: 1.33 and 1.34 have it behind the feature gate `ImageVolume`, which is off, and drop the volume
 * and its mount without a word; 1.36 has it for good (kubernetes/kubernetes #130135, #136711). containerd 2.1 or CRI-O 1.31;
 * OpenShift 4.21, whose constraints allow the volume (openshift/cluster-kube-apiserver-operator #1968). The node's disk
 * holds the image, compressed and unpacked.
 */
export interface ImageSource {
  readonly kind: 'image';
  /** `registry/repository@sha256:...`, or a tag other than `latest`. */
  readonly reference: string;
  /**
   * Folder of the image that holds the models' folders. containerd heeds it from 2.2: older ones mount the whole image,
   * and say nothing (containerd/containerd #11580).
   *
   * @default the image's root
   */
  readonly subPath?: string;
}

/**
 * A model of the Hugging Face Hub, for vLLM: the repository follows from the model's description, and the server fetches
 * weights and tokenizer at its start.
 */
export interface HuggingFaceSource extends HuggingFaceModel {
  readonly kind: 'hugging-face';
  /** A Secret of the namespace with an access token, for models that are gated or private. @default none */
  readonly tokenSecret?: { readonly name: string; readonly key: string };
  /** Room for the files, GiB. @default what the weights take; in 16 bits where vLLM may quantize them as it loads */
  readonly cacheGib?: number;
}

/** A source that an init container fetches from. */
export type SyncedSource = S3Source | GcsSource;
/** A source that is mounted as it is. */
export type MountedSource =
  | ClaimSource
  | RepositorySource
  | NodeCacheSource
  | GcsFuseSource
  | ImageSource
  | HuggingFaceSource;
export type ModelSource = SyncedSource | MountedSource;

/** Where a pod's model repository comes from: one of these. */
export const ModelSource = {
  s3: (source: Omit<S3Source, 'kind'>): S3Source => ({ kind: 's3', ...source }),
  gcs: (source: Omit<GcsSource, 'kind'>): GcsSource => ({ kind: 'gcs', ...source }),
  claim: (source: Omit<ClaimSource, 'kind'>): ClaimSource => ({ kind: 'claim', ...source }),
  repository: (source: Omit<RepositorySource, 'kind'>): RepositorySource => ({ kind: 'model-repository', ...source }),
  nodeCache: (source: Omit<NodeCacheSource, 'kind'>): NodeCacheSource => ({ kind: 'node-cache', ...source }),
  gcsFuse: (source: Omit<GcsFuseSource, 'kind'>): GcsFuseSource => ({ kind: 'gcs-fuse', ...source }),
  image: (source: Omit<ImageSource, 'kind'>): ImageSource => ({ kind: 'image', ...source }),
  huggingFace: (source: Omit<HuggingFaceSource, 'kind'>): HuggingFaceSource => ({ kind: 'hugging-face', ...source }),
} as const;

/** Whether an init container fetches it, to a volume of the pod's own. */
export function isSynced(source: ModelSource): source is SyncedSource {
  return source.kind === 's3' || source.kind === 'gcs';
}

/** What people call a source. */
export function sourceName(source: ModelSource): string {
  switch (source.kind) {
    case 's3':
    case 'gcs':
    case 'gcs-fuse':
      return source.uri;
    case 'claim':
      return `claim ${source.claimName}${source.subPath === undefined ? '' : `/${source.subPath}`}`;
    case 'model-repository':
    case 'node-cache':
      return `claim ${source.claimName}`;
    case 'image':
      return `image ${source.reference}`;
    case 'hugging-face':
      return `hf.co/${source.model}@${source.revision}`;
  }
}

/** GKE's metadata server, which hands out workload identity (GKE documentation, "Workload Identity", network policies). */
const GKE_METADATA = [
  { cidr: '169.254.169.252/32', port: 988 },
  { cidr: '169.254.169.254/32', port: 80 },
] as const;

/** EKS Pod Identity's agent on each node (EKS documentation, "EKS Pod Identity"). Cilium takes it for the host itself. */
const POD_IDENTITY_AGENT = { kind: 'address', cidr: '169.254.170.23/32', port: 80 } as const;

/** Where a pod's identity is handed out, and where it is used. */
export function identityDestinations({ kind }: CloudIdentity): Destination[] {
  const apis = { kind: 'anywhere', port: 443 } as const;
  return kind === 'irsa' ? [apis] : [apis, ...GKE_METADATA.map((each) => ({ kind: 'address', ...each }) as const)];
}

/** Where a pod connects to for its models. Nodes, not pods, reach volumes and registries. */
export function sourceDestinations(source: ModelSource, platform: Platform): Destination[] {
  switch (source.kind) {
    case 'claim':
    case 'model-repository':
    case 'node-cache':
    case 'image':
      return [];
    case 'gcs':
    case 'gcs-fuse': {
      const keys = source.kind === 'gcs' && source.credentials?.kind === 'hmac-secret';
      const identity = platform === 'gke' && !keys ? GKE_METADATA : [];
      return [{ kind: 'anywhere', port: 443 }, ...identity.map((each) => ({ kind: 'address', ...each }) as const)];
    }
    case 'hugging-face':
      // The Hub and its networks of delivery have many names, none with a fixed address (huggingface.co/.well-known/meta.json).
      return [{ kind: 'anywhere', port: 443 }];
    case 's3': {
      const { endpoint, credentials } = source;
      const store: Destination =
        endpoint === undefined ? { kind: 'anywhere', port: 443 } : endpointDestination(endpoint);
      return credentials.kind === 'service-account' ? [store, POD_IDENTITY_AGENT] : [store];
    }
  }
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
