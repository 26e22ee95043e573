export { afterMapping, type Manifest } from './after-mapping';
export {
  type AdapterRule,
  adapterRule,
  type ExternalAdapterRule,
  externalAdapterRule,
} from './autoscaling/adapter-rule';
export type {
  CpuSource,
  GkeNativeSource,
  KedaSource,
  MetricSource,
  PrometheusAdapterSource,
  PrometheusAuth,
  PrometheusEndpoint,
  WarmWindow,
} from './autoscaling/metric-source';
export { BatchPriority, type BatchPriorityProps } from './batch-priority';
export { DisruptionBudget, type DisruptionBudgetProps } from './disruption-budget';
export type { GatewayController, GatewayListener, GatewayRouteProps } from './gateway-listener';
export { GrpcRoute, type GrpcRouteProps } from './grpc-route';
export { HttpRoute, type HttpRouteProps } from './http-route';
export type { Destination, InferenceServer } from './inference-server';
export type { IngressController, IngressTls, PreSharedCertificates } from './ingress-controller';
export {
  GKE_COLLECTOR_NAMESPACE,
  type MetricsCollector,
  MetricsMonitor,
  type MetricsMonitorProps,
} from './metrics-monitor';
export { ModelRepository, type ModelRepositoryProps, type RepositoryStorage } from './model-repository';
export {
  type ClaimSource,
  type GcsCredentials,
  type GcsFuseSource,
  type GcsSource,
  type HuggingFaceSource,
  type ImageSource,
  ModelSource,
  type MountedSource,
  type NodeCacheSource,
  type ReleaseChoice,
  type RepositorySource,
  type S3Credentials,
  type S3Source,
  type SyncedSource,
  type SyncTool,
} from './model-source';
export { MultiNodeServer, type MultiNodeServerProps } from './multi-node-server';
export { type NgcCredentials, type NgcKey, NgcSecret, type NgcSecretProps } from './ngc-secret';
export { NimServer, type NimServerProps } from './nim-server';
export type { NodeToleration } from './node-cache-pods';
export { NodeModelCache, type NodeModelCacheProps } from './node-model-cache';
export { OpenShiftRoute, type OpenShiftRouteProps, type RouteTls } from './openshift-route';
export { applyPatches, type Patches } from './patch';
export type { Platform } from './platform';
export { QueueAutoscaler, type QueueAutoscalerProps } from './queue-autoscaler';
export { SccUse, type SccUseProps } from './scc-use';
export { type CloudIdentity, ServerAccount, type ServerAccountProps } from './server-account';
export { ServerAlerts, type ServerAlertsProps } from './server-alerts';
export { ServerIngress, type ServerIngressProps } from './server-ingress';
export {
  CLIENT_NAMESPACE_LABEL,
  type ServerClient,
  ServerNetworkPolicy,
  type ServerNetworkPolicyProps,
} from './server-network-policy';
export type { ServingApi } from './serving-api';
export { TeamNamespace, type TeamNamespaceProps } from './team-namespace';
export { TRITON_PORTS } from './triton-command';
export type {
  GrpcTls,
  LoadKey,
  LogOptions,
  MetricsOptions,
  ModelControl,
  ModelWatchOptions,
  TracingOptions,
  TritonOptions,
} from './triton-options';
export { TritonServer } from './triton-server';
export type { EnvironmentValue, TritonServerProps } from './triton-server-props';
export type { Workload } from './workload';
