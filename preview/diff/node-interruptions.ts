import type { PlannedResource } from '../plan';
import type { FieldMove } from './consequences';
import type { Consequence } from './plan-diff';
import { pathsMeet } from './property-path';

/**
 * Arguments of a node pool that "initiate an upgrade operation" which brings every node anew: google.container.v1beta1,
 * UpdateNodePoolRequest (google-cloud-container 2.67.0); `imageType`: the provider's documentation of node_config.
 */
const NODES_ANEW = [
  'version',
  'nodeConfig.bootDisk',
  'nodeConfig.containerdConfig',
  'nodeConfig.diskSizeGb',
  'nodeConfig.diskType',
  'nodeConfig.imageType',
  'nodeConfig.machineType',
];

/**
 * Those that the API sends to the nodes there are: "without re-creating the node pool and disrupting running workloads"
 * (GKE, "Update Kubernetes node labels and taints for node pools"), and tags and labels of Compute Engine's.
 */
const NODES_STAY = [
  'nodeConfig.labels',
  'nodeConfig.taints',
  'nodeConfig.tags',
  'nodeConfig.resourceLabels',
  'nodeConfig.resourceManagerTags',
];

/** What changes in place of a cluster or a node pool make of their nodes and of the control plane. */
export function interruptedNodes(type: string, after: PlannedResource, fields: readonly FieldMove[]): Consequence[] {
  const touches = (path: string) => fields.some(({ steps }) => pathsMeet(path, steps));
  if (type === 'gcp:container/nodePool:NodePool') return ofPool(after, fields, touches);
  if (type !== 'gcp:container/cluster:Cluster') return [];
  const out: Consequence[] = [];
  // The provider's documentation of addons_config: "a disruptive operation. All cluster nodes [...] are recreated."
  if (touches('addonsConfig.dnsCacheConfig')) {
    out.push({ kind: 'restart', text: 'every node of the cluster comes anew: NodeLocal DNSCache is turned on or off' });
  }
  // google.container.v1beta1, Operation.Type UPDATE_CLUSTER: "If the control plane must be recreated, this will cause
  // temporary downtime for zonal clusters."
  const inMetadata = fields.every(({ steps }) => ['resourceLabels', 'deletionProtection'].includes(String(steps[0])));
  if (!inMetadata && /-[a-z]$/.test(String(after.inputs.location))) {
    out.push({
      kind: 'downtime',
      text: 'a zonal cluster has one control plane: its API is away where it has to be made anew',
    });
  }
  return out;
}

function ofPool(
  { inputs }: PlannedResource,
  fields: readonly FieldMove[],
  touches: (path: string) => boolean,
): Consequence[] {
  const out: Consequence[] = [];
  const anew = NODES_ANEW.filter(touches).map((path) => path.replace('nodeConfig.', ''));
  const inPace = pace(inputs.upgradeSettings);
  if (anew.length > 0) {
    out.push({ kind: 'restart', text: `every node comes anew for ${anew.join(', ')}, ${inPace}` });
  } else if (fields.some(({ steps }) => steps[0] === 'nodeConfig' && !NODES_STAY.some(within(steps)))) {
    out.push({ kind: 'restart', text: `GKE may bring every node anew for this, ${inPace}` });
  }
  const zones = fields.find(({ steps }) => steps[0] === 'nodeLocations');
  const left = zonesLeft(zones?.before, zones?.after);
  if (left.length > 0) out.push({ kind: 'restart', text: `the nodes in ${left.join(', ')} leave with their pods` });
  return out;
}

function within(steps: FieldMove['steps']): (path: string) => boolean {
  return (path) => steps.length >= path.split('.').length && pathsMeet(path, steps);
}

/** How many nodes at a time (NodePool.UpgradeSettings; GKE's own setting where none is said: one more, none away). */
function pace(settings: unknown): string {
  const { strategy = 'SURGE', maxSurge = 1, maxUnavailable = 0 } = (settings ?? {}) as Record<string, unknown>;
  if (strategy !== 'SURGE') return `by the strategy ${strategy}`;
  return `${maxSurge} more and ${maxUnavailable} away at a time`;
}

function zonesLeft(before: unknown, after: unknown): string[] {
  if (!Array.isArray(before) || !Array.isArray(after)) return [];
  return before.filter((zone) => !after.includes(zone)).map(String);
}
