import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';

/** Who scrapes: a Prometheus of the Prometheus operator, or the collectors of GKE's managed Prometheus. */
export type MetricsCollector = 'prometheus-operator' | 'gke-managed';

export interface MetricsMonitorProps {
  readonly server: InferenceServer;
  /** @default prometheus-operator */
  readonly collector?: MetricsCollector;
  /**
   * A Prometheus that selects its monitors by a label, as kube-prometheus-stack does unless told otherwise, finds this one
   * with `{ PodMonitor: [JsonPatch.add('/metadata/labels/release', 'kube-prometheus-stack')] }`.
   *
   * @default none
   */
  readonly patch?: Patches;
}

/** Where GKE runs the collectors (GKE documentation, "Managed Service for Prometheus"), for network policies. */
export const GKE_COLLECTOR_NAMESPACE = 'gke-gmp-system';

/** Autoscalers act on the queue within this time. The managed service neither has a least interval nor a default. */
const INTERVAL = '10s';
const TIMEOUT = '5s';
/** What a sync did changes when a pod starts, and when a release is published. */
const SYNC_INTERVAL = '60s';

/** Pods are scraped by their addresses, which no certificate names. */
const UNVERIFIED = { insecureSkipVerify: true } as const;

/**
 * Has a server's pods scraped one by one, since the queue is each pod's own: by the name of the port, so that pods without
 * it, such as the workers of a group, are no targets.
 *
 * All series are kept: a server has some for each model and GPU, and none for each request.
 *
 * @throws InputError where the collector is GKE's and the cluster is not
 */
export class MetricsMonitor extends Construct {
  constructor(scope: Construct, id: string, props: MetricsMonitorProps) {
    super(scope, id);
    const { server, collector = 'prometheus-operator' } = props;
    const metadata = { name: server.name, labels: { ...server.labels } };
    const selector = { matchLabels: { ...server.selector } };
    const secure = server.metrics.port === 'http' && server.tls?.includes('http');
    const { syncMetrics } = server;
    const sync =
      syncMetrics === undefined ? [] : [{ port: syncMetrics.name, path: syncMetrics.path, interval: SYNC_INTERVAL }];
    const endpoint = { ...server.metrics, ...(secure && { scheme: 'https' }), interval: INTERVAL };
    if (collector === 'gke-managed') {
      if (server.platform !== 'gke') throw noCollectors(server);
      // The labels that an autoscaler and a dashboard go by (pod, container, controller) are the CRD's defaults; job is
      // this object's name, and no relabeling can change it (GoogleCloudPlatform/prometheus-engine, doc/api.md).
      new ApiObject(this, 'monitor', {
        apiVersion: 'monitoring.googleapis.com/v1',
        kind: 'PodMonitoring',
        metadata,
        spec: { selector, endpoints: [{ ...endpoint, ...(secure && { tls: UNVERIFIED }), timeout: TIMEOUT }, ...sync] },
      });
    } else {
      new ApiObject(this, 'monitor', {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'PodMonitor',
        metadata,
        spec: {
          selector,
          podMetricsEndpoints: [
            { ...endpoint, ...(secure && { tlsConfig: UNVERIFIED }), scrapeTimeout: TIMEOUT },
            ...sync,
          ],
        },
      });
    }
    applyPatches(this, props.patch);
  }
}

function noCollectors({ name, platform }: InferenceServer): InputError {
  return new InputError(`metrics of ${name}`, [
    {
      key: 'collector',
      value: 'gke-managed',
      reason: `asks for the collectors of GKE, and the platform is ${platform}`,
      allowed: 'prometheus-operator',
      fix: "leave it out, or set platform: 'gke'",
    },
  ]);
}
