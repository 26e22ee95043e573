import { gpuOf, type Hardware, hardwareLabel } from './accelerator';
import { type ServingCost, servingCost, type Unpriced } from './cost';
import { engineOf } from './engine/engine-of';
import type { EngineBuild } from './engine-build';
import { type FitChange, fitChanges } from './fit';
import { MACHINE_TYPES } from './machine-type';
import { type MemoryFit, memoryFit } from './memory';
import type { Model } from './model';
import { type GpuDemand, gpuDemand } from './placement';
import { type PriceBook, PURCHASES, type Purchase, priceBook } from './price-book';
import { type QueueMetric, queueMetric } from './queue-metric';
import { type RepositoryEntry, repositoryLayout } from './repository/layout';
import { type Shutdown, shutdown } from './shutdown';
import { fileBytes, parameterCount } from './size';
import { isLanguageModel } from './spec/backend';
import { servedVersions } from './spec/version-policy';
import { repositoryDiskGib, rolloutSeconds, startupBudgetSeconds } from './startup';

/** One figure that follows from a model's description. */
export interface Derivation {
  readonly name: string;
  readonly value: string;
  /** What it follows from. */
  readonly from: string;
}

/** What a model's cost is told for. */
export interface CostOptions {
  /** @default us-central1 */
  readonly region?: string;
  /** Share of the time in which all replicas run. @default 0.5 */
  readonly utilization?: number;
  /** Of one replica. @default no cost per million tokens */
  readonly tokensPerSecond?: number;
  /** @default the project's own price book */
  readonly prices?: PriceBook;
}

/** What serving one replica costs on the smallest machine that holds it, idle with no node at all. */
export interface ModelCost {
  readonly machineType: string;
  readonly region: string;
  readonly utilization: number;
  readonly byPurchase: Readonly<Record<Purchase, ServingCost | Unpriced>>;
}

/** Everything that follows from a model's description. */
export interface Explanation {
  readonly model: string;
  readonly backend: string;
  readonly accelerator: Hardware;
  /** Left out where the architecture is not stated. */
  readonly parameters?: number;
  readonly memory: MemoryFit;
  /** Changes that would make it fit; empty where it does. */
  readonly changes: readonly FitChange[];
  readonly gpus: GpuDemand;
  /** Machine types that hold one copy, smallest first. */
  readonly machineTypes: readonly string[];
  readonly versions: readonly number[];
  readonly queue?: QueueMetric;
  readonly startup: {
    readonly fileBytes: number;
    readonly diskGib: number;
    readonly probeSeconds: number;
    readonly rolloutSeconds: number;
  };
  readonly shutdown: Shutdown;
  readonly repository: readonly RepositoryEntry[];
  /** How the engine is built, where there is one. */
  readonly engine?: EngineBuild;
  /** Left out where no machine holds the model. */
  readonly cost?: ModelCost;
  readonly derivations: readonly Derivation[];
}

/**
 * Derives everything from a model, with where each figure comes from.
 *
 * @throws InputError where an option is no figure that can be
 */
export function explain(model: Model, options: CostOptions = {}): Explanation {
  const { backend } = model;
  const gpus = gpuDemand(model);
  const queue = queueMetric(model, gpus.total);
  const startup = {
    fileBytes: fileBytes(model),
    diskGib: repositoryDiskGib(model),
    probeSeconds: startupBudgetSeconds(model),
    rolloutSeconds: rolloutSeconds(model),
  };
  const machineTypes = MACHINE_TYPES.filter(
    (type) => type.accelerator === model.accelerator && type.gpus >= gpus.total,
  ).map(({ name }) => name);
  return {
    model: model.name,
    backend: backend.kind,
    accelerator: model.accelerator,
    ...(isLanguageModel(backend) && { parameters: parameterCount(backend.architecture) }),
    memory: memoryFit(model),
    changes: fitChanges(model),
    gpus,
    machineTypes,
    versions: servedVersions(model),
    ...(queue !== undefined && { queue }),
    startup,
    shutdown: shutdown(model),
    repository: repositoryLayout(model),
    ...(backend.kind === 'tensorrtllm' && { engine: engineOf(backend, gpuOf(model.accelerator)) }),
    ...costOf(gpus, machineTypes, options),
    derivations: derivations(model, gpus, queue, startup, machineTypes),
  };
}

