import { DISK_TYPES, HOURS_A_MONTH, isUnpriced, poolCost } from '../../models/cost';
import { clusterFee, priceBook } from '../../models/price-book';
import { asksForGpu, podsOf } from '../pods';
import { at, entries, isOpaque, isSet, list, mayBe, type PolicyResource, text } from '../resource';
import type { ResourceRule, StackRule } from '../rule';

const CLUSTER = 'gcp:container/cluster:Cluster';
const POOL = 'gcp:container/nodePool:NodePool';

/** GKE spreads a pool of a regional cluster over three zones where nobody names them. */
const ZONES_OF_A_REGION = 3;

/** What GKE gives a node where nobody says, GB (GKE documentation, "Configure node boot disks"). */
const DEFAULT_DISK_GB = 100;

export const costCeiling: StackRule = {
  id: 'cost-ceiling',
  title: 'the environment costs no more than its ceiling, with every pool fully grown',
  severity: { development: 'warning', production: 'error' },
  reason: 'the bounds of pools are what stands between a bad night and the bill',
  fix: 'lower the max of pools, or raise triton-stack:policies.monthlyCeilingUsd',
  source: 'models/prices.json, with where each price was looked up; GKE documentation, "About GKE cluster autoscaling"',
  checkAll: (resources, { monthlyCeilingUsd, prices }) => {
    const pools = resources.filter(({ type }) => type === POOL);
    if (pools.length === 0) return [];
    if (monthlyCeilingUsd === undefined) {
      return [
        {
          message: 'nobody has said what a month may cost',
          fix: 'set triton-stack:policies.monthlyCeilingUsd',
        },
      ];
    }
    const book = priceBook(prices);
    let usdPerHour = clusterFee(book).usdPerHour * resources.filter(({ type }) => type === CLUSTER).length;
    const missing: string[] = [];
    for (const pool of pools) {
      const demand = demandOf(pool);
      if (demand === undefined) continue;
      const cost = poolCost(book, demand);
      if (isUnpriced(cost)) missing.push(...cost.missing);
      else usdPerHour += cost.usdPerHour;
    }
    const month = Math.round(usdPerHour * HOURS_A_MONTH);
    const unpriced = [...new Set(missing)].map((each) => ({
      message: `what it costs at most is not known: ${each}`,
      fix: 'state the price in triton-stack:prices',
    }));
    if (month <= monthlyCeilingUsd) return unpriced;
    return [{ message: `costs up to $${month} a month, and the ceiling is $${monthlyCeilingUsd}` }, ...unpriced];
  },
};

/** What a fully grown pool consists of; undefined where that is not known, which `pool-bounds` tells. */
function demandOf({ props }: PolicyResource) {
  const node = at(props, 'nodeConfig');
  const machineType = text(at(node, 'machineType'));
  const region = text(at(props, 'location'))?.replace(/-[a-z]$/, '');
  const nodes = mostNodes(props);
  const diskGb = at(node, 'diskSizeGb') ?? DEFAULT_DISK_GB;
  if (machineType === undefined || region === undefined || nodes === undefined || typeof diskGb !== 'number')
    return undefined;
  const diskType = DISK_TYPES.find((type) => type === at(node, 'diskType')) ?? 'pd-balanced';
  const purchase = at(node, 'spot') === true ? ('spot' as const) : ('on-demand' as const);
  return { machineType, region, purchase, nodes, diskGb, diskType };
}

function mostNodes(props: unknown): number | undefined {
  const total = at(props, 'autoscaling', 'totalMaxNodeCount');
  if (typeof total === 'number') return total;
  const zones = list(at(props, 'nodeLocations')).length || ZONES_OF_A_REGION;
  const each = at(props, 'autoscaling', 'maxNodeCount') ?? at(props, 'nodeCount') ?? at(props, 'initialNodeCount');
  return typeof each === 'number' ? each * zones : undefined;
}

/** Where the labels stand that Google's bill carries, by type. */
const LABELLED: Readonly<Record<string, readonly string[]>> = {
  [CLUSTER]: ['resourceLabels'],
  [POOL]: ['nodeConfig', 'resourceLabels'],
  'gcp:storage/bucket:Bucket': ['labels'],
  'gcp:compute/disk:Disk': ['labels'],
  'gcp:compute/instance:Instance': ['labels'],
  'gcp:filestore/instance:Instance': ['labels'],
};

/** What GKE's cost allocation, and whoever divides a cluster's bill, tells servers apart by. */
const POD_LABELS = ['app.kubernetes.io/name', 'app.kubernetes.io/instance'];

export const chargeBackLabels: ResourceRule = {
  id: 'charge-back-labels',
  title: 'what costs money says whose it is',
  severity: { development: 'warning', production: 'error' },
  reason: 'a GPU that nobody is charged for is a GPU that nobody gives back',
  fix: 'add the labels: triton-stack:labels; costManagementConfig.enabled divides the bill of nodes by the labels of pods',
  source: 'GKE documentation, "Get key spending insights for your GKE resource allocation and cluster costs"',
  check: (resource, { labels }) => {
    const { type, props } = resource;
    const place = LABELLED[type];
    const found = place === undefined ? [] : missingLabels(at(props, ...place), labels, place.join('.'));
    if (type === CLUSTER && !mayBe(at(props, 'costManagementConfig', 'enabled'), true)) {
      found.push({ path: 'costManagementConfig.enabled', message: 'is not true: the bill does not tell pods apart' });
    }
    const pods = podsOf(resource).filter(asksForGpu);
    return [...found, ...pods.flatMap((pod) => missingLabels(pod.labels, POD_LABELS, `${pod.path}metadata.labels`))];
  },
  cluster: {
    targets: 'pods',
    variables: () => ({
      unlabelled: `['${POD_LABELS.join("', '")}'].filter(l, !(l in variables.labels))`,
    }),
    validations: () => [
      {
        expression: '!variables.asks || variables.unlabelled.size() == 0',
        message: `'pods with GPUs need the labels ' + variables.unlabelled.join(', ')`,
      },
    ],
  },
};

function missingLabels(labels: unknown, wanted: readonly string[], path: string) {
  if (isOpaque(labels)) return [];
  const missing = wanted.filter((key) => !isSet(at(labels, key)));
  return missing.length === 0 ? [] : [{ path, message: `has no label ${missing.join(', ')}` }];
}

/** Arguments that say where something is. */
const PLACES = ['location', 'region', 'zone', 'nodeLocations'];

export const region: ResourceRule = {
  id: 'region',
  title: 'everything lies in the regions that the environment allows',
  severity: { development: 'error', production: 'error' },
  reason: 'data that leaves its region may break a law or a contract, and traffic between regions is paid for',
  fix: 'move it, or add the region to triton-stack:policies.regions',
  source:
    'Google Cloud documentation, "Restricting resource locations" (gcp.resourceLocations says it for a whole organization)',
  check: ({ type, props }, { regions }) => {
    if (!type.startsWith('gcp:') || regions.length === 0) return [];
    return entries(props)
      .filter(([key]) => PLACES.includes(key))
      .flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((each) => ({ key, place: text(each) })))
      .filter(({ place }) => place !== undefined && !isAllowed(place.toLowerCase(), regions))
      .map(({ key, place }) => ({ path: key, message: `is ${place}; allowed: ${regions.join(', ')}` }));
  },
};

function isAllowed(place: string, regions: readonly string[]): boolean {
  return place === 'global' || regions.some((name) => place === name || place.startsWith(`${name}-`));
}
