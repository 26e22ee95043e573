import type { ArtifactStore, PipelinesSettings, UiAccess } from '../../charts/kubeflow/settings';
import { keyOf } from '../../models/parse';
import { type GpuPool, poolGpus } from '../../models/placement';
import type { Problem } from '../../models/problem';
import type { Environment, ServedModel } from './environment';
import type { KubeflowConfig } from './schema';

const NAMESPACE = 'triton-stack:';

/** An instance of Cloud SQL that is made for Kubeflow Pipelines. */
export interface CloudSqlDatabase {
  readonly kind: 'cloud-sql';
  /** In the project. */
  readonly instanceName: string;
  /** `PROJECT:REGION:NAME` */
  readonly instance: string;
  readonly tier: string;
  readonly diskGb: number;
  readonly highAvailability: boolean;
}

/** A load balancer that asks who somebody is, and who may. */
export type IapAccess = Extract<UiAccess, { kind: 'iap' }> & {
  /** As IAM writes them: `group:ml@example.com`. */
  readonly members: readonly string[];
};

/** Kubeflow as an environment has it, with everything about it decided. */
export type Kubeflow =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'pipelines';
      readonly artifacts: ArtifactStore;
      readonly database: Extract<PipelinesSettings['database'], { kind: 'in-cluster' }> | CloudSqlDatabase;
      readonly access: Exclude<UiAccess, { kind: 'iap' }> | IapAccess;
      readonly gpuQuota: number;
    }
  | {
      readonly kind: 'platform';
      /** Who signs in first. */
      readonly owner: string;
      readonly gpuQuota: number;
    };

/** What Kubeflow is decided by, beside its own key. */
export interface KubeflowSurroundings {
  readonly platform:
    | {
        readonly kind: 'gke';
        readonly name: string;
        readonly project: string;
        readonly region: string;
        readonly bucket: string;
      }
    | { readonly kind: 'existing'; readonly flavour: 'kubernetes' | 'openshift' };
  readonly pools: readonly GpuPool[];
  readonly models: readonly ServedModel[];
}

interface Decided {
  readonly value: Kubeflow;
  readonly problems: readonly Problem[];
}

const key = (...path: PropertyKey[]) => keyOf(['kubeflow', ...path], NAMESPACE);

/** Decides what the file leaves open, and refuses what cannot work. */
export function decideKubeflow(config: KubeflowConfig, around: KubeflowSurroundings): Decided {
  if (config.kind === 'none') return { value: config, problems: [] };
  const { platform } = around;
  const gpuQuota = config.gpuQuota ?? spareGpus(around);
  if (config.kind === 'platform') {
    const problems = [...platformProblems(platform), ...quotaProblems(config.gpuQuota, around)];
    return { value: { ...config, gpuQuota }, problems };
  }
  return {
    value: {
      kind: 'pipelines',
      artifacts: artifactStore(config.artifacts, platform),
      database: database(config.database, platform),
      access: access(config.access, platform),
      gpuQuota,
    },
    problems: [
      ...artifactProblems(config.artifacts, platform),
      ...databaseProblems(config.database, platform),
      ...accessProblems(config.access, platform),
      ...quotaProblems(config.gpuQuota, around),
    ],
  };
}

type Pipelines = Extract<KubeflowConfig, { kind: 'pipelines' }>;
type Around = KubeflowSurroundings['platform'];

/** GPUs that are left when every model has its least number of replicas: servers have the others first. */
function spareGpus({ pools, models }: KubeflowSurroundings): number {
  const all = pools.reduce((sum, pool) => sum + poolGpus(pool), 0);
  const served = models.reduce(
    (sum, { model, placement }) => sum + model.scale.min * placement.podsPerReplica * placement.gpusPerPod,
    0,
  );
  return Math.max(0, all - served);
}

function quotaProblems(quota: number | undefined, { pools }: KubeflowSurroundings): Problem[] {
  const all = pools.reduce((sum, pool) => sum + poolGpus(pool), 0);
  if (quota === undefined || quota <= all) return [];
  return [
    {
      key: key('gpuQuota'),
      value: quota,
      reason: `the pools have ${all} GPUs when they are fully grown: steps would be admitted and wait for ever`,
      allowed: `0 to ${all}`,
      fix: `set it to ${all} or less, or raise the size of a pool`,
    },
  ];
}

