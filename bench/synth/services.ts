import { closeSync, openSync, writeSync } from 'node:fs';
import { App, Chart } from 'cdk8s';
import { chartObjects } from '../../charts/chart-objects';
import { ModelSource, QueueAutoscaler, TritonServer } from '../../constructs';
import { resnet50 } from '../../models/catalog/resnet50';
import { gkeNodePool } from '../../models/gke-node-pool';
import { withOverrides } from '../../models/model';
import { placeOn } from '../../models/placement';
import { manifestYaml } from '../../preview/manifest-yaml';
import type { KubernetesObject } from '../../preview/plan';

const POOL = gkeNodePool({ name: 'l4', machineType: 'g2-standard-8', maxNodes: 8 });

/**
 * The objects of one service, from the model's description on: ServiceAccount, Service, Deployment and the ConfigMap of
 * its script from TritonServer, HorizontalPodAutoscaler from QueueAutoscaler.
 */
export function serviceObjects(name: string): KubernetesObject[] {
  const model = withOverrides(resnet50, { name });
  const chart = new Chart(new App(), name, { namespace: 'triton' });
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, POOL),
    source: ModelSource.gcs({ uri: `gs://acme-models/${name}` }),
    platform: 'gke',
  });
  new QueueAutoscaler(chart, 'autoscaler', { server });
  return chartObjects(chart) as KubernetesObject[];
}

/** Names of services, all of one length: the same bytes for each. */
export function serviceNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `service-${String(index).padStart(5, '0')}`);
}

/** Writes the manifests of so many services to one file: what is measured, in a process of its own. */
export function writeServices(count: number, file: string): void {
  const output = openSync(file, 'w');
  for (const name of serviceNames(count)) writeSync(output, manifestYaml(serviceObjects(name)));
  closeSync(output);
}
