import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { MACHINE_TYPES } from '../models/machine-type';
import { InputError, type Problem } from '../models/problem';
import { clusterScoped } from './after-mapping';
import { dnsEgress } from './cluster-dns';
import type { InferenceServer } from './inference-server';
import { clusterLabels } from './naming';
import { applyPatches, type Patches } from './patch';
import type { Platform } from './platform';
import { RESTRICTED_NAMESPACE } from './security';
import { CLIENT_NAMESPACE_LABEL } from './server-network-policy';

export interface TeamNamespaceProps {
  readonly name: string;
  /**
   * GPUs that its pods may have at a time. A rollout of a Deployment starts a new pod before an old one goes: without
   * the GPUs of one pod more than all replicas take, it waits for ever.
   */
  readonly gpus: number;
  /** Where it is, which decides how pods reach DNS. @default kubernetes */
  readonly platform?: Platform;
  /**
   * CPU cores that its pods may request.
   *
   * @default what the machine with the most of them a GPU has, for each GPU, and once more for pods without one
   */
  readonly cpus?: number;
  /** Memory that its pods may request, GiB. @default as for `cpus` */
  readonly memoryGib?: number;
  /** Volumes that it may claim, GiB. @default 256 for each GPU, and once more */
  readonly storageGib?: number;
  /** The largest volume, GiB. @default what is left of `storageGib` */
  readonly largestVolumeGib?: number;
  /** Services of type LoadBalancer, each of which is an address of its own. @default 0: traffic comes through a gateway */
  readonly loadBalancers?: number;
  /** Its pods may call the servers of other namespaces. @default false */
  readonly client?: boolean;
  /** @default none */
  readonly patch?: Patches;
}

/** What a machine has at most beside each of its GPUs: a quota by it refuses no pod that a node has room for. */
const PER_GPU = {
  cpus: Math.ceil(Math.max(...MACHINE_TYPES.map(({ vcpus, gpus }) => vcpus / gpus))),
  memoryGib: Math.ceil(Math.max(...MACHINE_TYPES.map(({ memoryGib, gpus }) => memoryGib / gpus))),
  /** The volume of a server whose weights fill a GPU of 80 GB, twice over: `repositoryVolumeGib`. */
  storageGib: 256,
} as const;

/**
 * What a container is reckoned with that says nothing. Requests alone: a default limit would refuse every container that
 * requests more than it and names no limit (kubernetes #51430), and servers request all that they may use, so that
 * whoever goes beyond its request is evicted before them.
 */
const DEFAULT_REQUEST = { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '256Mi' } as const;

/** Provisioners round smaller volumes up, past the quota. */
const SMALLEST_VOLUME = '1Gi';

/**
 * A namespace for the servers of a team: what it may take of the cluster, pods of the `restricted` standard only, and no
 * traffic but DNS until a policy opens a way, as {@link ServerNetworkPolicy} does for its server.
 *
 * The GPUs of one container are not limited here: a LimitRange that limits an extended resource gives it to every
 * container that does not name it, as a request of 0 at best, with which containers get the toleration of GPU nodes
 * (Kubernetes, SetDefaults_LimitRangeItem and ExtendedResourceToleration).
 *
 * @throws InputError where a number is no amount
 */
export class TeamNamespace extends Construct {
  readonly name: string;
  readonly gpus: number;

