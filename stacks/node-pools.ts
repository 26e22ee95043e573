import type { Cluster as GkeCluster } from '@pulumi/gcp/container/cluster.js';
import { NodePool, type NodePoolArgs } from '@pulumi/gcp/container/nodePool.js';
import type { Input, Resource } from '@pulumi/pulumi';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment, GkePool } from './environment/environment';

export interface NodePoolsArgs {
  readonly environment: GkeEnvironment;
  readonly cluster: GkeCluster;
  readonly nodeServiceAccount: Input<string>;
  /** What has to be there before nodes can pull images. */
  readonly egress: Resource;
}

type NodeConfig = Exclude<NodePoolArgs['nodeConfig'], undefined>;
type GpuStack = GkeEnvironment['gpuStack'];

/**
 * One pool for the system's own pods and one for each kind of GPU node. Pools keep their generated names: one that has
 * to be replaced is created before the old one goes.
 */
export class NodePools extends Component {
  readonly system: NodePool;
  readonly gpu: readonly NodePool[];

  constructor(args: NodePoolsArgs, opts: ComponentOptions) {
    super('gke:NodePools', 'pools', opts);
    const { environment, cluster, egress } = args;
    const { systemPool, platform } = environment;
    const common = {
      cluster: cluster.id,
      location: platform.region,
      management: { autoRepair: true, autoUpgrade: true },
      networkConfig: { enablePrivateNodes: true },
      // The autoscaler's nodes are no drift.
      ignoreNodeCountChanges: true,
    };
    this.system = new NodePool(
      'system',
      {
        ...common,
        ...initialNodes(systemPool.min, ZONES_OF_A_REGION),
        autoscaling: {
          locationPolicy: 'BALANCED',
          totalMinNodeCount: systemPool.min,
          totalMaxNodeCount: systemPool.max,
        },
        upgradeSettings: { strategy: 'SURGE', maxSurge: 1, maxUnavailable: 0 },
        nodeConfig: nodeConfig(args, {
          machineType: systemPool.machineType,
          diskSizeGb: systemPool.diskGb,
          imageType: 'COS_CONTAINERD',
          labels: { 'triton-stack/pool': 'system' },
          shieldedInstanceConfig: { enableSecureBoot: true, enableIntegrityMonitoring: true },
        }),
      },
      { ...this.childAfter(egress), ignoreChanges: ['initialNodeCount'] },
    );
    this.gpu = environment.pools.map(
      (pool) =>
        new NodePool(
          pool.name,
          {
            ...common,
            ...initialNodes(pool.config.min, pool.config.zones.length),
            nodeLocations: [...pool.config.zones],
            // ANY: a node comes from whichever zone has a GPU left.
            autoscaling: {
              locationPolicy: 'ANY',
              totalMinNodeCount: pool.config.min,
              totalMaxNodeCount: pool.config.max,
            },
            // GPUs for a surge are seldom to be had: upgrades take a node away first.
            upgradeSettings: { strategy: 'SURGE', maxSurge: 0, maxUnavailable: 1 },
            nodeConfig: gpuNodeConfig(args, pool),
          },
          // GKE taints GPU nodes only where another pool is there to take the system's pods.
          { ...this.childAfter(egress, this.system), ignoreChanges: ['initialNodeCount'] },
        ),
    );
    this.registerOutputs({});
  }
}

/** Zones that a regional cluster spreads a pool over where the pool names none. */
const ZONES_OF_A_REGION = 3;

/** Nodes of each zone at first: the autoscaler keeps a pool above its least size, and does not bring it there. */
function initialNodes(min: number, zones: number): Pick<NodePoolArgs, 'initialNodeCount'> {
  return min === 0 ? {} : { initialNodeCount: Math.ceil(min / zones) };
}

function nodeConfig(args: NodePoolsArgs, config: NodeConfig): NodeConfig {
  return {
    diskType: 'pd-balanced',
    serviceAccount: args.nodeServiceAccount,
    // Permissions are the service account's roles; scopes would only hide them.
    oauthScopes: ['https://www.googleapis.com/auth/cloud-platform'],
    workloadMetadataConfig: { mode: 'GKE_METADATA' },
    metadata: { 'disable-legacy-endpoints': 'true' },
    gvnic: { enabled: true },
    kubeletConfig: { insecureKubeletReadonlyPortEnabled: 'FALSE' },
    resourceLabels: {
      ...args.environment.labels,
      environment: args.environment.name,
      'managed-by': 'triton-stack',
    },
    ...config,
  };
}

function gpuNodeConfig(args: NodePoolsArgs, pool: GkePool): NodeConfig {
  const stack = gpuStackOfNodes(args.environment.gpuStack);
  return nodeConfig(args, {
    machineType: pool.config.machineType,
    diskSizeGb: pool.config.diskGb,
    imageType: stack.imageType,
    guestAccelerators: [
      {
        type: pool.accelerator,
        count: pool.gpusPerNode,
        gpuDriverInstallationConfig: { gpuDriverVersion: stack.gpuDriverVersion },
      },
    ],
    spot: pool.spot,
    labels: { ...pool.config.labels, 'triton-stack/pool': pool.name, ...stack.labels },
    taints: [
      { key: 'nvidia.com/gpu', value: 'present', effect: 'NO_SCHEDULE' },
      ...(pool.spot ? [{ key: 'cloud.google.com/gke-spot', value: 'true', effect: 'NO_SCHEDULE' }] : []),
    ],
    shieldedInstanceConfig: { enableSecureBoot: stack.secureBoot, enableIntegrityMonitoring: true },
  });
}

interface GpuStackOfNodes {
  readonly imageType: 'COS_CONTAINERD' | 'UBUNTU_CONTAINERD';
  readonly gpuDriverVersion: 'INSTALLATION_DISABLED' | 'DEFAULT' | 'LATEST';
  readonly labels: Readonly<Record<string, string>>;
  readonly secureBoot: boolean;
}

/** Keeps GKE's device plugin off nodes where the GPU Operator brings one. */
const NO_DEVICE_PLUGIN = { 'gke-no-default-nvidia-gpu-device-plugin': 'true' };

/** The one owner of driver and device plugin on a node, by GPU stack. */
function gpuStackOfNodes(stack: GpuStack): GpuStackOfNodes {
  if (stack.kind === 'gke-managed') {
    return {
      imageType: 'COS_CONTAINERD',
      gpuDriverVersion: stack.driver === 'latest' ? 'LATEST' : 'DEFAULT',
      labels: {},
      secureBoot: true,
    };
  }
  const ubuntu = stack.nodeImage === 'ubuntu';
  return {
    imageType: ubuntu ? 'UBUNTU_CONTAINERD' : 'COS_CONTAINERD',
    gpuDriverVersion: 'INSTALLATION_DISABLED',
    labels: NO_DEVICE_PLUGIN,
    // The driver that the operator builds is not signed: secure boot would refuse it (gpu-operator #1726).
    secureBoot: !ubuntu,
  };
}
