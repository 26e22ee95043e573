import Table from 'cli-table3';
import type { Style } from '../bin/command';
import { serverName, slug } from '../constructs/naming';
import { accelerator } from '../models/accelerator';
import { wrap } from '../models/text';
import { isComponent } from '../preview/build-plan';
import type { Plan } from '../preview/plan';
import type { ServedModel } from '../stacks/environment/environment';
import { HPA_SECONDS } from './control-plane';
import type { Kubectl } from './kubectl';
import { poolLabel } from './node-objects';
import { PACE } from './pace';
import { grows, type SimulatedPool, simulatedPools } from './pools';
import type { Prepared } from './prepare';
import { isReady, type Pod } from './readiness';
import { toldRules } from './told-rules';

interface Node {
  readonly kind: 'Node';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly status: { readonly allocatable?: Readonly<Record<string, string>> };
}

const GPU = 'nvidia.com/gpu';
/** Every line of a table that the library draws. */
const LINES = [
  ...['top', 'top-mid', 'top-left', 'top-right'],
  ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];
const NO_LINES = Object.fromEntries(LINES.map((part) => [part, '']));

/** What is served where, on which nodes, and what of it is simulated. */
export async function report(
  { environment, plan }: Pick<Prepared, 'environment' | 'plan'>,
  kubectl: Kubectl,
  style: Style,
): Promise<string> {
  const { servingNamespace: namespace, models } = environment;
  const [pods, nodes] = await Promise.all([kubectl.list<Pod>('pods', namespace), kubectl.list<Node>('nodes')]);
  const pools = simulatedPools(environment);
  const { bold, dim } = style.colours;
  const lines = [
    `${bold('Served')} ${dim(`${models.length} ${models.length === 1 ? 'model' : 'models'} in namespace ${namespace}`)}`,
    ...(models.length > 0
      ? table(
          style,
          POD_HEAD,
          models.flatMap((each) => podRows(each, pods, nodes, pools)),
        )
      : []),
    '',
    bold('Nodes'),
    ...table(
      style,
      NODE_HEAD,
      pools.map((pool) => poolRow(pool, nodes, pods)),
    ),
    '',
    bold('Simulated'),
    ...simulated(pools, plan).flatMap((text) => bullet(text, style.width)),
  ];
  return `${lines.join('\n')}\n`;
}

const POD_HEAD = ['model', 'pod', 'ready', 'pool', 'zone', 'GPUs', 'CPU', 'memory'];

function podRows(
  { model }: ServedModel,
  pods: readonly Pod[],
  nodes: readonly Node[],
  pools: readonly SimulatedPool[],
): string[][] {
  const prefix = `${serverName(model.name)}-`;
  const own = pods
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === slug(model.name))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  if (own.length === 0) return [[model.name, 'none', '', '', '', '', '', '']];
  return own.map((pod, index) => {
    const node = nodes.find(({ metadata }) => metadata.name === pod.spec.nodeName);
    const requests = pod.spec.containers[0]?.resources?.requests ?? {};
    return [
      index === 0 ? model.name : '',
      pod.metadata.name.replace(prefix, ''),
      isReady(pod) ? 'yes' : 'no',
      pools.find((pool) => node && isOf(pool, node))?.name ?? 'none',
      zoneOf(node),
      requests[GPU] ?? '0',
      cores(requests.cpu),
      memory(requests.memory),
    ];
  });
}

/** `b` for us-central1-b: all nodes are in one region. */
function zoneOf(node: Node | undefined): string {
  const { 'topology.kubernetes.io/zone': zone = '', 'topology.kubernetes.io/region': region = '' } =
    node?.metadata.labels ?? {};
  return zone.replace(`${region}-`, '');
}

function cores(quantity = '0'): string {
  return quantity.endsWith('m') ? String(Number(quantity.slice(0, -1)) / 1000) : quantity;
}

