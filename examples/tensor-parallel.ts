import { App, Chart } from 'cdk8s';
import { DisruptionBudget, ModelSource, ServerNetworkPolicy, TritonServer } from '../constructs';
import { llama31Large } from '../models/catalog/llama-3.1-70b';
import { gkeNodePool } from '../models/gke-node-pool';
import { placeOn } from '../models/placement';

/** A model of 70 billion parameters over four A100s of one node, with a volume that keeps its engine over restarts. */
export function tensorParallel(): App {
  const model = llama31Large;
  const app = new App();
  const chart = new Chart(app, 'tensor-parallel', { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, gkeNodePool({ name: 'a100', machineType: 'a2-ultragpu-4g', maxNodes: 2, diskGb: 500 })),
    source: ModelSource.gcs({ uri: 'gs://acme-models/llama-3.1-70b' }),
    platform: 'gke',
    workload: { kind: 'statefulset', storageClass: 'premium-rwo' },
    replicas: 1,
  });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: 'monitoring' });
  return app;
}
