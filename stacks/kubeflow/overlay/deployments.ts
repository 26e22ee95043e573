import { configHash } from '../../../charts/kubeflow/config-chart';
import { NAMES, type PipelinesSettings, storeSecretName } from '../../../charts/kubeflow/settings';
import { LOG_KEY_FORMAT, SEAWEEDFS_HOST, SEAWEEDFS_PORT, s3Address } from '../../../charts/kubeflow/workflow-config';
import { imageReference, versions } from '../../../models/versions';
import { DEPENDS_ON, type KustomizePatch, merge, variable } from './kustomization';

const { images } = versions;

/** Changes with the settings in `pipeline-install-config`, which is read when a pod starts. */
const CONFIG_ANNOTATION = 'triton-stack/config';

/** A Deployment of upstream's, and what it may take: requests as upstream has them, where it has any. */
interface Workload {
  readonly container: string;
  readonly resources: { readonly cpu: string; readonly memory: string; readonly limit: string };
  readonly replicas?: number;
  /** Label that selects its pods, where there are several of them to spread. */
  readonly spread?: Readonly<Record<string, string>>;
  /** Kubernetes objects that have to be ready before it is made. */
  readonly after?: readonly string[];
}

/** What is installed of upstream's Deployments. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  'metadata-grpc-deployment': {
    container: 'container',
    resources: { cpu: '50m', memory: '128Mi', limit: '512Mi' },
  },
  'metadata-envoy-deployment': {
    container: 'container',
    resources: { cpu: '50m', memory: '64Mi', limit: '256Mi' },
    replicas: 2,
    spread: { component: 'metadata-envoy' },
  },
  'workflow-controller': {
    container: 'workflow-controller',
    resources: { cpu: '100m', memory: '500Mi', limit: '1Gi' },
    // One leads, by a lease (Argo, "High-Availability").
    replicas: 2,
    spread: { app: 'workflow-controller' },
  },
  'ml-pipeline': {
    container: 'ml-pipeline-api-server',
    resources: { cpu: '250m', memory: '500Mi', limit: '1Gi' },
    after: ['metadata-grpc-deployment'],
  },
  'ml-pipeline-persistenceagent': {
    container: 'ml-pipeline-persistenceagent',
    resources: { cpu: '120m', memory: '500Mi', limit: '1Gi' },
    after: ['ml-pipeline'],
  },
  'ml-pipeline-scheduledworkflow': {
    container: 'ml-pipeline-scheduledworkflow',
    resources: { cpu: '50m', memory: '100Mi', limit: '256Mi' },
    after: ['ml-pipeline'],
  },
  'ml-pipeline-ui': {
    container: 'ml-pipeline-ui',
    resources: { cpu: '50m', memory: '128Mi', limit: '512Mi' },
    replicas: 2,
    spread: { app: 'ml-pipeline-ui' },
    after: ['ml-pipeline'],
  },
};

/** What each of upstream's Deployments lacks. */
export function deploymentPatches(settings: PipelinesSettings): KustomizePatch[] {
  const own = containers(settings);
  return Object.entries(WORKLOADS).map(([name, workload]) => {
    const { cpu, memory, limit } = workload.resources;
    const container = {
      name: workload.container,
      resources: { requests: { cpu, memory }, limits: { memory: limit } },
      ...own[name],
    };
    return merge('apps/v1', 'Deployment', name, {
      metadata: { name, annotations: dependsOn(workload.after) },
      spec: {
        replicas: workload.replicas ?? 1,
        template: {
          metadata: { annotations: { [CONFIG_ANNOTATION]: configHash(settings) } },
          spec: { ...spreading(workload.spread), containers: [container] },
        },
      },
    });
  });
}

/** Has an object wait for Deployments. */
function dependsOn(names: readonly string[] = []): Record<string, string> {
  if (names.length === 0) return {};
  const references = names.map((name) => `apps/namespaces/kubeflow/Deployment/${name}`);
  return { [DEPENDS_ON]: references.join(',') };
}

function spreading(matchLabels: Workload['spread']): object {
  if (matchLabels === undefined) return {};
  const constraint = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' };
  return { topologySpreadConstraints: [{ ...constraint, labelSelector: { matchLabels } }] };
}

