import { serverName } from '../../constructs/naming';
import { byParent, isComponent } from '../build-plan';
import { cloudGist, resourceLabel } from '../gist';
import type { KubernetesObject, Plan, PlannedModel, PlannedResource } from '../plan';
import { resourceAnchor } from './anchor';
import { anchorOfObject } from './links';

/** From where a server is reached: through a Route, Ingress or the like from outside, or by its Service alone. */
export type Reach = 'outside' | 'cluster';

/** What requests come in by. */
export interface Entry {
  readonly kind: string;
  readonly name: string;
  /** `llama.apps.example.com`, `port 8000`. */
  readonly text: string;
  readonly anchor: string;
}

/** The pods of one model. */
export interface TopologyServer {
  readonly model: PlannedModel;
  readonly reach: Reach;
  /** In the order in which a request passes them. */
  readonly entries: readonly Entry[];
  /** The workload in the plan. */
  readonly workload?: { readonly kind: string; readonly anchor: string };
}

/** Nodes of one kind, and what runs on them. */
export interface TopologyPool {
  readonly name: string;
  /** Left out where the nodes are not made here. */
  readonly nodes?: {
    readonly machineType: string;
    readonly least: number;
    readonly most: number;
    readonly spot: boolean;
  };
  /** Left out where the nodes are not made here. */
  readonly gpusPerNode?: number;
  readonly accelerator?: string;
  /** GPUs that the least and the most replicas ask for. */
  readonly asked: { readonly least: number; readonly most: number };
  readonly servers: readonly TopologyServer[];
  /** The node pool in the plan. */
  readonly anchor?: string;
}

/** A part of the platform that stands beside the path of a request. */
export interface TopologyNeighbour {
  readonly name: string;
  readonly anchor: string;
  readonly resources: readonly { readonly label: string; readonly gist: string; readonly anchor: string }[];
}

/** An environment from its clients to its GPUs. */
export interface Topology {
  /** Those with most servers first; those that serve nothing last. */
  readonly pools: readonly TopologyPool[];
  readonly beside: readonly TopologyNeighbour[];
}

const NODE_POOL = 'gcp:container/nodePool:NodePool';
/** Objects by which requests come from outside of the cluster. */
const FROM_OUTSIDE = ['Route', 'Ingress', 'HTTPRoute', 'GRPCRoute', 'VirtualService'];

/** Reads the topology off a plan. */
export function topologyOf(plan: Plan): Topology {
  const objectsOf = new Map(plan.charts.map((chart) => [chart.name, chart.objects]));
  const servers = plan.summary.models.map((model) => {
    const chart = serverName(model.name);
    return serverOf(model, chart, objectsOf.get(chart) ?? []);
  });
  return { pools: poolsOf(plan, servers), beside: neighboursOf(plan) };
}

function serverOf(model: PlannedModel, chart: string, objects: readonly KubernetesObject[]): TopologyServer {
  const workload = objects.find(({ kind }) => kind.toLowerCase() === model.workload.toLowerCase());
  const outside = objects.filter((object) => FROM_OUTSIDE.includes(object.kind));
  const service = objects.find((object) => object.kind === 'Service' && object.metadata.name === chart);
  const balanced = service !== undefined && spec(service).type === 'LoadBalancer';
  return {
    model,
    reach: outside.length > 0 || balanced ? 'outside' : 'cluster',
    entries: [...outside, ...(service === undefined ? [] : [service])].map((object) => entryOf(chart, object)),
    ...(workload !== undefined && { workload: { kind: workload.kind, anchor: anchorOfObject(chart, workload) } }),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
function spec(object: KubernetesObject): any {
  return object.spec ?? {};
}

function entryOf(chart: string, object: KubernetesObject): Entry {
  const { host, hostnames, rules, ports, type } = spec(object);
  const hosts: string[] =
    host !== undefined ? [host] : (hostnames ?? (rules ?? []).flatMap((rule: { host?: string }) => rule.host ?? []));
  const [first] = ports ?? [];
  return {
    kind: type === 'LoadBalancer' ? 'Load balancer' : object.kind,
    name: object.metadata.name,
    text:
      first !== undefined
        ? `port ${ports.map(({ port }: { port: number }) => port).join(', ')}`
        : hosts.length > 0
          ? hosts.join(', ')
          : 'host by the router',
    anchor: anchorOfObject(chart, object),
  };
}

function poolsOf({ resources, summary }: Plan, servers: readonly TopologyServer[]): TopologyPool[] {
  const nodePools = new Map(resources.filter(({ type }) => type === NODE_POOL).map((pool) => [pool.name, pool]));
  const costs = new Map((summary.cost?.pools ?? []).map((pool) => [pool.name, pool]));
  const names = new Set([...servers.map(({ model }) => model.pool), ...costs.keys(), ...nodePools.keys()]);
  const pools = [...names].map((name): TopologyPool => {
    const own = servers
      .filter(({ model }) => model.pool === name)
      .sort((a, b) => (a.model.name < b.model.name ? -1 : 1));
    const cost = costs.get(name);
    const nodePool = nodePools.get(name);
    const accelerator =
      own.find(({ model }) => model.accelerator !== 'none')?.model.accelerator ?? acceleratorOf(nodePool);
    const asked = (size: 'min' | 'max') =>
      own.reduce((sum, { model }) => sum + model.replicas[size] * model.gpusPerPod, 0);
    return {
      name,
      ...(cost !== undefined && {
        nodes: { machineType: cost.machineType, least: cost.idle, most: cost.most, spot: cost.spot },
        gpusPerNode: cost.gpus,
      }),
      ...(accelerator !== undefined && { accelerator }),
      asked: { least: asked('min'), most: asked('max') },
      servers: own,
      ...(nodePool !== undefined && { anchor: resourceAnchor(nodePool.urn) }),
    };
  });
  return pools.sort((a, b) => b.servers.length - a.servers.length || (a.name < b.name ? -1 : 1));
}

function acceleratorOf(pool: PlannedResource | undefined): string | undefined {
  const config = pool?.inputs.nodeConfig as { guestAccelerators?: readonly { type?: string }[] } | undefined;
  return config?.guestAccelerators?.[0]?.type;
}

/** Components right below the stack that a request does not pass, but that it could not be served without. */
const BESIDE = ['buckets', 'monitoring', 'kubeflow', 'gpu-operator', 'cluster', 'network'];

function neighboursOf({ resources }: Plan): TopologyNeighbour[] {
  const children = byParent(resources);
  const stack = resources.find(({ parent }) => parent === '');
  const components = (children.get(stack?.urn ?? '') ?? []).filter(isComponent);
  return BESIDE.flatMap((name) => {
    const component = components.find((each) => each.name === name);
    const members = (children.get(component?.urn ?? '') ?? []).filter((member) => !isComponent(member));
    if (component === undefined || members.length === 0) return [];
    return [
      {
        name,
        anchor: resourceAnchor(component.urn),
        resources: members
          .map((member) => ({
            label: resourceLabel(member),
            gist: cloudGist(member),
            anchor: resourceAnchor(member.urn),
          }))
          // Who may do what is said below, with all resources.
          .filter(({ label }) => !/IAMMember|ServiceIdentity/.test(label)),
      },
    ];
  });
}
