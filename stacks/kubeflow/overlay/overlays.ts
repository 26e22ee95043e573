import { KUBEFLOW_NAMESPACE, NAMES, type PipelinesSettings } from '../../../charts/kubeflow/settings';
import { versions } from '../../../models/versions';
import { deploymentPatches, WORKLOADS } from './deployments';
import {
  atGithub,
  imageOverride,
  KUSTOMIZATION,
  type Kustomization,
  type KustomizePatch,
  type Locate,
  merge,
  type Overlay,
  remove,
} from './kustomization';
import { withoutFixedUsers } from './openshift';
import { rolePatches } from './roles';

const { images, upstream } = versions;
const { kubeflowPipelines: pipelines, argoWorkflows: argo } = upstream;

/** The stages of Kubeflow Pipelines that come from upstream's manifests. */
export interface Overlays {
  readonly definitions: Overlay;
  /** None with Cloud SQL. */
  readonly database?: Overlay;
  /** None with a store that others run. */
  readonly store?: Overlay;
  readonly pipelines: Overlay;
}

/** Upstream's label, which its own overlays put into selectors. */
const LABELS = [{ includeSelectors: true, pairs: { 'application-crd-id': 'kubeflow-pipelines' } }] as const;

/**
 * Our kustomizations over upstream's, each folder by the commit of `versions.json`.
 *
 * They are made of upstream's bases and not of its environments: `env/platform-agnostic` names Argo by a tag, which can
 * move, and `env/gcp` refers to a Secret that it does not bring.
 *
 * @param locate - where upstream's folders are @default at GitHub
 */
