import { Provider as GcpProvider } from '@pulumi/gcp/provider.js';
import { Provider as KubernetesProvider } from '@pulumi/kubernetes/provider.js';
import { type Input, interpolate, type Resource } from '@pulumi/pulumi';
import { adapterRules } from '../charts/adapter-rules';
import { serverName } from '../constructs/naming';
import { Buckets } from './buckets';
import { Cluster } from './cluster';
import {
  type Environment,
  type ExistingEnvironment,
  type GkeEnvironment,
  monitoringNamespace,
} from './environment/environment';
import { pipelinesSettings } from './environment/kubeflow';
import { GpuOperator } from './gpu-stack';
import { CLOUD_SQL_USER, CloudSql } from './kubeflow/cloud-sql';
import { IdentityAwareProxy } from './kubeflow/identity-aware-proxy';
import { KubeflowPipelines, type KubeflowPipelinesArgs } from './kubeflow/kubeflow-pipelines';
import { Monitoring } from './monitoring';
import { Network } from './network';
import { NodeIdentity } from './node-identity';
import { NodePools } from './node-pools';
import { ProjectServices } from './project-services';
import { Serving } from './serving';

/** What a stack exports. */
export type StackOutputs = Record<string, Input<unknown>>;

/** Registers everything that an environment consists of. The same for the engine and for the offline preview. */
export function deploy(environment: Environment): Promise<StackOutputs> {
  return environment.kind === 'gke' ? deployGke(environment) : deployExisting(environment);
}

async function deployGke(environment: GkeEnvironment): Promise<StackOutputs> {
  const { platform, gpuStack } = environment;
  // A provider of the stack's own: nothing depends on the caller's default project or region.
  const gcp = new GcpProvider('gcp', { project: platform.project, region: platform.region });
  const services = new ProjectServices(environment, { providers: [gcp] });
  const google = { providers: [gcp], dependsOn: [services] };
  const network = new Network(environment, google);
  const nodes = new NodeIdentity(environment, google);
  const cluster = new Cluster({ environment, network, nodeServiceAccount: nodes.email }, google);
  const pools = new NodePools(
    { environment, cluster: cluster.cluster, nodeServiceAccount: nodes.email, egress: network.nat },
    // Nodes that start before their account has its roles pull no images.
    { ...google, dependsOn: [services, nodes] },
  );
  // The workload identity pool that permissions name comes with the cluster.
  const buckets = new Buckets(environment, cluster, google);

  const provider = new KubernetesProvider('kubernetes', {
    kubeconfig: cluster.kubeconfig,
    enableServerSideApply: true,
  });
  const kubernetes = { providers: [provider], dependsOn: [pools] };
  const gpu = gpuStack.kind === 'gpu-operator' ? [new GpuOperator(environment, gpuStack, kubernetes)] : [];
  const { kubeflow } = environment;
  const parts: GoogleParts = {
    ...(kubeflow.kind === 'pipelines' &&
      kubeflow.database.kind === 'cloud-sql' && {
        database: new CloudSql({ environment, database: kubeflow.database, network, cluster }, google),
      }),
    ...(kubeflow.kind === 'pipelines' &&
      kubeflow.access.kind === 'iap' && { iap: new IdentityAwareProxy(environment, kubeflow.access, google) }),
  };
  await deployApplications(environment, kubernetes, [...gpu, buckets], parts);
  return {
    cluster: cluster.cluster.name,
    connect: interpolate`gcloud container clusters get-credentials ${cluster.cluster.name} --location ${platform.region} --project ${platform.project} --dns-endpoint`,
    modelsBucket: interpolate`gs://${buckets.buckets.models.name}`,
    artifactsBucket: interpolate`gs://${buckets.buckets.artifacts.name}`,
    dataBucket: interpolate`gs://${buckets.buckets.data.name}`,
    ...(parts.iap !== undefined && { kubeflowAddress: parts.iap.address }),
    ...serverOutputs(environment),
  };
}

/** What Google runs for Kubeflow, where the environment asks for it. */
interface GoogleParts {
  readonly database?: CloudSql;
  readonly iap?: IdentityAwareProxy;
}

async function deployExisting(environment: ExistingEnvironment): Promise<StackOutputs> {
  const provider = new KubernetesProvider('kubernetes', {
    context: environment.platform.context,
    enableServerSideApply: true,
  });
  await deployApplications(environment, { providers: [provider] }, []);
  return {
    context: environment.platform.context,
    ...serverOutputs(environment),
    ...(environment.monitoring.kind === 'existing' && { adapterRules: adapterRules() }),
  };
}

async function deployApplications(
  environment: Environment,
  options: { readonly providers: KubernetesProvider[]; readonly dependsOn?: Resource[] },
  after: readonly Resource[],
  google: GoogleParts = {},
): Promise<void> {
  deployKubeflow(environment, options, google);
  const monitoring = new Monitoring(environment, options);
  const dependsOn = [...(options.dependsOn ?? []), ...monitoring.ready, ...after];
  await Serving.deploy(environment, { ...options, dependsOn });
}

function deployKubeflow(
  environment: Environment,
  options: { readonly providers: KubernetesProvider[]; readonly dependsOn?: Resource[] },
  { database, iap }: GoogleParts,
): void {
  const { kubeflow } = environment;
  if (kubeflow.kind === 'none') return;
  const args: KubeflowPipelinesArgs = {
    settings: pipelinesSettings(environment, kubeflow, monitoringNamespace(environment)),
    ...(database !== undefined && {
      database: { username: CLOUD_SQL_USER, password: database.password, ready: database.ready },
    }),
  };
  const dependsOn = [...(options.dependsOn ?? []), ...(iap === undefined ? [] : [iap])];
  new KubeflowPipelines(args, { ...options, dependsOn });
}

function serverOutputs(environment: Environment): StackOutputs {
  const { servingNamespace: namespace, models } = environment;
  return {
    servers: Object.fromEntries(
      models.map(({ model }) => [model.name, `${serverName(model.name)}.${namespace}.svc:8000`]),
    ),
  };
}
