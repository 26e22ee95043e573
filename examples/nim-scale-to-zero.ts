import { App, Chart } from 'cdk8s';
import {
  DisruptionBudget,
  MetricsMonitor,
  NimServer,
  QueueAutoscaler,
  ServerAlerts,
  ServerNetworkPolicy,
} from '../constructs';
import { nimLlama31 } from '../models/catalog/nim-llama-3.1-8b';
import { gkeNodePool } from '../models/gke-node-pool';
import { defineNim, placeNimOn } from '../models/nim';

/**
 * A NIM on one L4 that has no node while there is nothing to do. Requests come by Pub/Sub, which keeps them until something
 * that reads them can have them answered: messages that wait wake the server, which finds its model in its cache.
 */
export function nimScaleToZero(): App {
  const nim = defineNim({
    ...nimLlama31,
    scale: { min: 0, max: 1, wake: { kind: 'pubsub', project: 'acme', subscription: 'prompts' } },
  });
  const app = new App();
  const chart = new Chart(app, 'nim-scale-to-zero', { namespace: 'triton' });
  const server = new NimServer(chart, 'server', {
    nim,
    placement: placeNimOn(nim, gkeNodePool({ name: 'l4', machineType: 'g2-standard-12', maxNodes: 1 })),
    platform: 'gke',
    ngc: { kind: 'external-secret', store: 'google', storeKind: 'ClusterSecretStore', remoteKey: 'ngc-api-key' },
    storageClass: 'premium-rwo',
    // 131,072 tokens of context would take 16 GiB of cache, beside the weights on the 22 GiB of an L4.
    environment: { NIM_MAX_MODEL_LEN: '8192' },
  });
  new QueueAutoscaler(chart, 'autoscaler', {
    server,
    source: { kind: 'keda', prometheus: { url: 'http://prometheus-operated.monitoring.svc:9090' } },
  });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerAlerts(chart, 'alerts', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: 'monitoring' });
  return app;
}
