import { App, Chart } from 'cdk8s';
import {
  DisruptionBudget,
  MetricsMonitor,
  ModelSource,
  QueueAutoscaler,
  ServerNetworkPolicy,
  TritonServer,
} from '../constructs';
import { llama31 } from '../models/catalog/llama-3.1-8b';
import { gkeNodePool } from '../models/gke-node-pool';
import { placeOn } from '../models/placement';

/** A TensorRT-LLM engine on L4s, scaled on the requests that wait in the engine, with the guard rails around it. */
export function engineOnL4(): App {
  const model = llama31;
  const app = new App();
  const chart = new Chart(app, 'engine-on-l4', { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, gkeNodePool({ name: 'l4', machineType: 'g2-standard-12', maxNodes: 4 })),
    source: ModelSource.gcs({ uri: 'gs://acme-models/llama-3.1-8b' }),
    platform: 'gke',
  });
  // One pod more than the model promises: a lost node is no outage.
  new QueueAutoscaler(chart, 'autoscaler', { server, scale: { min: 2, max: 4 } });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: 'monitoring' });
  return app;
}