const MEBIBYTES: Readonly<Record<string, number>> = { Mi: 1, Gi: 1024, Ti: 1024 * 1024 };

function memory(quantity = '0Mi'): string {
  const [, number = '0', unit = 'Mi'] = /^([\d.]+)(\w+)$/.exec(quantity) ?? [];
  return `${Math.round(((Number(number) * (MEBIBYTES[unit] ?? 1)) / 1024) * 10) / 10} GiB`;
}

const NODE_HEAD = ['pool', 'machine', 'nodes', 'bounds', 'GPU', 'offered', 'in use'];

function poolRow(pool: SimulatedPool, nodes: readonly Node[], pods: readonly Pod[]): string[] {
  const own = nodes.filter((node) => isOf(pool, node));
  const names = new Set(own.map(({ metadata }) => metadata.name));
  const used = pods
    .filter(({ spec }) => spec.nodeName !== undefined && names.has(spec.nodeName))
    .flatMap(({ spec }) => spec.containers.map(({ resources }) => Number(resources?.requests?.[GPU] ?? 0)))
    .reduce((sum, gpus) => sum + gpus, 0);
  const offered = own.reduce((sum, { status }) => sum + Number(status.allocatable?.[GPU] ?? 0), 0);
  return [
    pool.spot ? `${pool.name} (spot)` : pool.name,
    pool.machineType,
    String(own.length),
    grows(pool) ? `${pool.min} to ${pool.max}` : 'fixed',
    ...(pool.accelerator === undefined
      ? ['none', '', '']
      : [accelerator(pool.accelerator).label, String(offered), String(used)]),
  ];
}

function isOf(pool: SimulatedPool, { metadata }: Node): boolean {
  return Object.entries(poolLabel(pool)).every(([key, value]) => metadata.labels[key] === value);
}

function table({ width, colours }: Style, head: readonly string[], rows: readonly string[][]): string[] {
  const made = new Table({
    head: head.map((title) => colours.dim(title)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  });
  made.push(...rows);
  const lines = made
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`);
  if (lines.every((line) => plainLength(line) <= width)) return lines;
  // Too wide: an entry of several lines each.
  const label = Math.max(...head.map((title) => title.length));
  return rows.flatMap(([first = '', ...cells]) => [
    ...(first === '' ? [] : [`  ${first}`]),
    ...cells.map((cell, index) => `    ${colours.dim((head[index + 1] ?? '').padEnd(label))}  ${cell}`),
  ]);
}

function plainLength(line: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours start with the escape character
  return line.replace(/\u001b\[\d+m/g, '').length;
}

function bullet(text: string, width: number): string[] {
  return wrap(text, width - 4).map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`);
}

/** What is not as it would be in the cloud. */
function simulated(pools: readonly SimulatedPool[], plan: Plan): string[] {
  const told = toldRules(plan);
  const addOns = plan.resources
    .filter((resource) => !isComponent(resource) && /^kubernetes:(helm|kustomize|yaml)/.test(resource.type))
    .map(({ name }) => name)
    .sort();
  const growing = pools.some(grows);
  return [
    'API server, scheduler and controllers are real. Nodes and pods are simulated by kwok: no container runs, there is no GPU, and a pod is ready when its time has come.',
    `Nodes come, models load and empty nodes go ${PACE} times faster than they would.`,
    ...(growing
      ? [`Karpenter grows and shrinks the pools, in place of GKE's autoscaler: its logic, within the pools' bounds.`]
      : []),
    `No metrics are served, so autoscalers keep to their least replicas (they look every ${HPA_SECONDS} s).`,
    'Volumes are empty folders, and network policies are accepted but not enforced.',
    ...(told.length > 0
      ? [
          `The environment breaks rules that the API server would hold it to: ${told.join(', ')}. Here it warns of them.`,
        ]
      : []),
    ...(addOns.length > 0 ? [`Not installed: ${addOns.join(', ')}.`] : []),
  ];
}
