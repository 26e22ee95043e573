import type { Model } from '../models/model';
import type { Placement } from '../models/placement';
import type { Destination } from './inference-server';
import type { ModelSource } from './model-source';
import type { Patches } from './patch';
import type { Platform } from './platform';
import type { CloudIdentity } from './server-account';
import type { TritonOptions } from './triton-options';
import type { Workload } from './workload';

/** A value of the environment: a text, or one that stands in a Secret of the namespace. */
export type EnvironmentValue = string | { readonly secretName: string; readonly key: string };

export interface TritonServerProps extends TritonOptions {
  readonly model: Model;
  /** The pool the pods go to and what each takes: `placeOn(model, ...pools)`. */
  readonly placement: Placement;
  readonly source: ModelSource;
  readonly platform: Platform;
  /** @default a Deployment */
  readonly workload?: Workload;
  /** @default left to the autoscaler */
  readonly replicas?: number;
  /** CPU cores and host memory of the server's container, request and limit alike. @default the GPUs' part of the node */
  readonly resources?: { readonly cpus?: number; readonly memoryGib?: number };
  /** Further resources that nodes offer, by name: `{ 'rdma/ib': 1 }`. @default none */
  readonly extendedResources?: Readonly<Record<string, number>>;
  /** The memory file system that processes of the pod exchange tensors through, GiB. @default 1 with language models, else 0.25 */
  readonly sharedMemoryGib?: number;
  /** A PriorityClass of the cluster. @default the cluster's default */
  readonly priorityClassName?: string;
  /** Whether pods may share a zone where another is free of them: `required` leaves them pending instead. @default preferred */
  readonly zoneSpread?: 'preferred' | 'required';
  /** Whether a container of the pod serves the metrics of its sync, where it has one (50m CPU, 64 MiB). @default true */
  readonly syncMetrics?: boolean;
  /** An image of one's own, with Triton and the model's backends in it. @default that of the versions file */
  readonly image?: string;
  /** The cloud identity of the pods beyond what the source has of its own. @default that of the ServiceAccount's name, where the cloud knows it */
  readonly identity?: CloudIdentity;
  /** What its pods connect to beside DNS, their models, their identity and their traces. @default nothing */
  readonly egress?: readonly Destination[];
  /**
   * On OpenShift: another security context constraint than restricted-v2, and the user that the image needs. `SccUse` lets
   * the pods use it.
   *
   * @default restricted-v2, under a user of the namespace's
   */
  readonly scc?: { readonly name: string; readonly runAsUser?: number };
  /** Secrets of the namespace with the credentials of registries. @default none */
  readonly imagePullSecrets?: readonly string[];
  /** Of the server's container. @default none */
  readonly environment?: Readonly<Record<string, EnvironmentValue>>;
  /** Of the pods, beside the server's own: for queues, meshes, cost. They are never selected by. @default none */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Of the pods, beside the server's own. @default none */
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Of the Service. @default none */
  readonly serviceAnnotations?: Readonly<Record<string, string>>;
  /** Seconds that a start may take from container start to ready. @default three times what the files take on a slow disk */
  readonly startupSeconds?: number;
  readonly patch?: Patches;
}
