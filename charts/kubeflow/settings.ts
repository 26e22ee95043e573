import type { Platform } from '../../constructs/platform';

/** The namespace of Kubeflow Pipelines: names of services in upstream's manifests hold it. */
export const KUBEFLOW_NAMESPACE = 'kubeflow';

/** Objects that upstream's pods refer to by name. */
export const NAMES = {
  /** `username` and `password` of the database. */
  databaseSecret: 'mysql-secret',
  /** `accesskey` and `secretkey` of the object store. */
  storeSecret: 'mlpipeline-minio-artifact',
  /** What the UI signs the addresses of its own proxy with. */
  signingSecret: 'ml-pipeline-ui-signing',
  /** Settings of the API server, the UI and the others, by variables of their environment. */
  installConfig: 'pipeline-install-config',
  /** Where steps keep their artifacts. */
  launcherConfig: 'kfp-launcher',
  /** Settings of Argo's controller. */
  workflowConfig: 'workflow-controller-configmap',
  /** Host of the database, whatever is behind it. */
  databaseService: 'mysql',
} as const;

/** ServiceAccounts, as permissions name them. */
export const ACCOUNTS = {
  /** Of a run's steps, where the run names none. */
  runner: 'pipeline-runner',
  /** Of runs that publish models: whoever writes a model repository runs code in the servers. */
  publisher: 'model-publisher',
  /** Shows artifacts. */
  ui: 'ml-pipeline-ui',
  /** Of the proxy in front of Cloud SQL. */
  database: 'cloud-sql-proxy',
} as const;

/** Where runs keep their artifacts. */
export type ArtifactStore =
  | {
      /** A bucket of Cloud Storage, by workload identity. */
      readonly kind: 'gcs';
      readonly bucket: string;
    }
  | {
      /** A bucket of S3, or of a store that speaks it. */
      readonly kind: 's3';
      readonly bucket: string;
      readonly region: string;
      /** `https://HOST` or `http://HOST:PORT`. @default AWS's of the region */
      readonly endpoint?: string;
      /** A Secret in the namespace, with `accesskey` and `secretkey`. */
      readonly secretName: string;
    }
  | {
      /** A SeaweedFS of the installation's own, on a volume. */
      readonly kind: 'seaweedfs';
      readonly storageGb: number;
      /** @default the cluster's default class */
      readonly storageClass?: string;
    };

/** Where Kubeflow Pipelines keeps runs, pipelines and metadata. */
export type PipelineDatabase =
  | {
      /** A MySQL of the installation's own, on a volume. */
      readonly kind: 'in-cluster';
      readonly storageGb: number;
      /** @default the cluster's default class */
      readonly storageClass?: string;
    }
  | {
      readonly kind: 'cloud-sql';
      /** `PROJECT:REGION:NAME` */
      readonly instance: string;
    };

/** How people reach the UI. */
export type UiAccess =
  | { readonly kind: 'port-forward' }
  | {
      /** Google's load balancer, which asks who somebody is (Identity-Aware Proxy). */
      readonly kind: 'iap';
      readonly host: string;
      /** Of the OAuth client that people sign in with. */
      readonly clientId: string;
      /** A Secret in the namespace, with the client's secret under `key`. */
      readonly clientSecretName: string;
      /** Names, in the project, of the load balancer's address and of its certificate. */
      readonly addressName: string;
      readonly certificateName: string;
    }
  | {
      /** OpenShift's router, which asks nobody who they are: it lets in the addresses that are named, and no others. */
      readonly kind: 'route';
      /** @default the router chooses */
      readonly host?: string;
      /** CIDR of each network that people are in. */
      readonly allowFrom: readonly string[];
    };

/** All that the objects of Kubeflow Pipelines follow from. */
export interface PipelinesSettings {
  readonly platform: Platform;
  readonly artifacts: ArtifactStore;
  readonly database: PipelineDatabase;
  readonly access: UiAccess;
  /** GPUs that all steps together may hold. */
  readonly gpuQuota: number;
  /** Whether steps may run on spot nodes, which are taken away with 30 seconds' notice. */
  readonly spotNodes: boolean;
  /** The namespace that scrapes metrics. */
  readonly monitoringNamespace: string;
}

/** The Secret that the store's keys are in; none where identities do. */
export function storeSecretName({ artifacts }: Pick<PipelinesSettings, 'artifacts'>): string | undefined {
  switch (artifacts.kind) {
    case 'gcs':
      return undefined;
    case 's3':
      return artifacts.secretName;
    case 'seaweedfs':
      return NAMES.storeSecret;
  }
}
