import { sourceName } from '../constructs/model-source';
import { engineInputs } from '../models/engine/engine-inputs';
import { GIB, memoryFit } from '../models/memory';
import type { Model } from '../models/model';
import { queueMetric } from '../models/queue-metric';
import { loadSeconds, startupBudgetSeconds } from '../models/startup';
import { CHART_TYPE } from '../stacks/chart-resource';
import type { Environment, ServedModel } from '../stacks/environment/environment';
import { deploy } from '../stacks/program';
import type { StackConfig } from './config-file';
import { environmentCost } from './environment-cost';
import { openEnvironment } from './open-environment';
import type { KubernetesObject, Plan, PlannedChart, PlannedMemory, PlannedModel, PlannedResource } from './plan';
import { currentDay, planPolicies } from './plan-policies';
import { plannedSpike } from './planned-spike';
import { record } from './record';
import { sortedBy } from './sorted-by';

export { type OpenedEnvironment, openEnvironment } from './open-environment';

/**
 * What `pulumi up --stack <name>` would create, found out by running the program offline.
 *
 * @param folder - the folder of `Pulumi.<name>.yaml`
 * @param today - the day that waivers are judged by @default today
 * @throws InputError where the environment's file cannot work
 */
export async function buildPlan(folder: string, name: string, today = currentDay()): Promise<Plan> {
  const { config, environment } = openEnvironment(folder, name);
  return planOf(environment, config, today);
}

/** As {@link buildPlan}, of an environment that was read already. */
export async function planOf(environment: Environment, config: StackConfig, today = currentDay()): Promise<Plan> {
  const { name } = environment;
  const { resources, outputs } = await record({ stack: name, config: config.values }, () => deploy(environment));
  const children = byParent(resources);
  const charts = chartsOf(resources, children);
  return {
    environment: name,
    resources: sortedBy(resources, ({ urn }) => urn),
    charts,
    outputs,
    summary: {
      platform: environment.flavour,
      cluster: clusterName(environment),
      resources: countByGroup(resources),
      objects: Object.fromEntries(charts.map((chart) => [chart.name, chart.objects.length])),
      models: environment.models.map((served) => plannedModel(environment, served)),
      policies: planPolicies(resources, environment.policies, today),
      policySettings: environment.policies,
      ...(environment.kind === 'gke' && { cost: environmentCost(environment) }),
      warnings: [...environment.warnings],
    },
  };
}

/** Components group resources; they are nothing in the cloud. */
export function isComponent({ type }: PlannedResource): boolean {
  return type.startsWith('triton-stack:') || type === 'pulumi:pulumi:Stack';
}

export function byParent(resources: readonly PlannedResource[]): ReadonlyMap<string, readonly PlannedResource[]> {
  const children = new Map<string, PlannedResource[]>();
  for (const resource of resources) {
    const siblings = children.get(resource.parent);
    if (siblings === undefined) children.set(resource.parent, [resource]);
    else siblings.push(resource);
  }
  return children;
}

function chartsOf(
  resources: readonly PlannedResource[],
  children: ReadonlyMap<string, readonly PlannedResource[]>,
): PlannedChart[] {
  const charts = resources
    .filter(({ type }) => type === CHART_TYPE)
    .map(({ urn, name }) => ({
      name,
      objects: inInstallOrder((children.get(urn) ?? []).map(({ inputs }) => inputs as KubernetesObject)),
    }));
  return sortedBy(charts, ({ name }) => name);
}

/** What others refer to comes first (Helm, pkg/release/util/kind_sorter.go); custom resources come last. */
const INSTALL_ORDER = [
  'Namespace',
  'NetworkPolicy',
  'ResourceQuota',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'Service',
  'Deployment',
  'HorizontalPodAutoscaler',
  'StatefulSet',
];

function inInstallOrder(objects: readonly KubernetesObject[]): KubernetesObject[] {
  const place = ({ kind }: KubernetesObject) => {
    const index = INSTALL_ORDER.indexOf(kind);
    return index < 0 ? INSTALL_ORDER.length : index;
  };
  const byName = sortedBy(objects, ({ kind, metadata }) => `${kind}/${metadata.name}`);
  return byName.sort((a, b) => place(a) - place(b));
}

/** Resources by the component that stands right below the stack. Objects of charts are counted by chart. */
function countByGroup(resources: readonly PlannedResource[]): Record<string, number> {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const counts = new Map<string, number>();
  for (const resource of resources) {
    if (isComponent(resource) || byUrn.get(resource.parent)?.type === CHART_TYPE) continue;
    const group = groupOf(resource, byUrn);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return Object.fromEntries(sortedBy([...counts], ([group]) => group));
}

/** The component right below the stack that a resource belongs to; `providers` where there is none. */
export function groupOf(resource: PlannedResource, byUrn: ReadonlyMap<string, PlannedResource>): string {
  let top = resource;
  for (let up = byUrn.get(top.parent); up !== undefined && up.parent !== ''; up = byUrn.get(up.parent)) top = up;
  return isComponent(top) ? top.name : 'providers';
}

function clusterName({ kind, platform }: Environment): string {
  return kind === 'gke' ? `${platform.project}, ${platform.region}` : `context ${platform.context}`;
}

function plannedModel(environment: Environment, served: ServedModel): PlannedModel {
  const { model, placement, source, workload } = served;
  const spike = plannedSpike(environment, served);
  const metric = queueMetric(model, placement.gpusPerPod);
  const engine = engineInputs(model);
  return {
    name: model.name,
    backend: model.backend.kind,
    accelerator: model.accelerator,
    gpusPerPod: placement.gpusPerPod,
    ...(model.accelerator !== 'none' && { memory: plannedMemory(model) }),
    pool: placement.pool.name,
    replicas: model.scale,
    workload: workload.kind,
    source: sourceName(source),
    ...(metric !== undefined && { scaledOn: { metric: metric.name, target: metric.target } }),
    startupSeconds: startupBudgetSeconds(model),
    loadSeconds: Math.ceil(loadSeconds(model)),
    ...(engine !== undefined && { engine }),
    ...(spike !== undefined && { spike }),
  };
}

function plannedMemory(model: Model): PlannedMemory {
  const { layout, kv } = memoryFit(model);
  const gib = (bytes: number) => Math.round((bytes / GIB) * 100) / 100;
  return {
    gpu: gib(layout.gpu),
    weights: gib(layout.weights),
    activations: gib(layout.activations),
    context: gib(layout.context),
    kvCache: gib(layout.kvCache),
    free: gib(layout.free),
    ...(kv !== undefined && { kv: { tokens: kv.tokens, sequences: kv.sequences } }),
  };
}
