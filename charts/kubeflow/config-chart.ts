import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { dump } from 'js-yaml';
import { contentHash, STACK_LABELS } from '../../constructs/naming';
import { ACCOUNTS, KUBEFLOW_NAMESPACE, NAMES, type PipelinesSettings, storeSecretName } from './settings';
import { SEAWEEDFS_BUCKET, SEAWEEDFS_HOST, SEAWEEDFS_PORT, s3Address, workflowConfig } from './workflow-config';

/** The settings of Kubeflow Pipelines, in place of upstream's ConfigMaps of the same names, and who may run what. */
export function kubeflowConfigChart(settings: PipelinesSettings): Chart {
  const chart = new Chart(new App(), 'kubeflow-config');
  for (const [name, data] of Object.entries(configMaps(settings))) {
    new k8s.KubeConfigMap(chart, name, { metadata: metadata(name), data });
  }
  const { publisher, runner } = ACCOUNTS;
  new k8s.KubeServiceAccount(chart, publisher, { metadata: metadata(publisher) });
  // Runs of this account are runs like others: only the permissions of its identity differ.
  new k8s.KubeRoleBinding(chart, 'publisher-binding', {
    metadata: metadata(publisher),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: runner },
    subjects: [{ kind: 'ServiceAccount', name: publisher, namespace: KUBEFLOW_NAMESPACE }],
  });
  return chart;
}

/** Changes with the settings that pods read only when they start. */
export function configHash(settings: PipelinesSettings): string {
  return contentHash(installConfig(settings));
}

const metadata = (name: string) => ({ name, namespace: KUBEFLOW_NAMESPACE, labels: { ...STACK_LABELS } });

function configMaps(settings: PipelinesSettings): Record<string, Record<string, string>> {
  return {
    [NAMES.installConfig]: installConfig(settings),
    [NAMES.launcherConfig]: {
      defaultPipelineRoot: pipelineRoot(settings),
      providers: dump(providers(settings)),
    },
    [NAMES.workflowConfig]: workflowConfig(settings),
  };
}

/**
 * A user that few images have: steps run as it, whatever their image says, so that the namespace can refuse root. Upstream
 * mounts writable folders for pip and caches (kubeflow/pipelines, argocompiler/container.go).
 */
const STEP_USER = '10001';

/** Upstream's keys (pipeline-install-config.yaml), with what is meant here in place of its defaults. */
function installConfig(settings: PipelinesSettings): Record<string, string> {
  const fixedUser = settings.platform !== 'openshift';
  return {
    appName: 'pipeline',
    appVersion: '2.17.0',
    dbType: 'mysql',
    mysqlHost: NAMES.databaseService,
    mysqlPort: '3306',
    mlmdDb: 'metadb',
    pipelineDb: 'mlpipeline',
    bucketName: bucketName(settings),
    defaultPipelineRoot: pipelineRoot(settings),
    autoUpdatePipelineDefaultVersion: 'true',
    cronScheduleTimezone: 'UTC',
    ConMaxLifeTime: '120s',
    LOG_LEVEL: 'info',
    ARTIFACTS_PROXY_ENABLED: 'false',
    // What caches, views and visualises pipelines of version 1 is not installed, and they are refused.
    BLOCK_V1_PIPELINES: 'true',
    V1_ALLOWED_NAMESPACES: '',
    defaultSecurityContextRunAsUser: fixedUser ? STEP_USER : '',
    defaultSecurityContextRunAsGroup: fixedUser ? STEP_USER : '',
    defaultSecurityContextRunAsNonRoot: 'true',
    defaultSecurityContextHostUsers: '',
    DRIVER_POD_LABELS: '',
    DRIVER_POD_ANNOTATIONS: '',
  };
}

function bucketName({ artifacts }: PipelinesSettings): string {
  return artifacts.kind === 'seaweedfs' ? SEAWEEDFS_BUCKET : artifacts.bucket;
}

function pipelineRoot(settings: PipelinesSettings): string {
  const scheme = { gcs: 'gs', s3: 's3', seaweedfs: 'minio' }[settings.artifacts.kind];
  return `${scheme}://${bucketName(settings)}/v2/artifacts`;
}

/** How steps reach their store (kubeflow/pipelines, backend/src/v2/config). */
function providers(settings: PipelinesSettings): object {
  const { artifacts } = settings;
  if (artifacts.kind === 'gcs') return { gs: { default: { credentials: { fromEnv: true } } } };
  const credentials = {
    fromEnv: false,
    secretRef: { secretName: storeSecretName(settings), accessKeyKey: 'accesskey', secretKeyKey: 'secretkey' },
  };
  if (artifacts.kind === 'seaweedfs') {
    const endpoint = `${SEAWEEDFS_HOST}:${SEAWEEDFS_PORT}`;
    return { minio: { default: { endpoint, region: 'minio', disableSSL: true, credentials } } };
  }
  const { host, port, tls } = s3Address(artifacts.region, artifacts.endpoint);
  const { region, endpoint } = artifacts;
  return {
    s3: {
      default: {
        endpoint: `${host}:${port}`,
        region,
        disableSSL: !tls,
        ...(endpoint !== undefined && { forcePathStyle: true }),
        credentials,
      },
    },
  };
}
