import { App, Chart } from 'cdk8s';
import {
  DisruptionBudget,
  MetricsMonitor,
  ModelSource,
  OpenShiftRoute,
  QueueAutoscaler,
  SccUse,
  ServerAlerts,
  ServerNetworkPolicy,
  TritonServer,
} from '../constructs';
import { accelerator } from '../models/accelerator';
import { resnet50 } from '../models/catalog/resnet50';
import { withOverrides } from '../models/model';
import { type GpuPool, placeOn } from '../models/placement';

/** Nodes of an OpenShift cluster, as GPU feature discovery labels them. */
const l4Nodes: GpuPool = {
  name: 'l4',
  accelerator: 'nvidia-l4',
  gpusPerNode: 1,
  maxNodes: 4,
  allocatable: { cpus: 14, memoryGib: 56 },
  spot: false,
  nodeSelector: { 'nvidia.com/gpu.product': accelerator('nvidia-l4').product },
};

/** A server on OpenShift behind a Route, under restricted-v2, with its models from S3 by an IAM role. */
export function openshift(): App {
  const model = withOverrides(resnet50, { scale: { min: 2, max: 4 } });
  const app = new App();
  const chart = new Chart(app, 'openshift', { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, l4Nodes),
    source: ModelSource.s3({
      uri: 's3://acme-models/resnet50',
      region: 'us-east-1',
      credentials: { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/triton-models' },
    }),
    platform: 'openshift',
  });
  // KEDA asks OpenShift's own Prometheus, which scrapes what a monitor names.
  new QueueAutoscaler(chart, 'autoscaler', { server, source: { kind: 'keda' } });
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerAlerts(chart, 'alerts', { server });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new ServerNetworkPolicy(chart, 'network-policy', {
    server,
    monitoringNamespace: 'openshift-user-workload-monitoring',
  });
  new SccUse(chart, 'scc', { server });
  new OpenShiftRoute(chart, 'route', { server, host: 'resnet50.apps.example.com' });
  return app;
}
