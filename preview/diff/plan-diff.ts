import type { Finding } from '../../policies/finding';
import type { Plan, PlannedCost, PlannedModel } from '../plan';

/** What becomes of a resource or an object. `rename`: the same under another name, which deletes one and creates one. */
export type Action = 'create' | 'update' | 'replace' | 'rename' | 'delete';

/** One field that differs. */
export interface FieldChange {
  /** `spec.template.spec.containers[name=triton].image`: members of lists by what names them. */
  readonly path: string;
  /** Left out where the field is new. */
  readonly before?: unknown;
  /** Left out where the field is gone. */
  readonly after?: unknown;
  /** Texts of several lines: a unified diff of them, which stands in place of both. */
  readonly text?: string;
  /** A change of this field replaces the whole. */
  readonly replaces?: true;
}

/** What is gone or interrupted while a change is made, for those who use it. */
export interface Consequence {
  /** `downtime`: it is away for a time; `data-loss`: what it holds is lost; `restart`: nodes or pods come anew. */
  readonly kind: 'downtime' | 'data-loss' | 'restart' | 'blocked';
  /** In words, for a reviewer. */
  readonly text: string;
}

/** What all changes say. */
export interface Change {
  readonly action: Action;
  /** The name before, where it was another. */
  readonly formerName?: string;
  /** Fields, sorted by path. Empty where something is created or deleted. */
  readonly fields: readonly FieldChange[];
  readonly consequences: readonly Consequence[];
  /** A few words on what it is, afterwards or where it is deleted before. */
  readonly gist: string;
}

/** A resource of the cloud, a Helm release, or upstream manifests. */
export interface ResourceChange extends Change {
  /** The component right below the stack: `pools`. */
  readonly group: string;
  /** `gcp:container/nodePool:NodePool` */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
}

/** A Kubernetes object. */
export interface ObjectChange extends Change {
  readonly chart: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Pods that are started anew. */
export interface Rollout {
  readonly chart: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Pods at least. */
  readonly pods: number;
  readonly gpusPerPod: number;
  /** GPUs that are taken by new pods before old ones leave. */
  readonly surgeGpus: number;
  /** Pods that may be away at a time. */
  readonly unavailable: number;
  /** Seconds until the last pod is ready, reckoned from loads on the slowest disk that is reckoned with. */
  readonly seconds: number;
  /** Seconds after which the last start would have failed. */
  readonly longestSeconds: number;
  /** Fields of the pod template that differ. */
  readonly because: readonly string[];
}

/** A served model before and after. One of the two is left out where it is new or gone. */
export interface ModelChange {
  readonly name: string;
  readonly before?: PlannedModel;
  readonly after?: PlannedModel;
}

/** A version of something that is deployed: an image, a chart, a commit of upstream manifests. */
export interface VersionChange {
  readonly kind: 'image' | 'chart' | 'upstream';
  /** `nvcr.io/nvidia/tritonserver`, `gpu-operator`, `kubeflow/pipelines`. */
  readonly name: string;
  /** Sorted; several where several are in use. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** What the rules say that they did not say before, what they said before, and what they say no more. */
export interface FindingChanges {
  readonly added: readonly Finding[];
  readonly standing: readonly Finding[];
  readonly resolved: readonly Finding[];
}

/** Where a side of the comparison comes from. */
export interface Revision {
  /** As it was named: `origin/main`; `working tree` for the head. */
  readonly name: string;
  /** The commit, whole. */
  readonly commit?: string;
}

/** What a change does to an environment. */
export interface PlanDiff {
  readonly environment: string;
  readonly base: Revision;
  /** There, why nothing could be compared: everything is told as new. */
  readonly baseFailed?: string;
  /** Sorted by group, type and name. Nothing that stays as it is. */
  readonly resources: readonly ResourceChange[];
  /** Sorted by chart, kind and name. */
  readonly objects: readonly ObjectChange[];
  readonly rollouts: readonly Rollout[];
  /** Models that are new, gone, or described otherwise. */
  readonly models: readonly ModelChange[];
  readonly cost: { readonly before?: PlannedCost; readonly after?: PlannedCost };
  readonly versions: readonly VersionChange[];
  readonly policies: FindingChanges;
}

/** A plan, and where there is a base what differs from it. */
export interface Compared {
  readonly plan: Plan;
  readonly diff?: PlanDiff;
}
