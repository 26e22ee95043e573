import type { Scale } from '../models/model';
import type { Placement } from '../models/placement';
import type { QueueMetric } from '../models/queue-metric';
import type { Platform } from './platform';
import type { ServingApi } from './serving-api';

/** Somewhere that a server's pods connect to. */
export type Destination =
  /** Any host: stores and registries have no fixed addresses. */
  | { readonly kind: 'anywhere'; readonly port: number }
  | { readonly kind: 'address'; readonly cidr: string; readonly port: number }
  /** The pods of a namespace, on any port: a policy sees the port of the pod, which its Service does not tell. */
  | { readonly kind: 'namespace'; readonly namespace: string }
  /** The pods of the server's own namespace. */
  | { readonly kind: 'own-namespace' }
  /** The other pods of the same server. */
  | { readonly kind: 'peers' };

/** What a server is to what stands around it (autoscalers, routes, budgets, policies), whatever serves in it. */
export interface InferenceServer {
  /** Of the workload, its Service and its ServiceAccount. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The labels that select its pods, all of them; they never change. */
  readonly selector: Readonly<Record<string, string>>;
  readonly platform: Platform;
  readonly placement: Placement;
  /** What an autoscaler scales. */
  readonly scaleTarget: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  /** Replicas that are promised, and at most. */
  readonly scale: Scale;
  /** A fixed number of replicas. @default an autoscaler decides */
  readonly replicas?: number;
  /** What its replicas are scaled on: the figure that is right for what serves, or undefined where there is none. */
  readonly queueMetric: QueueMetric | undefined;
  /** Seconds in which a request has to be answered. */
  readonly deadlineSeconds: number;
  /** Seconds until a new replica is ready where a node has to be made for it first. */
  readonly startSeconds: number;
  /** The security context constraint that its pods require, on OpenShift. @default restricted-v2 */
  readonly scc?: string;
  /** What clients speak to it. */
  readonly api: ServingApi;
  /**
   * Ports of the pods and of the Service, by the names they have in both. The Service says `appProtocol:
   * kubernetes.io/h2c` of a gRPC port without TLS: load balancers speak HTTP/1.1 to it otherwise.
   */
  readonly ports: { readonly http: number; readonly grpc?: number; readonly metrics?: number };
  /** Those of the ports that speak TLS themselves. @default none */
  readonly tls?: readonly ('http' | 'grpc')[];
  /** Where a pod's metrics are: the name of the port, and the path. */
  readonly metrics: { readonly port: 'http' | 'metrics'; readonly path: string };
  /** Where a pod shows what the sync of its models did. @default nowhere */
  readonly syncMetrics?: { readonly name: string; readonly port: number; readonly path: string };
  /** What its pods connect to, beside DNS. */
  readonly egress: readonly Destination[];
}
