import type { VNode } from 'preact';
import type { PlanDiff } from '../diff/plan-diff';
import { counted, listed, range, whole } from '../format';
import type { Plan } from '../plan';
import { anchor } from './anchor';
import { FilterBar } from './filter-bar';
import { ListWithMore } from './more';
import {
  type Reach,
  type Topology,
  type TopologyNeighbour,
  type TopologyPool,
  type TopologyServer,
  topologyOf,
} from './topology';

/** Above this many servers of one pool the others are folded. */
const SHOWN = 8;
/** Above this many servers they can be filtered. */
const FILTERED = 8;

const CLIENTS: Readonly<Record<Reach, { readonly title: string; readonly text: string }>> = {
  outside: { title: 'Internet', text: 'clients outside of the cluster' },
  cluster: { title: 'In the cluster', text: 'clients in namespaces that are let in' },
};

/** The way of a request from its client to a GPU: a lane for each pool, so that lines never cross. */
export function TopologySection({ plan, diff }: { readonly plan: Plan; readonly diff?: PlanDiff | undefined }): VNode {
  const topology = topologyOf(plan);
  const servers = topology.pools.flatMap((pool) => pool.servers);
  const serving = topology.pools.filter((pool) => pool.servers.length > 0);
  const changed = new Map(
    (diff?.models ?? []).map(({ name, before }) => [name, before === undefined ? 'new' : 'changed']),
  );
  return (
    <>
      <p class="about">{inWords(topology)}</p>
      {servers.length > FILTERED && (
        <FilterBar list="topology-lanes" title="Models" item={['model', 'models']} count={servers.length} />
      )}
      <div id="topology-lanes">
        {serving.map((pool) => (
          <Lane key={pool.name} pool={pool} changed={changed} />
        ))}
      </div>
      <IdlePools pools={topology.pools.filter((pool) => pool.servers.length === 0)} />
      {topology.beside.length > 0 && (
        <>
          <h3>Beside the path</h3>
          <ul class="plain beside">
            {topology.beside.map((neighbour) => (
              <Neighbour key={neighbour.name} neighbour={neighbour} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** The drawing in a sentence. */
function inWords({ pools }: Topology): string {
  const servers = pools.flatMap((pool) => pool.servers);
  const outside = servers.filter(({ reach }) => reach === 'outside').length;
  const serving = pools.filter((pool) => pool.servers.length > 0);
  const reached =
    outside === 0
      ? 'from within the cluster alone'
      : outside === servers.length
        ? 'from outside of the cluster'
        : `${whole(outside)} of them from outside of the cluster`;
  const names = serving.length <= 4 ? ` ${listed(serving.map(({ name }) => name))}` : '';
  return `${counted(servers.length, 'model')} on ${counted(serving.length, 'pool')}${names}, reached ${reached}.`;
}

function Lane({ pool, changed }: { pool: TopologyPool; changed: ReadonlyMap<string, string> }): VNode {
  return (
    <section class="lane" aria-label={`Pool ${pool.name}`} data-group-of-items>
      <div class="ways">
        {(['outside', 'cluster'] as const).map((reach) => {
          const servers = pool.servers.filter((server) => server.reach === reach);
          if (servers.length === 0) return null;
          return (
            <div key={reach} class="way" data-group-of-items>
              <div class="node clients">
                <div class="stays">
                  <p class="node-title">{CLIENTS[reach].title}</p>
                  <p class="quiet">{CLIENTS[reach].text}</p>
                </div>
              </div>
              <div class="servers">
                <ListWithMore
                  class="plain"
                  shown={SHOWN}
                  what="models"
                  items={servers.map((server) => (
                    <Server key={server.model.name} server={server} change={changed.get(server.model.name)} />
                  ))}
                />
              </div>
            </div>
          );
        })}
      </div>
      <Pool pool={pool} />
    </section>
  );
}

function Server({ server, change }: { server: TopologyServer; change: string | undefined }): VNode {
  const { model, entries, workload } = server;
  const { name, backend, replicas, gpusPerPod, accelerator } = model;
  return (
    <li class="passage" data-item>
      <div class="node entry">
        {entries.map((entry) => (
          <p key={entry.anchor}>
            <a href={`#${entry.anchor}`}>{entry.kind}</a> <span class="quiet">{entry.text}</span>
          </p>
        ))}
        {entries.length === 0 && <p class="quiet">no Service</p>}
      </div>
      <div class="node server">
        <p class="node-title">
          <a href={`#${anchor('model', name)}`}>{name}</a>
          {change !== undefined && <span class="badge">{change}</span>}
        </p>
        <p class="quiet">
          {workload === undefined ? model.workload : <a href={`#${workload.anchor}`}>{workload.kind}</a>} · {backend}
        </p>
        <p class="quiet">
          {range(replicas.min, replicas.max)} {replicas.max === 1 ? 'pod' : 'pods'}
          {accelerator !== 'none' && ` × ${counted(gpusPerPod, 'GPU')}`}
        </p>
      </div>
    </li>
  );
}

function Pool({ pool }: { readonly pool: TopologyPool }): VNode {
  const { name, nodes, gpusPerNode, accelerator, asked } = pool;
  const capacity = nodes === undefined || gpusPerNode === undefined ? undefined : nodes.most * gpusPerNode;
  return (
    <div class="node pool" id={anchor('pool', name)}>
      <div class="stays">
        <p class="node-title">
          Pool {pool.anchor === undefined ? name : <a href={`#${pool.anchor}`}>{name}</a>}
          {nodes?.spot && <span class="badge">spot</span>}
        </p>
        {nodes !== undefined && (
          <p>
            {range(nodes.least, nodes.most)} × {nodes.machineType}
          </p>
        )}
        {accelerator !== undefined && (
          <p>
            {gpusPerNode !== undefined && gpusPerNode > 0 && `${gpusPerNode} × `}
            {accelerator}
            {nodes !== undefined && <span class="quiet"> a node</span>}
          </p>
        )}
        {capacity !== undefined && capacity > 0 && <Capacity asked={asked} capacity={capacity} />}
        {asked.most > 0 && (
          <p class="quiet">
            {range(asked.least, asked.most)} {capacity === undefined ? '' : `of ${whole(capacity)} `}
            GPUs asked for by replicas
          </p>
        )}
        {nodes === undefined && <p class="quiet">nodes are there already</p>}
      </div>
    </div>
  );
}

/** How much of a fully grown pool the least and the most replicas take. */
function Capacity({ asked, capacity }: { asked: TopologyPool['asked']; capacity: number }): VNode {
  const percent = (gpus: number) => `${(Math.min(1, gpus / capacity) * 100).toFixed(1)}%`;
  return (
    <svg class="capacity" width="100%" height="10" aria-hidden="true" focusable="false">
      <rect class="all" width="100%" height="10" />
      <rect class="most" width={percent(asked.most)} height="10" />
      <rect class="least" width={percent(asked.least)} height="10" />
    </svg>
  );
}

function IdlePools({ pools }: { readonly pools: readonly TopologyPool[] }): VNode | null {
  if (pools.length === 0) return null;
  return (
    <>
      <h3>Pools without models</h3>
      <ul class="plain beside">
        {pools.map((pool) => (
          <li key={pool.name}>
            <Pool pool={pool} />
          </li>
        ))}
      </ul>
    </>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  buckets: 'Buckets',
  monitoring: 'Monitoring',
  kubeflow: 'Kubeflow',
  'gpu-operator': 'GPU Operator',
  cluster: 'Cluster',
  network: 'Network',
};

function Neighbour({ neighbour: { name, anchor: id, resources } }: { readonly neighbour: TopologyNeighbour }): VNode {
  return (
    <li class="node">
      <p class="node-title">
        <a href={`#${id}`}>{TITLES[name] ?? name}</a>
      </p>
      <ul class="plain">
        {resources.map((resource) => (
          <li key={resource.anchor}>
            <a href={`#${resource.anchor}`}>{resource.label}</a> <span class="quiet">{resource.gist}</span>
          </li>
        ))}
      </ul>
    </li>
  );
}
