import { dump } from 'js-yaml';
import { STEP_PRIORITY_CLASS } from './limits-chart';
import { type PipelinesSettings, storeSecretName } from './settings';

/** Where Argo keeps logs and artifacts of its own: upstream's, which the UI has to be told (ARGO_KEYFORMAT). */
export const LOG_KEY_FORMAT =
  'private-artifacts/{{workflow.namespace}}/{{workflow.name}}/{{workflow.creationTimestamp.Y}}/{{workflow.creationTimestamp.m}}/{{workflow.creationTimestamp.d}}/{{pod.name}}';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** The bucket that SeaweedFS makes when it starts (kubeflow/pipelines, seaweedfs-deployment.yaml). */
export const SEAWEEDFS_BUCKET = 'mlpipeline';
/** Its Service's address (seaweedfs-service.yaml). */
export const SEAWEEDFS_HOST = 'seaweedfs.kubeflow';
export const SEAWEEDFS_PORT = 9000;

/** A store that speaks S3, as host, port and whether it speaks TLS. */
export interface S3Address {
  readonly host: string;
  readonly port: string;
  readonly tls: boolean;
}

/** Where the API of an S3 store is. */
export function s3Address(region: string, endpoint = `https://s3.${region}.amazonaws.com`): S3Address {
  const { hostname, port, protocol } = new URL(endpoint);
  const tls = protocol === 'https:';
  return { host: hostname, port: port || (tls ? '443' : '80'), tls };
}

/** Argo's `workflow-controller-configmap`. */
export function workflowConfig(settings: PipelinesSettings): Record<string, string> {
  return {
    artifactRepository: dump({ archiveLogs: true, ...artifactRepository(settings) }),
    // Argo's own containers in the pods of steps. On OpenShift the namespace's range has the user.
    executor: dump({
      imagePullPolicy: 'IfNotPresent',
      securityContext: {
        runAsNonRoot: true,
        ...(settings.platform !== 'openshift' && { runAsUser: 65_532 }),
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '512Mi' } },
    }),
    workflowDefaults: dump(workflowDefaults(settings)),
    // A burst of steps leaves the API server to others.
    resourceRateLimit: dump({ limit: 10, burst: 25 }),
    // At most as many objects as this stay in etcd, whatever their time to live.
    retentionPolicy: dump({ completed: 200, failed: 200, errored: 200 }),
  };
}

function artifactRepository(settings: PipelinesSettings): object {
  const { artifacts } = settings;
  const keyFormat = LOG_KEY_FORMAT;
  if (artifacts.kind === 'gcs') {
    // Without a key's Secret: by the identity of the step's ServiceAccount (Argo, "Configuring Your Artifact Repository").
    return { gcs: { bucket: artifacts.bucket, keyFormat } };
  }
  const name = storeSecretName(settings);
  const keys = {
    accessKeySecret: { name, key: 'accesskey' },
    secretKeySecret: { name, key: 'secretkey' },
  };
  if (artifacts.kind === 'seaweedfs') {
    return {
      s3: {
        endpoint: `${SEAWEEDFS_HOST}.svc:${SEAWEEDFS_PORT}`,
        bucket: SEAWEEDFS_BUCKET,
        keyFormat,
        insecure: true,
        ...keys,
      },
    };
  }
  const { host, port, tls } = s3Address(artifacts.region, artifacts.endpoint);
  return {
    s3: {
      endpoint: `${host}:${port}`,
      bucket: artifacts.bucket,
      region: artifacts.region,
      keyFormat,
      insecure: !tls,
      ...keys,
    },
  };
}

/** What holds for every workflow that says nothing else. */
function workflowDefaults({ spotNodes }: PipelinesSettings): object {
  return {
    spec: {
      // What is known of a run stays in the database; the object and its pods go. Upstream keeps failures an hour as well.
      ttlStrategy: { secondsAfterSuccess: HOUR, secondsAfterFailure: 3 * DAY },
      podPriorityClassName: STEP_PRIORITY_CLASS,
      ...(spotNodes && {
        tolerations: [{ key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' }],
      }),
      templateDefaults: {
        // Upstream's: what was evicted or preempted runs anew, a step that failed does not.
        retryStrategy: { limit: '2', retryPolicy: 'OnError' },
      },
    },
  };
}