  constructor(scope: Construct, id: string, props: TeamNamespaceProps) {
    super(scope, id);
    this.name = props.name;
    this.gpus = props.gpus;
    const problems = [...nameProblems(props), ...amountProblems(props)];
    if (problems.length > 0) throw new InputError(`namespace ${props.name}`, problems);
    const { name, gpus, platform = 'kubernetes', largestVolumeGib, client = false, loadBalancers = 0 } = props;
    const shares = gpus + 1;
    const {
      cpus = PER_GPU.cpus * shares,
      memoryGib = PER_GPU.memoryGib * shares,
      storageGib = PER_GPU.storageGib * shares,
    } = props;
    const labels = clusterLabels('team', name);

    const namespace = new k8s.KubeNamespace(this, 'namespace', {
      metadata: { name, labels: { ...labels, ...RESTRICTED_NAMESPACE, ...(client && CLIENT_NAMESPACE_LABEL) } },
    });
    clusterScoped(namespace);
    new k8s.KubeResourceQuota(this, 'quota', {
      metadata: { name: 'team', namespace: name, labels },
      spec: {
        hard: quantities({
          'requests.nvidia.com/gpu': gpus,
          'requests.cpu': cpus,
          'requests.memory': `${memoryGib}Gi`,
          'requests.storage': `${storageGib}Gi`,
          'services.loadbalancers': loadBalancers,
          // A node port would be a way around the gateway. A load balancer may take some.
          ...(loadBalancers === 0 && { 'services.nodeports': 0 }),
        }),
      },
    });
    new k8s.KubeLimitRange(this, 'limits', {
      metadata: { name: 'team', namespace: name, labels },
      spec: {
        limits: [
          { type: 'Container', defaultRequest: quantities(DEFAULT_REQUEST) },
          {
            type: 'PersistentVolumeClaim',
            min: quantities({ storage: SMALLEST_VOLUME }),
            ...(largestVolumeGib !== undefined && { max: quantities({ storage: `${largestVolumeGib}Gi` }) }),
          },
        ],
      },
    });
    new k8s.KubeNetworkPolicy(this, 'default-deny', {
      metadata: { name: 'default-deny', namespace: name, labels },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], egress: dnsEgress(platform) },
    });
    applyPatches(this, props.patch);
  }

  /**
   * Checks that servers fit together: all replicas that they promise, and the new pod that a rollout starts with.
   *
   * @throws InputError where they need more GPUs than the namespace may have
   */
  holds(...servers: readonly InferenceServer[]): void {
    const promised = servers.map(
      ({ placement, scale, replicas = Math.max(1, scale.min) }) =>
        replicas * placement.podsPerReplica * placement.gpusPerPod,
    );
    // A StatefulSet ends a pod before it starts another; the others start one first.
    const surges = servers.filter(({ scaleTarget }) => scaleTarget.kind !== 'StatefulSet');
    const surge = Math.max(0, ...surges.map(({ placement }) => placement.podsPerReplica * placement.gpusPerPod));
    const needed = promised.reduce((sum, each) => sum + each, surge);
    if (needed <= this.gpus) return;
    const each = servers.map(({ name }, index) => `${name} ${promised[index]}`).join(', ');
    throw new InputError(`namespace ${this.name}`, [
      {
        key: 'gpus',
        value: this.gpus,
        reason: `is less than its servers promise: ${each}${surge > 0 ? `, and ${surge} for the new pod of a rollout` : ''}`,
        allowed: `${needed} or more`,
        fix: 'raise it, or lower the least number of replicas',
      },
    ]);
  }
}

function quantities(amounts: Readonly<Record<string, string | number>>): Record<string, k8s.Quantity> {
  return Object.fromEntries(
    Object.entries(amounts).map(([key, amount]) => [key, k8s.Quantity.fromString(String(amount))]),
  );
}

function nameProblems({ name }: TeamNamespaceProps): Problem[] {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return [];
  const allowed = 'lowercase letters, digits and "-", at most 63 characters';
  return [{ key: 'name', value: name, reason: 'is no name of a namespace', allowed }];
}

/** The least of each amount. Whole numbers, so that quantities stand in the form that the API server keeps. */
const LEAST = { gpus: 0, cpus: 0, memoryGib: 0, storageGib: 0, largestVolumeGib: 1, loadBalancers: 0 } as const;

function amountProblems(props: TeamNamespaceProps): Problem[] {
  return (Object.keys(LEAST) as (keyof typeof LEAST)[]).flatMap((key) => {
    const value = props[key];
    if (value === undefined || (Number.isInteger(value) && value >= LEAST[key])) return [];
    return [{ key, value, reason: 'is no amount', allowed: `a whole number, ${LEAST[key]} or more` }];
  });
}
