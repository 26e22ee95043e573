import { at, entries, isOpaque, isSet, list, mayBe } from '../resource';
import type { ResourceRule, Violation } from '../rule';

const CLUSTER = 'gcp:container/cluster:Cluster';
const POOL = 'gcp:container/nodePool:NodePool';
const BUCKET = 'gcp:storage/bucket:Bucket';

/** The numbers of the benchmark as google/gke-policy-automation has them, gke-policies-v2/README.md. */
const CIS = 'CIS GKE Benchmark 1.4';

export const privateNodes: ResourceRule = {
  id: 'private-nodes',
  title: 'nodes have no public addresses',
  severity: { development: 'error', production: 'error' },
  reason: 'a node with an address can be reached from the internet whatever the pods on it allow',
  fix: 'privateClusterConfig.enablePrivateNodes: true, and networkConfig.enablePrivateNodes of no pool false',
  source: `${CIS}, 5.6.5; GKE documentation, "Customize your network isolation"`,
  check: ({ type, props }) => {
    if (type === CLUSTER && !mayBe(at(props, 'privateClusterConfig', 'enablePrivateNodes'), true)) {
      return [{ path: 'privateClusterConfig.enablePrivateNodes', message: 'is not true: nodes get public addresses' }];
    }
    if (type === POOL && at(props, 'networkConfig', 'enablePrivateNodes') === false) {
      return [{ path: 'networkConfig.enablePrivateNodes', message: 'is false: nodes get public addresses' }];
    }
    return [];
  },
};

const ANYWHERE = ['0.0.0.0/0', '::/0'];

export const controlPlane: ResourceRule = {
  id: 'control-plane-access',
  title: 'the control plane has no address that everyone reaches',
  severity: { development: 'error', production: 'error' },
  reason: 'the API server decides everything in the cluster: nobody but its users should be able to knock',
  fix: 'controlPlaneEndpointsConfig.ipEndpointsConfig.enabled: false with a DNS endpoint, or authorized networks',
  source: `${CIS}, 5.6.3 and 5.6.4; GKE documentation, "About network isolation": DNS-based endpoint`,
  check: ({ type, props }) => {
    if (type !== CLUSTER) return [];
    const networks = at(props, 'masterAuthorizedNetworksConfig');
    const blocks = list(at(networks, 'cidrBlocks')).map((block) => at(block, 'cidrBlock'));
    const open = blocks.filter((block) => ANYWHERE.includes(String(block)));
    const closed =
      mayBe(at(props, 'controlPlaneEndpointsConfig', 'ipEndpointsConfig', 'enabled'), false) ||
      mayBe(at(props, 'controlPlaneEndpointsConfig', 'ipEndpointsConfig', 'enablePublicEndpoint'), false) ||
      mayBe(at(props, 'privateClusterConfig', 'enablePrivateEndpoint'), true) ||
      isOpaque(networks) ||
      (networks !== undefined && open.length === 0);
    if (closed) return [];
    const message = open.length > 0 ? `authorizes ${open.join(', ')}` : 'has a public address that everyone reaches';
    return [{ path: 'controlPlaneEndpointsConfig', message: `the control plane ${message}` }];
  },
};

export const shieldedNodes: ResourceRule = {
  id: 'shielded-nodes',
  title: 'nodes are shielded: signed boot, checked integrity, proven identity',
  severity: { development: 'warning', production: 'error' },
  reason: 'what changes a node below the kernel would survive every restart',
  fix: 'enableShieldedNodes of the cluster, enableSecureBoot and enableIntegrityMonitoring of every pool',
  source: `${CIS}, 5.5.5, 5.5.6 and 5.5.7; gpu-operator #1726 (a driver that is built on Ubuntu is not signed)`,
  check: ({ type, props }) => {
    if (type === CLUSTER && at(props, 'enableShieldedNodes') === false) {
      return [{ path: 'enableShieldedNodes', message: 'is false' }];
    }
    if (type !== POOL) return [];
    const shielded = at(props, 'nodeConfig', 'shieldedInstanceConfig');
    const found: Violation[] = [];
    if (at(shielded, 'enableIntegrityMonitoring') === false) {
      found.push({ path: 'nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring', message: 'is false' });
    }
    if (!mayBe(at(shielded, 'enableSecureBoot'), true) && !buildsDriver(props)) {
      found.push({ path: 'nodeConfig.shieldedInstanceConfig.enableSecureBoot', message: 'is not true' });
    }
    return found;
  },
};

