import type { Model } from './model';
import { fileBytes } from './size';

/**
 * Slowest reading of model files that a start has to survive, bytes a second: a 100 GB balanced persistent disk gives
 * 140 MiB/s at baseline plus 0.28 MiB/s a GB (Compute Engine documentation, "Persistent Disk performance").
 */
const SLOWEST_READ = (140 + 0.28 * 100) * 1024 * 1024;

/** Seconds for the server's own start, CUDA context and backends. */
const SERVER_START_SECONDS = 60;

/** How much longer than expected a start may take before the pod is killed: slow loads killed by probes are common. */
const STARTUP_SLACK = 3;

/** Seconds from container start to ready, on the slowest disk that is reckoned with. */
export function loadSeconds(model: Model): number {
  return SERVER_START_SECONDS + fileBytes(model) / SLOWEST_READ;
}

/** Seconds that the startup probe grants from container start to ready. */
export function startupBudgetSeconds(model: Model): number {
  return Math.ceil(loadSeconds(model) * STARTUP_SLACK);
}

/** Room beside the files of a repository that is fetched once into an empty folder. */
const FETCHED_ONCE = 1.1;

/**
 * GiB of local disk for the model repository of one pod.
 *
 * @param releases - 2 where a new one is fetched beside the one that is served
 */
export function repositoryDiskGib(model: Model, releases: 1 | 2 = 1): number {
  return Math.ceil((releases * fileBytes(model) * FETCHED_ONCE) / 1024 ** 3);
}

/** Room on a volume that outlives pods: what is served, and what is being fetched beside it. */
const KEPT = 2.2;
const SMALLEST_VOLUME_GIB = 16;

/**
 * GiB of a volume of a pod's own for the model repository. In powers of two: a changed size replaces the StatefulSet, so
 * a model that grows a little must not change it.
 */
export function repositoryVolumeGib(model: Model): number {
  const needed = (fileBytes(model) * KEPT) / 1024 ** 3;
  return Math.max(SMALLEST_VOLUME_GIB, 2 ** Math.ceil(Math.log2(needed)));
}

/** What libraries write to `/tmp`: compiled kernels, Python's caches. GiB. */
export const SCRATCH_GIB = 4;
const LOGS_GIB = 1;

/** Disk of the node that any pod may fill: scratch and logs. GiB. */
export const POD_DISK_GIB = SCRATCH_GIB + LOGS_GIB;

/** Disk of the node that a pod may fill, GiB: scratch and logs, and the repository where it lies on local disk. */
export function localDiskGib(model: Model, repositoryOnDisk: boolean): number {
  return POD_DISK_GIB + (repositoryOnDisk ? repositoryDiskGib(model) : 0);
}

/**
 * Budget for a new GPU node, driver and image included: it takes up to 15 minutes until it tells of its GPUs
 * (kubernetes/autoscaler, cluster-autoscaler/utils/gpu/gpu.go).
 */
export const NODE_SECONDS = 900;

/** What is expected of it: 4 to 7 minutes (Triton's GKE marketplace README), the middle. Google publishes no figure. */
export const EXPECTED_NODE_SECONDS = 330;

/** Bytes a second that a fetch from object storage has to reach. */
const SLOWEST_FETCH = 50 * 1024 * 1024;

/** Seconds that the fetch of a model's files from object storage takes at most. */
export function fetchSeconds(model: Model): number {
  return Math.ceil(fileBytes(model) / SLOWEST_FETCH);
}

/** Seconds until a new pod is ready where a node has to be provisioned for it first. */
export function rolloutSeconds(model: Model): number {
  return NODE_SECONDS + fetchSeconds(model) + startupBudgetSeconds(model);
}
