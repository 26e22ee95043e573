import { slug } from '../../constructs/naming';
import { accelerator } from '../../models/accelerator';
import { catalog, uncatalogued } from '../../models/catalog';
import { gkeNodePool } from '../../models/gke-node-pool';
import { machineType } from '../../models/machine-type';
import { type Model, withOverrides } from '../../models/model';
import { keyOf, parse } from '../../models/parse';
import { type GpuPool, type Placement, place } from '../../models/placement';
import { InputError, type Problem } from '../../models/problem';
import { scaleProblems } from '../../models/spec/model-checks';
import { policySettings } from '../../policies/settings';
import {
  bucketProblems,
  capacityProblems,
  capacityWarnings,
  diskProblems,
  gkePoolProblems,
  nameProblems,
  namespaceProblems,
  networkProblems,
  scaleAgainstPool,
  servingProblems,
} from './checks';
import type { Environment, GkePool, ServedModel } from './environment';
import { decideKubeflow } from './kubeflow';
import { sourceOf, storeProblems } from './model-store';
import {
  type ExistingConfig,
  existingSchema,
  type GkeConfig,
  gkeSchema,
  platformSchema,
  type ServedModelConfig,
} from './schema';
import { watchProblems } from './watch-problems';

/** What stands before the stack's own keys in `Pulumi.<env>.yaml`. */
export const CONFIG_NAMESPACE = 'triton-stack:';

/**
 * Turns a stack's configuration into a checked environment.
 *
 * @param name - the stack's name: `dev`
 * @param config - the values of the keys under {@link CONFIG_NAMESPACE}, without that prefix
 * @param source - what messages call the input: `Pulumi.dev.yaml`
 * @throws InputError with every problem found
 */
export function readEnvironment(name: string, config: Record<string, unknown>, source: string): Environment {
  const refuse = (problems: readonly Problem[]): never => {
    throw new InputError(source, problems);
  };
  // The platform decides which other keys there are, so it is looked at first.
  const kind = (config.platform as { kind?: unknown } | undefined)?.kind;
  if (kind === 'gke') {
    const parsed = parse(gkeSchema, config, CONFIG_NAMESPACE);
    const environment = gkeEnvironment(name, parsed.ok ? parsed.value : refuse(parsed.problems));
    return environment.problems.length > 0 ? refuse(environment.problems) : environment.value;
  }
  if (kind === 'existing') {
    const parsed = parse(existingSchema, config, CONFIG_NAMESPACE);
    const environment = existingEnvironment(name, parsed.ok ? parsed.value : refuse(parsed.problems));
    return environment.problems.length > 0 ? refuse(environment.problems) : environment.value;
  }
  const parsed = parse(platformSchema, config.platform, `${CONFIG_NAMESPACE}platform.`);
  return refuse(parsed.ok ? [] : parsed.problems);
}

interface Checked<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

function gkeEnvironment(name: string, config: GkeConfig): Checked<Environment> {
  const { platform } = config;
  const problems = [
    ...nameProblems(name),
    ...namespaceProblems(config),
    ...gkePoolProblems(config),
    ...networkProblems(config),
  ];
  const pools = Object.entries(config.pools).flatMap(([poolName, pool]): GkePool[] => {
    // Of a machine that is not known gkePoolProblems has told.
    if (machineType(pool.machineType) === undefined) return [];
    const node = gkeNodePool({ name: poolName, maxNodes: pool.max, ...pool });
    // As the file says, be it told as a problem: else every model of the pool would be one more.
    return [{ ...node, config: pool, accelerator: pool.accelerator }];
  });
  const buckets = {
    models: config.buckets.models ?? `${platform.project}-${name}-models`,
    artifacts: config.buckets.artifacts ?? `${platform.project}-${name}-artifacts`,
    data: config.buckets.data ?? `${platform.project}-${name}-data`,
    location: config.buckets.location ?? platform.region.toUpperCase(),
    keepDays: config.buckets.keepDays,
  };
  // Of a name that nothing can be made of there is no more to say.
  if (nameProblems(name).length === 0) problems.push(...bucketProblems(buckets));
  const store =
    config.modelStore.kind === 'environment-bucket'
      ? ({ kind: 'gcs', bucket: buckets.models } as const)
      : config.modelStore;
  const served = servedModels(config.serving.models, pools, store, false);
  const { project, region } = platform;
  const kubeflow = decideKubeflow(config.kubeflow, {
    platform: { kind: 'gke', name, project, region, bucket: buckets.artifacts },
    pools,
    models: served.value,
  });
  return {
    problems: [...problems, ...served.problems, ...kubeflow.problems],
    value: {
      kind: 'gke',
      name,
      flavour: 'gke',
      platform,
      network: config.network,
      systemPool: config.systemPool,
      gpuStack: config.gpuStack,
      pools,
      buckets,
      labels: config.labels,
      modelStore: config.modelStore,
      monitoring: config.monitoring,
      prices: config.prices,
      kubeflow: kubeflow.value,
      policies: policySettings(config),
      servingNamespace: config.serving.namespace,
      models: served.value,
      warnings: capacityWarnings(served.value, pools),
    },
  };
}

