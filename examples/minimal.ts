import { App, Chart } from 'cdk8s';
import { DisruptionBudget, ModelSource, ServerNetworkPolicy, TritonServer } from '../constructs';
import { gkeNodePool } from '../models/gke-node-pool';
import { defineModel } from '../models/model';
import { placeOn } from '../models/placement';

/** One ONNX model on two L4s of GKE: a fixed number of replicas, and the two guards that no server should be without. */
export function minimal(): App {
  const model = defineModel({
    name: 'resnet50',
    backend: {
      kind: 'onnxruntime',
      bytes: 97_800_000,
      inputs: [{ name: 'data', dataType: 'FP32', dims: [3, 224, 224] }],
      outputs: [{ name: 'resnetv17_dense0_fwd', dataType: 'FP32', dims: [1000] }],
      batching: { kind: 'dynamic', maxBatch: 32 },
    },
    accelerator: 'nvidia-l4',
    scale: { min: 2, max: 2 },
  });
  const app = new App();
  const chart = new Chart(app, 'minimal', { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, gkeNodePool({ name: 'l4', machineType: 'g2-standard-8', maxNodes: 2 })),
    source: ModelSource.gcs({ uri: 'gs://acme-models/resnet50' }),
    platform: 'gke',
    replicas: 2,
  });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: 'monitoring' });
  return app;
}