/** Parts of containers that are more than resources. */
function containers(settings: PipelinesSettings): Readonly<Record<string, object>> {
  const seccompProfile = { type: 'RuntimeDefault' };
  return {
    'ml-pipeline': { env: [...storeVariables(settings), ...stepImages] },
    'ml-pipeline-ui': { env: uiVariables(settings) },
    // As upstream's own patch of Argo's base has it, which names the base by a tag and not by a commit.
    'workflow-controller': {
      args: [
        '--configmap',
        NAMES.workflowConfig,
        '--executor-image',
        imageReference(images.argoExecutor),
        '--namespaced',
      ],
      env: [
        {
          name: 'TRANSIENT_ERROR_PATTERN',
          value: '(?i)(imminent node shutdown|node is shutting down|preempt|evict|spot|pod deleted)',
        },
      ],
      securityContext: { seccompProfile },
    },
  };
}

const stepImages = [
  variable('V2_DRIVER_IMAGE', imageReference(images.kfpDriver)),
  variable('V2_LAUNCHER_IMAGE', imageReference(images.kfpLauncher)),
];

/**
 * The API server's own way to the store, which it reads what earlier releases left from, and logs of pods that are gone.
 *
 * It speaks S3 alone (backend/src/apiserver/client_manager/client_manager.go): with Cloud Storage it would need a static key.
 * So it gets none, and no keys of its image either (config.json has minio, minio123 where these variables are not set).
 */
function storeVariables(settings: PipelinesSettings): object[] {
  const { artifacts } = settings;
  if (artifacts.kind === 'gcs') {
    return [
      ...address('storage.googleapis.com', '443', true),
      variable('OBJECTSTORECONFIG_ACCESSKEY', ''),
      variable('OBJECTSTORECONFIG_SECRETACCESSKEY', ''),
      // Without keys it would look for those of a machine at AWS.
      variable('AWS_EC2_METADATA_DISABLED', 'true'),
    ];
  }
  const keys = [
    fromStore(settings, 'OBJECTSTORECONFIG_ACCESSKEY', 'accesskey'),
    fromStore(settings, 'OBJECTSTORECONFIG_SECRETACCESSKEY', 'secretkey'),
  ];
  if (artifacts.kind === 'seaweedfs') return [...address(SEAWEEDFS_HOST, String(SEAWEEDFS_PORT), false), ...keys];
  const { host, port, tls } = s3Address(artifacts.region, artifacts.endpoint);
  return [...address(host, port, tls), variable('OBJECTSTORECONFIG_REGION', artifacts.region), ...keys];
}

function address(host: string, port: string, tls: boolean): object[] {
  return [
    variable('OBJECTSTORECONFIG_HOST', host),
    variable('OBJECTSTORECONFIG_PORT', port),
    variable('OBJECTSTORECONFIG_SECURE', String(tls)),
  ];
}

function fromStore(settings: PipelinesSettings, name: string, key: string): object {
  return { name, valueFrom: { secretKeyRef: { name: storeSecretName(settings), key } } };
}

/** The UI's way to artifacts. Its own defaults are minio, minio123 (frontend/server/configs.ts). */
function uiVariables(settings: PipelinesSettings): object[] {
  const { artifacts } = settings;
  const minio = artifacts.kind === 'seaweedfs';
  return [
    ...(minio
      ? [fromStore(settings, 'MINIO_ACCESS_KEY', 'accesskey'), fromStore(settings, 'MINIO_SECRET_KEY', 'secretkey')]
      : [variable('MINIO_ACCESS_KEY', ''), variable('MINIO_SECRET_KEY', '')]),
    ...(artifacts.kind === 's3' ? s3Variables(settings, s3Address(artifacts.region, artifacts.endpoint)) : []),
    // It would run anybody's Python.
    variable('ALLOW_CUSTOM_VISUALIZATIONS', 'false'),
    // It reads logs of pods that are gone from stores that speak S3, under its own format of keys where nobody says.
    variable('ARGO_ARCHIVE_LOGS', String(artifacts.kind !== 'gcs')),
    variable('ARGO_KEYFORMAT', LOG_KEY_FORMAT),
    {
      name: 'TENSORBOARD_PROXY_SIGNING_SECRET',
      valueFrom: { secretKeyRef: { name: NAMES.signingSecret, key: 'key' } },
    },
  ];
}

function s3Variables(settings: PipelinesSettings, { host, tls }: { host: string; tls: boolean }): object[] {
  const { artifacts } = settings;
  return [
    fromStore(settings, 'AWS_ACCESS_KEY_ID', 'accesskey'),
    fromStore(settings, 'AWS_SECRET_ACCESS_KEY', 'secretkey'),
    ...(artifacts.kind === 's3' ? [variable('AWS_REGION', artifacts.region)] : []),
    variable('AWS_S3_ENDPOINT', host),
    variable('AWS_SSL', String(tls)),
  ];
}
