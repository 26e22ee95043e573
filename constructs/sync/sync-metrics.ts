import { imageReference, versions } from '../../models/versions';
import type { Manifest } from '../after-mapping';
import { pullPolicy } from '../security';
import { MODELS_MOUNT } from './model-sync';

/** Where a pod shows what its sync did: the names of the metrics stand in `sync-script.ts`. */
export const SYNC_METRICS = { name: 'sync-metrics', port: 8003, path: '/metrics.txt' } as const;

/** Of the container that shows them:. Nodes have room for it: pods request four fifths of them. */
const SMALL = { cpu: '50m', memory: '64Mi', 'ephemeral-storage': '64Mi' } as const;

/**
 * Adds the container that serves the metrics of a pod's sync, which has ended by then: rclone shows the folder that they
 * lie in. Of a `.txt` it says `text/plain`, which Prometheus takes.
 *
 * @param pod - the pod's `spec`, changed in place
 */
export function addSyncMetrics(pod: Manifest): void {
  const [server] = pod.containers;
  const models = server.volumeMounts.find(({ mountPath }: Manifest) => mountPath === MODELS_MOUNT);
  const image = imageReference(versions.images.rclone);
  const flags = ['--addr', `:${SYNC_METRICS.port}`, '--read-only', '--dir-cache-time', '0', '--config', '/notfound'];
  pod.containers.push({
    name: SYNC_METRICS.name,
    image,
    imagePullPolicy: pullPolicy(image),
    command: ['rclone', 'serve', 'http', `${MODELS_MOUNT}/metrics`, ...flags],
    env: [
      { name: 'GOMEMLIMIT', value: '48MiB' },
      { name: 'RCLONE_CACHE_DIR', value: '/tmp/rclone-metrics' },
    ],
    ports: [{ name: SYNC_METRICS.name, containerPort: SYNC_METRICS.port }],
    resources: { requests: SMALL, limits: SMALL },
    securityContext: { ...server.securityContext },
    volumeMounts: [{ ...models, readOnly: true }],
  });
}