function existingEnvironment(name: string, config: ExistingConfig): Checked<Environment> {
  const { platform, monitoring } = config;
  const openshift = platform.flavour === 'openshift';
  const problems: Problem[] = namespaceProblems(config);
  if (openshift !== (monitoring.kind === 'openshift')) {
    problems.push({
      key: `${CONFIG_NAMESPACE}monitoring.kind`,
      value: monitoring.kind,
      reason: openshift
        ? 'OpenShift brings its own Prometheus operator, which scrapes the servers here'
        : `there is no OpenShift monitoring on flavour ${platform.flavour}`,
      allowed: openshift ? 'openshift' : 'prometheus, existing',
    });
  }
  const pools = Object.entries(config.pools).map(
    ([poolName, pool]): GpuPool => ({
      name: poolName,
      accelerator: pool.accelerator,
      gpusPerNode: pool.gpusPerNode,
      maxNodes: pool.nodes,
      allocatable: { cpus: pool.cpus, memoryGib: pool.memoryGib },
      spot: false,
      nodeSelector: pool.nodeSelector ?? { 'nvidia.com/gpu.product': accelerator(pool.accelerator).product },
    }),
  );
  const served = servedModels(config.serving.models, pools, config.modelStore, openshift);
  const kubeflow = decideKubeflow(config.kubeflow, {
    platform: { kind: 'existing', flavour: platform.flavour },
    pools,
    models: served.value,
  });
  return {
    problems: [...problems, ...served.problems, ...kubeflow.problems],
    value: {
      kind: 'existing',
      name,
      flavour: platform.flavour,
      platform,
      pools,
      modelStore: config.modelStore,
      monitoring,
      kubeflow: kubeflow.value,
      policies: policySettings(config),
      servingNamespace: config.serving.namespace,
      models: served.value,
      warnings: [...prerequisites(config), ...capacityWarnings(served.value, pools)],
    },
  };
}

/** What the stack takes for given on a cluster that it did not make. */
function prerequisites({ monitoring }: ExistingConfig): string[] {
  const gpus = 'the cluster has to have a GPU stack that offers nvidia.com/gpu: none is installed here';
  const metrics = {
    prometheus: [],
    openshift: [
      'the cluster has to have user workload monitoring on (enableUserWorkload in the ConfigMap cluster-monitoring-config): without it the autoscaler has no metrics',
    ],
    existing: [
      "the cluster has to have the Prometheus operator, and its prometheus-adapter the rules in the stack's output adapterRules: without them the autoscaler has no metrics",
    ],
  };
  return [gpus, ...metrics[monitoring.kind]];
}

type Store = Parameters<typeof sourceOf>[0];

function servedModels(
  entries: readonly ServedModelConfig[],
  pools: readonly GpuPool[],
  store: Store,
  openshift: boolean,
): Checked<ServedModel[]> {
  const problems: Problem[] = storeProblems(store);
  const served: ServedModel[] = [];
  const seen = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const key = (...path: PropertyKey[]) => keyOf(['serving', 'models', index, ...path], CONFIG_NAMESPACE);
    const found = findModel(entry, key);
    if ('reason' in found) {
      problems.push(found);
      continue;
    }
    const name = slug(found.name);
    const first = seen.get(name);
    if (first !== undefined) problems.push(duplicate(key(), found.name, first));
    seen.set(name, index);
    problems.push(...entryProblems(entry, store, openshift, key));
    const placement = place(found, pools, key('model'));
    if ('reason' in placement) {
      problems.push(placement);
      continue;
    }
    problems.push(...servingProblems(found, placement, key()), ...scaleAgainstPool(found, placement, key('scale')));
    const source = sourceOf(store, found, key('model'));
    if ('reason' in source) problems.push(source);
    else {
      problems.push(...watchProblems(found, source, entry.watch, key('watch')));
      served.push(servedModel(found, placement, source, entry));
      problems.push(...diskProblems(found, placement, source, entry.workload));
    }
  }
  return { value: served, problems: [...problems, ...capacityProblems(served)] };
}

function servedModel(
  model: Model,
  placement: Placement,
  source: ServedModel['source'],
  entry: ServedModelConfig,
): ServedModel {
  return { model, placement, source, workload: entry.workload, watch: entry.watch, host: entry.host };
}

function findModel(entry: ServedModelConfig, key: (...path: PropertyKey[]) => string): Model | Problem {
  const model = catalog.get(entry.model);
  if (model === undefined) return uncatalogued(key('model'), entry.model);
  const { name = model.name, scale = model.scale, release = model.release } = entry;
  const [problem] = scaleProblems(scale, key('scale'));
  if (problem !== undefined) return problem;
  return withOverrides(model, { name, scale, ...(release !== undefined && { release }) });
}

function duplicate(key: string, name: string, first: number): Problem {
  return {
    key,
    value: name,
    reason: `has the same name in the cluster as serving.models[${first}]`,
    allowed: 'names that differ in more than "." and "-"',
    fix: 'remove one of the two, or give one another name: `name: ...`',
  };
}

function entryProblems(
  entry: ServedModelConfig,
  store: Store,
  openshift: boolean,
  key: (...path: PropertyKey[]) => string,
): Problem[] {
  const problems: Problem[] = [];
  if (entry.host !== undefined && !openshift) {
    problems.push({
      key: key('host'),
      value: entry.host,
      reason: 'is the host of an OpenShift Route, and this platform has no Routes',
      fix: 'remove it',
    });
  }
  if (entry.workload.kind === 'statefulset' && store.kind === 'claim') {
    problems.push({
      key: key('workload', 'kind'),
      value: entry.workload.kind,
      reason: 'its volumes would keep what is fetched, and from a claim nothing is fetched',
      allowed: 'deployment',
    });
  }
  return problems;
}
