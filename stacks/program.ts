import { Provider as GcpProvider } from '@pulumi/gcp/provider.js';
import { Provider as KubernetesProvider } from '@pulumi/kubernetes/provider.js';
import { type Input, interpolate, type Resource } from '@pulumi/pulumi';
import { adapterRules } from '../charts/adapter-rules';
import { serverName } from '../constructs/naming';
import { Buckets } from './buckets';
import { Cluster } from './cluster';
import type { Environment, ExistingEnvironment, GkeEnvironment } from './environment/environment';
import { GpuOperator } from './gpu-stack';
import { deployKubeflow, type GoogleParts, googleParts, type KubeflowOutputs } from './kubeflow/deploy-kubeflow';
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
  const parts = googleParts(environment, { network, cluster }, google);
  const kubeflow = await deployApplications(environment, kubernetes, [...gpu, buckets], parts);
  return {
    cluster: cluster.cluster.name,
    connect: interpolate`gcloud container clusters get-credentials ${cluster.cluster.name} --location ${platform.region} --project ${platform.project} --dns-endpoint`,
    modelsBucket: interpolate`gs://${buckets.buckets.models.name}`,
    artifactsBucket: interpolate`gs://${buckets.buckets.artifacts.name}`,
    dataBucket: interpolate`gs://${buckets.buckets.data.name}`,
    ...kubeflow,
    ...serverOutputs(environment),
  };
}

async function deployExisting(environment: ExistingEnvironment): Promise<StackOutputs> {
  const provider = new KubernetesProvider('kubernetes', {
    context: environment.platform.context,
    enableServerSideApply: true,
  });
  const kubeflow = await deployApplications(environment, { providers: [provider] }, []);
  return {
    context: environment.platform.context,
    ...kubeflow,
    ...serverOutputs(environment),
    ...(environment.monitoring.kind === 'existing' && { adapterRules: adapterRules() }),
  };
}

async function deployApplications(
  environment: Environment,
  options: { readonly providers: KubernetesProvider[]; readonly dependsOn?: Resource[] },
  after: readonly Resource[],
  google: GoogleParts = {},
): Promise<KubeflowOutputs> {
  const kubeflow = deployKubeflow(environment, options, google);
  const monitoring = new Monitoring(environment, options);
  const dependsOn = [...(options.dependsOn ?? []), ...monitoring.ready, ...after];
  await Serving.deploy(environment, { ...options, dependsOn });
  return kubeflow;
}

function serverOutputs(environment: Environment): StackOutputs {
  const { servingNamespace: namespace, models } = environment;
  return {
    servers: Object.fromEntries(
      models.map(({ model }) => [model.name, `${serverName(model.name)}.${namespace}.svc:8000`]),
    ),
  };
}
