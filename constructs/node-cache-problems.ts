import type { Problem } from '../models/problem';
import { fileBytes } from '../models/size';
import { repositoryDiskGib } from '../models/startup';
import { sum } from '../models/sum';
import { hostPathProblems } from './host-path-problems';
import { sourceProblems } from './model-source-problems';
import type { NodeModelCacheProps } from './node-model-cache';
import { ownNameProblems } from './own-name-problems';

/** Of its pods the API server cuts what goes beyond (k8s.io/apiserver, pkg/storage/names/generate.go). */
const LONGEST_NAME = 57;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** The store is asked by every node. */
const LEAST_REFRESH_SECONDS = 10;

/**
 * What cannot work in a cache's props, all of it.
 *
 * @param namespace - the chart's
 */
export function nodeCacheProblems(props: NodeModelCacheProps, namespace: string | undefined): Problem[] {
  const { models, source, platform, hostPath } = props;
  const [first] = models;
  return [
    ...platformProblems(props),
    ...(first === undefined
      ? [{ key: 'models', reason: 'names none', fix: 'name the models that each node holds' }]
      : sourceProblems(source, first, platform)),
    ...ownNameProblems(props, 'cache', LONGEST_NAME),
    ...namespaceProblems(props, namespace),
    ...nodeProblems(props),
    ...refreshProblems(props),
    ...(hostPath === undefined ? [] : hostPathProblems('hostPath', hostPath, platform)),
    ...diskProblems(props),
  ];
}

function platformProblems({ platform }: NodeModelCacheProps): Problem[] {
  if (platform !== 'openshift') return [];
  return [
    {
      key: 'platform',
      value: platform,
      reason:
        "has its nodes under SELinux: a folder of the node keeps the host's label, which pods may neither read nor write",
      allowed: 'kubernetes, gke',
      fix: "a ModelRepository on a shared volume: storage: { kind: 'shared', storageClass }",
    },
  ];
}

function namespaceProblems(props: NodeModelCacheProps, namespace: string | undefined): Problem[] {
  const problems: Problem[] = [];
  if (namespace === undefined) {
    problems.push({
      key: 'namespace',
      reason: 'is missing: each volume is kept for a claim of a namespace, which it names',
      fix: "give the chart one: new Chart(app, 'cache', { namespace: 'model-cache' })",
    });
  }
  const given = { 'servers.namespace': props.servers?.namespace, monitoringNamespace: props.monitoringNamespace };
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || NAMESPACE.test(value)) continue;
    problems.push({
      key,
      value,
      reason: 'is no name of a namespace',
      allowed: 'lowercase letters, digits and "-", at most 63',
      fix: 'correct it',
    });
  }
  return problems;
}

function nodeProblems({ pools = [], nodeSelector = {} }: NodeModelCacheProps): Problem[] {
  const empty = (labels: Readonly<Record<string, string>>) => Object.keys(labels).length === 0;
  const anywhere = pools.length === 0 || pools.some((pool) => empty(pool.nodeSelector));
  if (!anywhere || !empty(nodeSelector)) return [];
  return [
    {
      key: 'pools',
      ...(pools.length > 0 && { value: pools.map(({ name }) => name).join(', ') }),
      reason: 'have no labels, and nodeSelector names none: every node of the cluster would fetch the models',
      fix: 'the pools that the servers are placed on, or the labels of their nodes: nodeSelector',
    },
  ];
}

function refreshProblems({ refreshSeconds }: NodeModelCacheProps): Problem[] {
  if (refreshSeconds === undefined) return [];
  if (Number.isInteger(refreshSeconds) && refreshSeconds >= LEAST_REFRESH_SECONDS) return [];
  return [
    {
      key: 'refreshSeconds',
      value: refreshSeconds,
      reason: 'is no time between two looks of every node',
      allowed: `whole seconds from ${LEAST_REFRESH_SECONDS}`,
      fix: 'leave it out',
    },
  ];
}

function diskProblems({ models, pools = [], limitGib }: NodeModelCacheProps): Problem[] {
  const problems: Problem[] = [];
  const least = Math.ceil(sum(models.map(fileBytes)) / 1024 ** 3);
  if (limitGib !== undefined && !(Number.isInteger(limitGib) && limitGib >= least)) {
    problems.push({
      key: 'limitGib',
      value: limitGib,
      reason: 'does not hold the models',
      allowed: `whole GiB, from ${least}; ${2 * least} and more hold a new release beside the old one`,
      fix: 'leave it out',
    });
  }
  const two = sum(models.map((model) => repositoryDiskGib(model, 2)));
  for (const { name, localDiskGib } of pools) {
    if (localDiskGib === undefined || two <= localDiskGib) continue;
    problems.push({
      key: 'pools',
      value: name,
      reason: `leaves ${localDiskGib} GiB of a node's disk to pods, and a release beside the one that is served takes ${two}`,
      fix: 'larger disks for the nodes, or fewer models',
    });
  }
  return problems;
}