export function kubeflowOverlays(settings: PipelinesSettings, locate: Locate = atGithub): Overlays {
  const kfp = (folder: string) => locate(pipelines, `manifests/kustomize/${folder}`);
  const workflows = (folder: string) => locate(argo, `manifests/${folder}`);
  const inCluster = settings.database.kind === 'in-cluster';
  return {
    definitions: {
      name: 'definitions',
      sources: [pipelines, argo],
      kustomization: {
        ...KUSTOMIZATION,
        resources: [kfp('base/pipeline/cluster-scoped'), workflows('base/crds/minimal')],
        // Viewers are of version 1: they start whatever image somebody names.
        patches: [remove('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'viewers.kubeflow.org')],
      },
    },
    ...(inCluster && { database: { name: 'database', sources: [pipelines], kustomization: database(settings, kfp) } }),
    ...(settings.artifacts.kind === 'seaweedfs' && {
      store: { name: 'store', sources: [pipelines], kustomization: store(settings, kfp) },
    }),
    pipelines: {
      name: 'pipelines',
      sources: [pipelines, argo],
      kustomization: {
        ...KUSTOMIZATION,
        namespace: KUBEFLOW_NAMESPACE,
        resources: [
          kfp('base/installs/generic'),
          kfp('base/metadata/base'),
          workflows('base/workflow-controller'),
          workflows('namespace-install/workflow-controller-rbac'),
        ],
        labels: LABELS,
        images: [
          imageOverride('ghcr.io/kubeflow/kfp-api-server', images.kfpApiServer),
          imageOverride('ghcr.io/kubeflow/kfp-persistence-agent', images.kfpPersistenceAgent),
          imageOverride('ghcr.io/kubeflow/kfp-scheduled-workflow-controller', images.kfpScheduledWorkflow),
          imageOverride('ghcr.io/kubeflow/kfp-frontend', images.kfpFrontend),
          imageOverride('ghcr.io/kubeflow/kfp-metadata-envoy', images.kfpMetadataEnvoy),
          imageOverride('gcr.io/tfx-oss-public/ml_metadata_store_server', images.mlMetadata),
          imageOverride('quay.io/argoproj/workflow-controller', images.argoController),
          imageOverride('docker.io/alpine', images.alpine),
        ],
        patches: [
          ...versionOne,
          ...ownObjects,
          ...rolePatches(settings),
          ...deploymentPatches(settings),
          ...(settings.platform === 'openshift' ? openshift : []),
        ],
      },
    },
  };
}

const account = (name: string) => remove('v1', 'ServiceAccount', name);
const role = (name: string) => remove('rbac.authorization.k8s.io/v1', 'Role', name);
const binding = (name: string) => remove('rbac.authorization.k8s.io/v1', 'RoleBinding', name);
const deployment = (name: string) => remove('apps/v1', 'Deployment', name);
const service = (name: string) => remove('v1', 'Service', name);

/**
 * What serves pipelines of version 1 alone. Upstream's `env/openshift` runs none of it either, but for the metadata writer,
 * which passes over the pods of version 2 (metadata_writer.py, is_kfp_v2_pod), as the cache's webhook does
 * (backend/src/cache/server/mutation.go).
 *
 * With the cache go a webhook on port 8443, which a private cluster's firewall keeps from the API server, and the deployer
 * that signs its certificate with rights over the whole cluster.
 */
const versionOne: readonly KustomizePatch[] = [
  deployment('cache-server'),
  service('cache-server'),
  account('kubeflow-pipelines-cache'),
  role('kubeflow-pipelines-cache-role'),
  binding('kubeflow-pipelines-cache-binding'),
  deployment('cache-deployer-deployment'),
  role('kubeflow-pipelines-cache-deployer-role'),
  binding('kubeflow-pipelines-cache-deployer-rolebinding'),
  deployment('metadata-writer'),
  account('kubeflow-pipelines-metadata-writer'),
  role('kubeflow-pipelines-metadata-writer-role'),
  binding('kubeflow-pipelines-metadata-writer-binding'),
  deployment('ml-pipeline-viewer-crd'),
  account('ml-pipeline-viewer-crd-service-account'),
  account('kubeflow-pipelines-viewer'),
  role('ml-pipeline-viewer-controller-role'),
  binding('ml-pipeline-viewer-crd-binding'),
  deployment('ml-pipeline-visualizationserver'),
  service('ml-pipeline-visualizationserver'),
  account('ml-pipeline-visualizationserver'),
  account('kubeflow-pipelines-container-builder'),
];

/** What is a resource of its own, with values of the environment and generated passwords. */
const ownObjects: readonly KustomizePatch[] = [
  remove('v1', 'ConfigMap', NAMES.installConfig),
  remove('v1', 'ConfigMap', NAMES.launcherConfig),
  remove('v1', 'ConfigMap', NAMES.workflowConfig),
  remove('v1', 'Secret', NAMES.databaseSecret),
];

/** How many init containers each has (upstream's Deployments); Argo's controller names no user. */
const INIT_CONTAINERS: Readonly<Record<string, number>> = {
  'metadata-grpc-deployment': 1,
  'metadata-envoy-deployment': 0,
  'ml-pipeline': 2,
  'ml-pipeline-persistenceagent': 1,
  'ml-pipeline-scheduledworkflow': 1,
  'ml-pipeline-ui': 0,
};

const openshift: readonly KustomizePatch[] = Object.keys(WORKLOADS)
  .filter((name) => INIT_CONTAINERS[name] !== undefined)
  .map((name) => withoutFixedUsers(name, { init: INIT_CONTAINERS[name] ?? 0, main: 1 }));

type Folder = (folder: string) => string;

interface Claim {
  readonly storageGb: number;
  readonly storageClass?: string;
}

/** @param metadata - what kustomize knows it by */
function claim(metadata: { name: string; namespace?: string }, { storageGb, storageClass }: Claim): KustomizePatch {
  return merge('v1', 'PersistentVolumeClaim', metadata.name, {
    metadata,
    spec: {
      resources: { requests: { storage: `${storageGb}Gi` } },
      ...(storageClass !== undefined && { storageClassName: storageClass }),
    },
  });
}

/** Upstream's MySQL, whose root has no password, with one. */
function database(settings: PipelinesSettings, kfp: Folder): Kustomization {
  const { database: settled } = settings;
  if (settled.kind !== 'in-cluster') throw new Error('there is no MySQL in the cluster with Cloud SQL');
  return {
    ...KUSTOMIZATION,
    namespace: KUBEFLOW_NAMESPACE,
    resources: [kfp('third-party/mysql/base')],
    labels: LABELS,
    images: [imageOverride('mysql', images.mysql)],
    patches: [
      claim({ name: 'mysql-pv-claim' }, settled),
      merge('apps/v1', 'Deployment', 'mysql', {
        spec: {
          template: {
            spec: {
              automountServiceAccountToken: false,
              containers: [
                {
                  name: 'mysql',
                  env: [
                    { name: 'MYSQL_ALLOW_EMPTY_PASSWORD', $patch: 'delete' },
                    {
                      name: 'MYSQL_ROOT_PASSWORD',
                      valueFrom: { secretKeyRef: { name: NAMES.databaseSecret, key: 'password' } },
                    },
                  ],
                  readinessProbe: { tcpSocket: { port: 'mysql' }, initialDelaySeconds: 5, periodSeconds: 5 },
                  livenessProbe: { tcpSocket: { port: 'mysql' }, periodSeconds: 20, failureThreshold: 6 },
                  // The first start makes the files of the database.
                  startupProbe: { tcpSocket: { port: 'mysql' }, periodSeconds: 5, failureThreshold: 60 },
                  resources: { requests: { cpu: '100m', memory: '800Mi' }, limits: { memory: '2Gi' } },
                },
              ],
            },
          },
        },
      }),
      ...(settings.platform === 'openshift' ? [withoutFixedUsers('mysql', { init: 0, main: 1, pod: true })] : []),
    ],
  };
}

/** Upstream's SeaweedFS, with generated keys in place of minio, minio123. */
function store(settings: PipelinesSettings, kfp: Folder): Kustomization {
  const { artifacts } = settings;
  if (artifacts.kind !== 'seaweedfs') throw new Error('there is no SeaweedFS beside another store');
  return {
    ...KUSTOMIZATION,
    namespace: KUBEFLOW_NAMESPACE,
    resources: [kfp('third-party/seaweedfs/base')],
    labels: LABELS,
    images: [imageOverride('ghcr.io/chrislusf/seaweedfs', images.seaweedfs)],
    patches: [
      remove('v1', 'Secret', NAMES.storeSecret),
      // It lets in more than what is installed here: Istio, and the namespaces of profiles.
      remove('networking.k8s.io/v1', 'NetworkPolicy', 'seaweedfs'),
      claim({ name: 'seaweedfs-pvc', namespace: KUBEFLOW_NAMESPACE }, artifacts),
      merge('apps/v1', 'Deployment', 'seaweedfs', {
        // Upstream's files of SeaweedFS say the namespace, by which kustomize then knows the objects.
        metadata: { name: 'seaweedfs', namespace: KUBEFLOW_NAMESPACE },
        spec: {
          template: {
            spec: {
              automountServiceAccountToken: false,
              containers: [
                {
                  name: 'seaweedfs',
                  resources: { requests: { cpu: '64m', memory: '256Mi' }, limits: { memory: '1Gi' } },
                },
              ],
            },
          },
        },
      }),
      ...(settings.platform === 'openshift' ? [withoutFixedUsers('seaweedfs', { init: 0, main: 1, pod: true })] : []),
    ],
  };
}
