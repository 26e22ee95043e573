import type { Placement } from '../models/placement';
import type { Manifest } from './after-mapping';

/** What every workload of a server says of the nodes that its pods go to. */
export interface GpuPods {
  readonly placement: Placement;
  readonly selector: Readonly<Record<string, string>>;
}

/** The annotation with the local volumes that do not keep the cluster autoscaler from taking a pod's node. */
export const SAFE_TO_EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';

/**
 * Sends a workload's pods to the nodes of their pool, spread over zones and nodes, and gives the first container its GPUs.
 *
 * @param pod - the pod's `spec`, changed in place
 */
export function placePods(pod: Manifest, { placement, selector }: GpuPods): void {
  if (placement.gpusPerPod > 0) {
    // Extended resources: limit and request are equal, and the request is taken from the limit.
    pod.containers[0].resources.limits['nvidia.com/gpu'] = placement.gpusPerPod;
  }
  pod.nodeSelector = { ...placement.pool.nodeSelector };
  pod.tolerations = gpuTolerations(placement);
  // Preferences: where one zone has no GPUs left, the others take the pods.
  const labelSelector = { matchLabels: { ...selector } };
  pod.topologySpreadConstraints = [
    { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector },
  ];
  const podAffinityTerm = { topologyKey: 'kubernetes.io/hostname', labelSelector };
  pod.affinity = {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
  };
}

/** The taints of GPU nodes that a pool's pods pass by. */
export function gpuTolerations({ pool, gpusPerPod }: Pick<Placement, 'pool' | 'gpusPerPod'>): Manifest[] {
  const gpu = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' };
  const spot = { key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' };
  return [...(gpusPerPod > 0 ? [gpu] : []), ...(pool.spot ? [spot] : [])];
}
