import { App, Chart } from 'cdk8s';
import {
  DisruptionBudget,
  MetricsMonitor,
  ModelSource,
  QueueAutoscaler,
  ServerAlerts,
  ServerNetworkPolicy,
  TritonServer,
} from '../constructs';
import { llama31 } from '../models/catalog/llama-3.1-8b';
import { gkeNodePool } from '../models/gke-node-pool';
import { withOverrides } from '../models/model';
import { placeOn } from '../models/placement';

/** A TensorRT-LLM engine on L4s, scaled on the requests that wait in the engine, with the guard rails around it. */
export function engineOnL4(): App {
  // Two at least: a lost node is no outage.
  const model = withOverrides(llama31, { scale: { min: 2, max: 4 } });
  const app = new App();
  const chart = new Chart(app, 'engine-on-l4', { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, gkeNodePool({ name: 'l4', machineType: 'g2-standard-12', maxNodes: 4 })),
    source: ModelSource.gcs({ uri: 'gs://acme-models/llama-3.1-8b' }),
    platform: 'gke',
  });
  new QueueAutoscaler(chart, 'autoscaler', { server });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerAlerts(chart, 'alerts', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: 'monitoring' });
  return app;
}
