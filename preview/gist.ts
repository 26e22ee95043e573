import { type PlannedResource, UNKNOWN } from './plan';
import { upstreamSources } from './upstream-sources';

// biome-ignore lint/suspicious/noExplicitAny: arguments of any type of resource
type Inputs = any;

/** What a reader wants to know of a cloud resource, in a few words; by the last part of its type token. */
const CLOUD: Readonly<Record<string, (inputs: Inputs) => string>> = {
  Subnetwork: ({ ipCidrRange, secondaryIpRanges }) =>
    [
      `nodes ${ipCidrRange}`,
      ...secondaryIpRanges.map((range: Inputs) => `${range.rangeName} ${range.ipCidrRange}`),
    ].join(', '),
  Cluster: ({ name, location, releaseChannel }) => `${name}, ${location}, private, ${releaseChannel.channel}`,
  NodePool: ({ autoscaling, nodeConfig, nodeLocations }) => {
    const [gpu] = nodeConfig.guestAccelerators ?? [];
    return [
      `${autoscaling.totalMinNodeCount}-${autoscaling.totalMaxNodeCount} x ${nodeConfig.machineType}`,
      ...(gpu === undefined ? [] : [`${gpu.count} ${gpu.type}`]),
      ...(nodeConfig.spot === true ? ['spot'] : []),
      ...(nodeLocations === undefined
        ? []
        : [`zones ${nodeLocations.map((zone: string) => zone.slice(-1)).join(' ')}`]),
    ].join(', ');
  },
  Bucket: ({ name, location }) => `gs://${name}, ${location}`,
  BucketIAMMember: ({ role, member }) => `${role.replace(/^roles\//, '')} for ${lastPart(member)}`,
  Release: ({ chart, version, namespace }) => `chart ${chart} ${version}, namespace ${namespace}`,
  Directory: ({ directory }) => upstream(directory),
  ConfigFile: ({ file }) => upstream(file),
  gcp: ({ project, region }) => `${project}, ${region}`,
  kubernetes: ({ context, kubeconfig }) => context ?? (kubeconfig === UNKNOWN ? 'the new cluster' : ''),
};

/** `projects/../ns/kubeflow/sa/pipeline-runner` as `kubeflow/pipeline-runner`, `../namespace/triton` as `triton`. */
function lastPart(member: string): string {
  const [, account] = /\/ns\/(.+)$/.exec(member) ?? [];
  return account?.replace('/sa/', '/') ?? member.slice(member.lastIndexOf('/') + 1);
}

/** What has to be fetched, as `github.com/owner/repository @ commit`: the preview does not. */
function upstream(address: string): string {
  const sources = upstreamSources(address);
  if (sources.length === 0) return address;
  return `fetches ${sources.map(({ repository, commit }) => `${repository} @ ${commit.slice(0, 10)}`).join(', ')}`;
}

const OBJECTS: Readonly<Record<string, (object: Inputs) => string>> = {
  Namespace: ({ metadata }) => `pod security ${metadata.labels?.['pod-security.kubernetes.io/enforce'] ?? 'unset'}`,
  ResourceQuota: ({ spec }) =>
    Object.entries(spec.hard)
      .map(([key, most]) => `${most} ${QUOTAS[key] ?? key}`)
      .join(', '),
  PersistentVolumeClaim: ({ spec }) => spec.resources.requests.storage,
  ConfigMap: ({ data }) => keysOf(data ?? {}),
  Service: ({ spec }) => `ports ${spec.ports.map((port: Inputs) => port.port).join(', ')}`,
  Deployment: workload,
  StatefulSet: workload,
  HorizontalPodAutoscaler: ({ spec }) => {
    const [metric] = spec.metrics;
    const {
      metric: { name },
      target,
    } = metric.pods;
    return `${spec.minReplicas}-${spec.maxReplicas}, ${name} > ${inUnits(target.averageValue)} a pod`;
  },
  PodDisruptionBudget: ({ spec }) => `${spec.maxUnavailable} pod at a time`,
  PodMonitor: ({ spec }) => `every ${spec.podMetricsEndpoints[0].interval}`,
  PrometheusRule: ({ spec }) => `${spec.groups[0].rules.length} alerts`,
  Route: ({ spec, metadata }) =>
    `${spec.host ?? 'host by the router'}, ${spec.tls.termination}, ${metadata.annotations['haproxy.router.openshift.io/timeout']}`,
  ClusterRoleBinding: ({ roleRef }) => roleRef.name,
};

function workload({ spec }: Inputs): string {
  const [server] = spec.template.spec.containers;
  const { cpu, memory, 'nvidia.com/gpu': gpus } = server.resources.limits;
  const [claim] = spec.volumeClaimTemplates ?? [];
  return [
    ...(gpus === undefined ? [] : [`${gpus} GPU`]),
    ...(cpu === undefined ? [] : [`${cpu} CPU`]),
    gibibytes(memory),
    ...(claim === undefined ? [] : [`volume of ${claim.spec.resources.requests.storage}`]),
  ].join(', ');
}

/** `23040Mi` as `22.5 GiB`. */
function gibibytes(quantity: string): string {
  const mebibytes = /^(\d+)Mi$/.exec(quantity)?.[1];
  return mebibytes === undefined ? quantity : `${Number(mebibytes) / 1024} GiB`;
}

const KEYS_SHOWN = 6;

function keysOf(data: object): string {
  const keys = Object.keys(data);
  return keys.length > KEYS_SHOWN ? `${keys.length} settings` : keys.join(', ');
}

/** What a quota counts, in words. */
const QUOTAS: Readonly<Record<string, string>> = { 'requests.nvidia.com/gpu': 'GPUs' };

/** A few words on a cloud resource; empty where its name says it all. */
export function cloudGist({ type, inputs }: PlannedResource): string {
  return CLOUD[type.slice(type.lastIndexOf(':') + 1)]?.(inputs) ?? '';
}

/** A few words on a Kubernetes object; empty where its name says it all. */
export function objectGist(object: Inputs): string {
  return OBJECTS[object.kind]?.(object) ?? '';
}

/** A resource's type and name: `NodePool l4`. */
export function resourceLabel({ type, name }: Pick<PlannedResource, 'type' | 'name'>): string {
  return `${shortType(type)} ${name}`;
}

/** `gcp:container/nodePool:NodePool` as `NodePool`. */
export function shortType(type: string): string {
  return type.startsWith('pulumi:providers:') ? 'Provider' : type.slice(type.lastIndexOf(':') + 1);
}

/** `44800m` as 44.8: thousandths are for machines. */
function inUnits(quantity: string): string {
  return quantity.endsWith('m') ? String(Number(quantity.slice(0, -1)) / 1000) : quantity;
}