/** Boot disk of a GPU node, GiB: the environments' default. */
const DISK_GIB = 200;

function costOf(
  gpus: GpuDemand,
  [machineType]: readonly string[],
  { region = 'us-central1', utilization = 0.5, tokensPerSecond, prices = priceBook() }: CostOptions,
): { readonly cost?: ModelCost } {
  if (machineType === undefined) return {};
  const machine = MACHINE_TYPES.find(({ name }) => name === machineType);
  const demand = {
    machineType,
    region,
    diskGb: DISK_GIB,
    diskType: 'pd-balanced' as const,
    leastNodes: 0,
    replicas: 1,
    replicasPerNode: Math.max(1, Math.floor((machine?.gpus ?? 1) / gpus.total)),
    utilization,
    ...(tokensPerSecond !== undefined && { tokensPerSecond }),
  };
  const entries = PURCHASES.map((purchase) => [purchase, servingCost(prices, { ...demand, purchase })] as const);
  const byPurchase = Object.fromEntries(entries) as Record<Purchase, ServingCost | Unpriced>;
  return { cost: { machineType, region, utilization, byPurchase } };
}

function derivations(
  model: Model,
  gpus: GpuDemand,
  queue: QueueMetric | undefined,
  startup: Explanation['startup'],
  machineTypes: readonly string[],
): Derivation[] {
  const { backend } = model;
  const { gracePeriodSeconds, preStopSeconds, exitTimeoutSeconds } = shutdown(model);
  const gib = (startup.fileBytes / 1024 ** 3).toFixed(2);
  return [
    { name: 'GPUs a pod', value: gpuText(model, gpus), from: gpuSource(model) },
    ...(machineTypes.length === 0
      ? []
      : [
          {
            name: 'machine types',
            value: machineTypes.slice(0, 3).join(', ') + (machineTypes.length > 3 ? ', ...' : ''),
            from: 'GPUs a pod, in one NVLink or PCIe domain',
          },
        ]),
    {
      name: 'scaled on',
      value: queue === undefined ? 'nothing: the number of replicas is fixed' : `${queue.name}, ${queue.target} a pod`,
      from:
        queue === undefined
          ? `backend ${backend.kind} tells nobody how many requests are in it`
          : 'backend, batch size, instances',
    },
    {
      name: 'files',
      value: `${gib} GiB`,
      from: isLanguageModel(backend) ? 'parameters, precision' : 'bytes of each version',
    },
    { name: 'disk', value: `${startup.diskGib} GiB`, from: 'files, what is served beside what is being fetched' },
    { name: 'start-up probe', value: `${startup.probeSeconds} s`, from: 'files, slowest disk, three times over' },
    { name: 'rollout', value: `${startup.rolloutSeconds} s`, from: 'a new node, the fetch, the start' },
    {
      name: 'grace period',
      value: `${gracePeriodSeconds} s`,
      from: `deadline: ${preStopSeconds} s until nobody sends, ${exitTimeoutSeconds} s for what is in flight, and a margin`,
    },
  ];
}

function gpuText({ accelerator }: Model, { total }: GpuDemand): string {
  return total === 0 ? 'none' : `${total} x ${hardwareLabel(accelerator)}`;
}

function gpuSource({ backend, accelerator }: Model): string {
  if (accelerator === 'none') return 'accelerator';
  if (isLanguageModel(backend)) return 'tensor parallel by pipeline parallel';
  return backend.kind === 'ensemble' ? 'the most of its members' : 'GPUs that its instances name';
}
