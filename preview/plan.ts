import type { Environment } from '../stacks/environment/environment';

/** Stands for a value that the cloud makes up: known only after apply. */
export const UNKNOWN = '<known after apply>';
/** Stands for a secret. */
export const SECRET = '<secret>';

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
}

/** A Kubernetes object. */
export type KubernetesObject = Readonly<Record<string, unknown>> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

/** The objects of one chart, in the order in which they are applied. */
export interface PlannedChart {
  readonly name: string;
  readonly objects: readonly KubernetesObject[];
}

/** Everything that `pulumi up` would create in an environment. */
export interface Plan {
  readonly environment: Environment;
  /** Sorted by URN. */
  readonly resources: readonly PlannedResource[];
  readonly charts: readonly PlannedChart[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly summary: PlanSummary;
}

export interface PlanSummary {
  /** Cloud resources, Helm releases and upstream manifests: everything but the objects of charts. */
  readonly cloudResources: number;
  readonly kubernetesObjects: number;
  readonly charts: number;
  readonly models: number;
  readonly warnings: readonly string[];
}