function platformProblems(platform: Around): Problem[] {
  if (platform.kind === 'gke' || platform.flavour === 'kubernetes') return [];
  return [
    {
      key: key('kind'),
      value: 'platform',
      reason: "its Istio and its operators fix user IDs and reach for the nodes, which OpenShift's constraints refuse",
      allowed: 'pipelines, none',
      fix: 'take pipelines, or install Red Hat OpenShift AI, which brings dashboard and notebooks',
    },
  ];
}

const SEAWEEDFS_GB = 50;

function artifactStore(artifacts: Pipelines['artifacts'], platform: Around): ArtifactStore {
  if (platform.kind === 'gke') return { kind: 'gcs', bucket: platform.bucket };
  if (artifacts === undefined || artifacts.kind === 'environment-bucket') {
    return { kind: 'seaweedfs', storageGb: SEAWEEDFS_GB };
  }
  return artifacts;
}

function artifactProblems(artifacts: Pipelines['artifacts'], platform: Around): Problem[] {
  if (artifacts === undefined) return [];
  const own = artifacts.kind === 'environment-bucket';
  if (platform.kind === 'gke' && !own) {
    return [
      {
        key: key('artifacts', 'kind'),
        value: artifacts.kind,
        reason: 'would need keys, and the environment has a bucket that steps reach by their identity',
        allowed: 'environment-bucket',
        fix: 'remove it',
      },
    ];
  }
  if (platform.kind === 'existing' && own) {
    return [
      {
        key: key('artifacts', 'kind'),
        value: artifacts.kind,
        reason: 'the stack makes no bucket on a cluster that is already there',
        allowed: 'seaweedfs, s3',
      },
    ];
  }
  return [];
}

function database(config: Pipelines['database'], platform: Around) {
  if (config.kind === 'in-cluster') return config;
  const { project, region, name } = platform.kind === 'gke' ? platform : { project: '', region: '', name: '' };
  const instanceName = `triton-${name}-kubeflow`;
  return { ...config, instanceName, instance: `${project}:${region}:${instanceName}` };
}

function databaseProblems({ kind }: Pipelines['database'], platform: Around): Problem[] {
  if (kind === 'in-cluster' || platform.kind === 'gke') return [];
  return [
    {
      key: key('database', 'kind'),
      value: kind,
      reason: "is a service of Google's in the network that the stack makes, and here it makes none",
      allowed: 'in-cluster',
    },
  ];
}

function access(config: Pipelines['access'], platform: Around): Extract<Kubeflow, { kind: 'pipelines' }>['access'] {
  if (config.kind !== 'iap') return config;
  const name = `triton-${platform.kind === 'gke' ? platform.name : ''}-kubeflow`;
  const { host, clientId, clientSecretName, members } = config;
  return { kind: 'iap', host, clientId, clientSecretName, members, addressName: name, certificateName: name };
}

function accessProblems({ kind }: Pipelines['access'], platform: Around): Problem[] {
  const flavour = platform.kind === 'gke' ? 'gke' : platform.flavour;
  const allowed = { gke: ['port-forward', 'iap'], openshift: ['port-forward', 'route'], kubernetes: ['port-forward'] }[
    flavour
  ];
  if (allowed.includes(kind)) return [];
  return [
    {
      key: key('access', 'kind'),
      value: kind,
      reason: kind === 'iap' ? "asks who somebody is at Google's load balancer, and there is none" : 'is of OpenShift',
      allowed: allowed.join(', '),
      fix:
        flavour === 'kubernetes'
          ? 'leave it at port-forward, or put a proxy that asks for a login in front of the Service ml-pipeline-ui'
          : `set it to ${allowed.join(' or ')}`,
    },
  ];
}

/** What the objects of Kubeflow Pipelines follow from. */
export function pipelinesSettings(
  environment: Environment,
  kubeflow: Extract<Kubeflow, { kind: 'pipelines' }>,
  monitoringNamespace: string,
): PipelinesSettings {
  const { artifacts, database: settled, access: way, gpuQuota } = kubeflow;
  return {
    platform: environment.flavour,
    artifacts,
    database: settled,
    access: way,
    gpuQuota,
    spotNodes: environment.pools.some(({ spot }) => spot),
    monitoringNamespace,
  };
}
