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
import { defineModel } from '../models/model';
import { type GpuPool, placeOn } from '../models/placement';

/** Ordinary nodes: whatever the cluster has without a GPU. */
const general: GpuPool = {
  name: 'general',
  accelerator: 'none',
  gpusPerNode: 0,
  maxNodes: 6,
  allocatable: { cpus: 3.9, memoryGib: 13 },
  spot: false,
  nodeSelector: { 'kubernetes.io/arch': 'amd64' },
};

/** Turns text into tokens: a model.py. */
const tokenize = defineModel({
  name: 'intent-tokenize',
  backend: {
    kind: 'python',
    bytes: 2_000_000,
    inputs: [{ name: 'TEXT', dataType: 'STRING', dims: [1] }],
    outputs: [{ name: 'IDS', dataType: 'INT64', dims: [128] }],
    batching: { kind: 'dynamic', maxBatch: 64 },
    instances: [{ count: 2, kind: 'cpu' }],
  },
  accelerator: 'none',
  scale: { min: 1, max: 1 },
});

/** A small classifier, which needs no GPU. */
const classify = defineModel({
  name: 'intent-classify',
  backend: {
    kind: 'onnxruntime',
    bytes: 68_000_000,
    inputs: [{ name: 'IDS', dataType: 'INT64', dims: [128] }],
    outputs: [{ name: 'SCORES', dataType: 'FP32', dims: [24] }],
    batching: { kind: 'dynamic', maxBatch: 64, maxQueueDelayMicros: 1000 },
  },
  accelerator: 'none',
  scale: { min: 1, max: 1 },
});

/** From a sentence to its intent: an ensemble of two models on the CPUs of ordinary nodes, anywhere Kubernetes runs. */
export function ensembleOnCpu(): App {
  const model = defineModel({
    name: 'intent',
    backend: {
      kind: 'ensemble',
      maxBatch: 64,
      inputs: [{ name: 'TEXT', dataType: 'STRING', dims: [1] }],
      outputs: [{ name: 'SCORES', dataType: 'FP32', dims: [24] }],
      steps: [
        { model: tokenize, inputs: { TEXT: 'TEXT' }, outputs: { IDS: 'ids' } },
        { model: classify, inputs: { IDS: 'ids' }, outputs: { SCORES: 'SCORES' } },
      ],
    },
    accelerator: 'none',
    scale: { min: 2, max: 6 },
    deadlineSeconds: 5,
  });
  const app = new App();
  const chart = new Chart(app, 'ensemble-on-cpu', { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, general),
    source: ModelSource.s3({
      uri: 's3://acme-models/intent',
      region: 'us-east-1',
      credentials: { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/triton-models' },
    }),
    platform: 'kubernetes',
    // Two of them share a node with others.
    resources: { cpus: 1.5, memoryGib: 3 },
    // New releases are picked up by the running servers.
    control: { kind: 'explicit', watch: { everySeconds: 60 } },
  });
  new QueueAutoscaler(chart, 'autoscaler', { server });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerAlerts(chart, 'alerts', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: 'monitoring' });
  return app;
}
