import type { Model } from '../models/model';
import { repositoryDiskGib } from '../models/startup';
import type { Manifest } from './after-mapping';
import type { GcsFuseSource } from './model-source';
import { SERVER_USER } from './security';

/** What GKE's driver puts into a pod, and what the pod says of it. */
export interface GcsFuseVolume {
  /** The volume's `csi`. */
  readonly csi: Manifest;
  /** Of the pod: GKE's webhook adds the driver's sidecar by them. */
  readonly annotations: Readonly<Record<string, string>>;
  /** What that sidecar requests beside the server. */
  readonly sidecar: { readonly cpus: number; readonly memoryGib: number; readonly diskGib: number };
}

/** Local volumes that the webhook adds (gcs-fuse-csi-driver, pkg/webhook/sidecar_spec.go). */
export const GCS_FUSE_VOLUMES = ['gke-gcsfuse-tmp', 'gke-gcsfuse-buffer', 'gke-gcsfuse-cache'] as const;

/** The driver's default. There is no limit: it takes what the node has left while the model loads. */
const SIDECAR_CPUS = 0.25;
/** Buffers of 80 blocks of 16 MiB, and the driver itself. */
const SIDECAR_MEMORY_GIB = { memory: 2, disk: 0.5 } as const;
/** The sidecar's own files and logs, GiB. */
const SIDECAR_DISK_GIB = 1;

/**
 * A bucket's folder as an ephemeral volume of the pod (GKE documentation, "Mount Cloud Storage buckets as CSI ephemeral
 * volumes"): no PersistentVolume, which would be an object of the whole cluster.
 *
 * The sidecar is an init container that goes on running, and ends after the server: it takes nothing of the grace period,
 * passes the restricted standard, and its local volumes are empty ones (GoogleCloudPlatform/gcs-fuse-csi-driver,
 * pkg/webhook/sidecar_spec.go, docs/known-issues.md).
 */
export function gcsFuseVolume(source: GcsFuseSource, model: Model): GcsFuseVolume {
  const { prefetch = 'memory' } = source;
  const [, bucketName = '', folder = ''] = /^gs:\/\/([^/]+)\/?(.*?)\/*$/.exec(source.uri) ?? [];
  const cacheGib = repositoryDiskGib(model);
  const memoryGib = SIDECAR_MEMORY_GIB[prefetch];
  const diskGib = SIDECAR_DISK_GIB + (prefetch === 'disk' ? cacheGib : 0);
  return {
    csi: {
      driver: 'gcsfuse.csi.storage.gke.io',
      readOnly: true,
      volumeAttributes: {
        bucketName,
        mountOptions: [...mountOptions(folder), ...(prefetch === 'disk' ? toDisk(cacheGib) : TO_MEMORY)].join(','),
        // gcsfuse finds out by itself whether it may read: the driver's question before that costs quota.
        skipCSIBucketAccessCheck: 'true',
      },
    },
    annotations: {
      'gke-gcsfuse/volumes': 'true',
      // 0 is no limit. A sidecar that runs out of memory takes the mounted models away, until the pod is restarted.
      'gke-gcsfuse/cpu-request': `${SIDECAR_CPUS * 1000}m`,
      'gke-gcsfuse/cpu-limit': '0',
      'gke-gcsfuse/memory-request': `${memoryGib * 1024}Mi`,
      'gke-gcsfuse/memory-limit': '0',
      'gke-gcsfuse/ephemeral-storage-request': `${diskGib}Gi`,
      'gke-gcsfuse/ephemeral-storage-limit': `${diskGib}Gi`,
    },
    sidecar: { cpus: SIDECAR_CPUS, memoryGib, diskGib },
  };
}

/**
 * As in the inference serving example of the GKE documentation, "Manually optimize Cloud Storage FUSE CSI driver for
 * performance": a release does not change, so what is known of its files stays known. gcsfuse gives all files to one user.
 */
function mountOptions(folder: string): string[] {
  return [
    'implicit-dirs',
    ...(folder === '' ? [] : [`only-dir=${folder}`]),
    `uid=${SERVER_USER}`,
    `gid=${SERVER_USER}`,
    'file-mode=444',
    'dir-mode=555',
    'metadata-cache:ttl-secs:-1',
    'metadata-cache:negative-ttl-secs:0',
    'metadata-cache:stat-cache-max-size-mb:-1',
    'metadata-cache:type-cache-max-size-mb:-1',
    'file-system:kernel-list-cache-ttl-secs:-1',
  ];
}

/**
 * Of GKE's StorageClass for serving, `gcsfusecsi-serving` (gcs-fuse-csi-driver, deploy/base/setup/storageclass.yaml). The
 * class itself asks for more: a volume of the cluster, a role on the bucket for the driver's controller, and Anywhere
 * Caches, which are billed.
 */
const TO_MEMORY = [
  'file-cache:max-size-mb:0',
  'read:enable-buffered-read:true',
  'read:global-max-blocks:80',
  'read_ahead_kb=131072',
] as const;

/** Parallel downloads need a file cache, and one that is smaller than a file does not take it. */
function toDisk(cacheGib: number): string[] {
  return [
    `file-cache:max-size-mb:${cacheGib * 1024}`,
    'file-cache:cache-file-for-range-read:true',
    'file-cache:enable-parallel-downloads:true',
    'read_ahead_kb=1024',
  ];
}
