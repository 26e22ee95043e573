import type { EngineInputs } from '../models/engine/engine-inputs';
import type { PolicyReport } from '../policies/finding';
import { SECRET, UNKNOWN } from '../policies/resource';
import type { PolicySettings } from '../policies/settings';

export { SECRET, UNKNOWN };
/** Stands for what a Secret holds though nobody has said that it is one: it is in the program in clear text. */
export const WRITTEN_SECRET = '<secret in clear text>';

/** A resource as the program registers it. */
export interface PlannedResource {
  readonly urn: string;
  /** Pulumi's type token: `gcp:container/cluster:Cluster`. */
  readonly type: string;
  readonly name: string;
  /** URN of the parent; empty for the stack. */
  readonly parent: string;
  /** URNs of what it waits for, sorted. */
  readonly dependencies: readonly string[];
  /** Arguments, with {@link UNKNOWN} and {@link SECRET} in place of what is not to be had or not to be shown. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URNs that arguments take outputs of, by argument; left out where there are none. */
  readonly uses?: Readonly<Record<string, readonly string[]>>;
  /** What the engine is asked to do beside the arguments; left out where it is nothing. */
  readonly options?: ResourceOptions;
}

/** Options of a resource that decide what a change of it does. Each is left out where it is not set. */
export interface ResourceOptions {
  /** Never deleted, be it to be replaced. */
  readonly protect?: true;
  readonly retainOnDelete?: true;
  /** A replacement is made when the old one is gone. */
  readonly deleteBeforeReplace?: true;
  /** Arguments whose changes are not carried out. */
  readonly ignoreChanges?: readonly string[];
  /** Arguments whose changes replace the resource, whatever the provider says. */
  readonly replaceOnChanges?: readonly string[];
  /** Names, types or URNs that it had before. */
  readonly aliases?: readonly string[];
}

/** A Kubernetes object. */
export type KubernetesObject = Readonly<Record<string, unknown>> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
};

/** The objects of one chart, in the order in which they are applied. */
export interface PlannedChart {
  readonly name: string;
  readonly objects: readonly KubernetesObject[];
}

/** Everything that `pulumi up` would create in an environment. */
export interface Plan {
  /** The stack's name: `dev`. */
  readonly environment: string;
  /** Sorted by URN. */
  readonly resources: readonly PlannedResource[];
  /** Sorted by name. */
  readonly charts: readonly PlannedChart[];
  /** What the stack exports. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly summary: PlanSummary;
}

export interface PlanSummary {
  /** `gke`, `kubernetes` or `openshift`. */
  readonly platform: string;
  /** The cluster in words: `acme-ml-dev, us-central1`. */
  readonly cluster: string;
  /** Resources of the cloud, Helm releases and upstream manifests, by group. */
  readonly resources: Readonly<Record<string, number>>;
  /** Kubernetes objects by chart. */
  readonly objects: Readonly<Record<string, number>>;
  readonly models: readonly PlannedModel[];
  readonly policies: PolicyReport;
  /** What the rules went by. Left out where there is no environment. */
  readonly policySettings?: PolicySettings;
  /** Left out on clusters that are there already. */
  readonly cost?: PlannedCost;
  /** What works, and should be known all the same. */
  readonly warnings: readonly string[];
}

/** What nodes, their disks and the cluster cost, USD an hour. */
export interface PlannedCost {
  /** Every pool at its least size. */
  readonly idle: number;
  /** GPU pools with the least replicas of their models. */
  readonly serving: number;
  /** Every pool fully grown. */
  readonly most: number;
  readonly pools: readonly PlannedPoolCost[];
  /** What is not in the figures: prices that the book has not, and what it leaves out. */
  readonly notCounted: readonly string[];
  /** Where the prices come from, with their dates. */
  readonly sources: readonly string[];
}

/** Nodes of one pool, and what one of them costs with its disk. */
export interface PlannedPoolCost {
  readonly name: string;
  readonly machineType: string;
  /** GPUs of one node. */
  readonly gpus: number;
  readonly spot: boolean;
  /** Nodes. */
  readonly idle: number;
  readonly serving: number;
  readonly most: number;
  /** Left out where the book has no price. */
  readonly usdPerHour?: number;
}

/** How a model fills the fullest GPU of a pod, GiB. The parts add up to `gpu`. */
export interface PlannedMemory {
  readonly gpu: number;
  readonly weights: number;
  readonly activations: number;
  readonly context: number;
  readonly kvCache: number;
  readonly free: number;
  /** What the key-value cache holds: tokens, and longest sequences at a time. Language models alone. */
  readonly kv?: { readonly tokens: number; readonly sequences: number };
}

/** A served model, and what was derived for it. */
export interface PlannedModel {
  readonly name: string;
  readonly backend: string;
  readonly accelerator: string;
  readonly gpusPerPod: number;
  /** Left out where no GPU is used. */
  readonly memory?: PlannedMemory;
  readonly pool: string;
  readonly replicas: { readonly min: number; readonly max: number };
  readonly workload: string;
  /** Where the repository comes from: `gs://bucket/path`. */
  readonly source: string;
  /** Undefined where Triton has no queue metric for the backend: the number of replicas is fixed. */
  readonly scaledOn?: { readonly metric: string; readonly target: number };
  /** Seconds that a start may take before the pod is restarted. */
  readonly startupSeconds: number;
  /** Seconds that a start takes by reckoning, on the slowest disk that is reckoned with. */
  readonly loadSeconds: number;
  /** What its engine is built from. Left out where TensorRT-LLM builds none. */
  readonly engine?: EngineInputs;
  /** What a spike does. Left out where the model declares no capacity. */
  readonly spike?: PlannedSpike;
}

/** A rise of traffic that stays, from the load that the least replicas carry and keep the promise. */
export interface PlannedSpike {
  /** How many times as many requests come. */
  readonly times: number;
  /** Requests a second before and in the spike. */
  readonly ratePerSecond: readonly [number, number];
  /** Replicas over time, as the autoscaler orders them in rounds. */
  readonly rounds: readonly { readonly seconds: number; readonly replicas: number }[];
  /** Replicas that keep the promise all along, and those that have to stand ready so that none misses its deadline. */
  readonly needed: number;
  readonly floor: number;
  /** Waiting requests over time: each time more replicas are ready, and until nothing waits, or half as long again. */
  readonly curve: readonly { readonly seconds: number; readonly waiting: number }[];
  /** How the backlog goes. Left out where it never does: all replicas do less than comes. */
  readonly gone?: {
    readonly goneSeconds: number;
    readonly longestWaitSeconds: number;
    /** Requests that miss their deadline, of those that came meanwhile. */
    readonly late: number;
    readonly came: number;
  };
}