/** Secure boot refuses a driver that the operator builds on the node, which nobody has signed. */
function buildsDriver(props: unknown): boolean {
  const node = at(props, 'nodeConfig');
  const image = at(node, 'imageType');
  const accelerators = at(node, 'guestAccelerators');
  const disabled =
    isOpaque(accelerators) ||
    list(accelerators).some((each) =>
      mayBe(at(each, 'gpuDriverInstallationConfig', 'gpuDriverVersion'), 'INSTALLATION_DISABLED'),
    );
  return disabled && (isOpaque(image) || String(image).startsWith('UBUNTU'));
}

export const workloadIdentity: ResourceRule = {
  id: 'workload-identity',
  title: 'pods have identities of their own, and none sees that of its node',
  severity: { development: 'error', production: 'error' },
  reason: 'without it every pod of a node is whoever the node is, and reads what the node may read',
  fix: 'workloadIdentityConfig.workloadPool of the cluster, workloadMetadataConfig.mode: GKE_METADATA of every pool',
  source: `${CIS}, 5.2.2; GKE documentation, "About Workload Identity Federation for GKE"`,
  check: ({ type, props }) => {
    if (type === CLUSTER && !isSet(at(props, 'workloadIdentityConfig', 'workloadPool'))) {
      return [{ path: 'workloadIdentityConfig', message: 'names no workload pool' }];
    }
    const mode = at(props, 'nodeConfig', 'workloadMetadataConfig', 'mode');
    if (type !== POOL || mayBe(mode, 'GKE_METADATA')) return [];
    return [{ path: 'nodeConfig.workloadMetadataConfig.mode', message: `is ${mode ?? 'not set'}` }];
  },
};

export const nodeAccount: ResourceRule = {
  id: 'node-account',
  title: "nodes do not run as the project's default service account",
  severity: { development: 'error', production: 'error' },
  reason: 'that account may edit the whole project, and its token is what a pod that escapes finds',
  fix: 'a service account with roles/container.defaultNodeServiceAccount alone',
  source: `${CIS}, 5.2.1; GKE documentation, "Harden your cluster's security": least privilege service accounts`,
  check: ({ type, props }) => {
    if (type !== POOL && type !== CLUSTER) return [];
    const account = at(props, 'nodeConfig', 'serviceAccount');
    if (isOpaque(account)) return [];
    const path = 'nodeConfig.serviceAccount';
    if (!isSet(account) || account === 'default') return [{ path, message: 'is the default one' }];
    return String(account).endsWith('-compute@developer.gserviceaccount.com')
      ? [{ path, message: `is the default one, ${account}` }]
      : [];
  },
};

export const deletionProtection: ResourceRule = {
  id: 'deletion-protection',
  title: 'clusters and buckets cannot be deleted by accident',
  severity: { development: 'off', production: 'error' },
  reason: 'a renamed stack or a changed argument can mean a new cluster and an empty bucket',
  fix: 'triton-stack:platform.deletionProtection: true',
  source: 'Pulumi documentation, "protect"; @pulumi/gcp, Cluster deletionProtection and Bucket forceDestroy',
  check: ({ type, props, protect }) => {
    if (type === CLUSTER && at(props, 'deletionProtection') === false) {
      return [{ path: 'deletionProtection', message: 'is false' }];
    }
    if (type !== BUCKET) return [];
    return [
      ...(protect === true ? [] : [{ message: 'is not protected: the engine may delete it' }]),
      ...(at(props, 'forceDestroy') === true
        ? [{ path: 'forceDestroy', message: 'is true: its objects go with it' }]
        : []),
    ];
  },
};

export const poolBounds: ResourceRule = {
  id: 'pool-bounds',
  title: 'node pools have a largest size',
  severity: { development: 'error', production: 'error' },
  reason: 'a pool without an end lets one bad autoscaler spend the budget of a year',
  fix: 'autoscaling.totalMaxNodeCount',
  source: 'GKE documentation, "About GKE cluster autoscaling": minimum and maximum node pool size',
  check: ({ type, props }) => {
    if (type === CLUSTER) {
      const autoscaling = at(props, 'clusterAutoscaling');
      if (at(autoscaling, 'enabled') !== true || isSet(at(autoscaling, 'resourceLimits'))) return [];
      return [{ path: 'clusterAutoscaling.resourceLimits', message: 'is missing: pools are made without a bound' }];
    }
    if (type !== POOL) return [];
    const autoscaling = at(props, 'autoscaling');
    if (autoscaling === undefined || entries(autoscaling).length === 0) {
      if (isOpaque(autoscaling) || isSet(at(props, 'nodeCount')) || isSet(at(props, 'initialNodeCount'))) return [];
      return [{ path: 'autoscaling', message: 'is missing, and there is no fixed size' }];
    }
    const bounds = [at(autoscaling, 'totalMaxNodeCount'), at(autoscaling, 'maxNodeCount')];
    return bounds.some(isSet) ? [] : [{ path: 'autoscaling.totalMaxNodeCount', message: 'is missing' }];
  },
};
