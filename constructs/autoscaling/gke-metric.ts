import { ApiObject } from 'cdk8s';
import type { k8s } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import { type PodGauge, podMetrics, type QueueMetric } from '../../models/queue-metric';
import { afterMapping } from '../after-mapping';
import type { InferenceServer } from '../inference-server';
import { podsMetric } from './horizontal-autoscaler';
import type { GkeNativeSource } from './metric-source';

/** The label that GKE selects a server's pods by. */
const POD_LABEL = 'inference-server';

/**
 * Has GKE read the gauges of a server's pods (GKE documentation, "Autoscale Pods by using custom or external metrics").
 *
 * @returns the gauges as the autoscaler refers to them
 */
export function gkeMetrics(
  scope: Construct,
  server: InferenceServer,
  metric: QueueMetric,
  { podSelector }: GkeNativeSource,
): k8s.MetricSpecV2[] {
  const gauges = podMetrics(metric).filter((each): each is PodGauge => each.kind === 'gauge' && each.single === true);
  new ApiObject(scope, 'metric', {
    apiVersion: 'autoscaling.gke.io/v1beta1',
    kind: 'AutoscalingMetric',
    metadata: { name: server.name, labels: { ...server.labels } },
    spec: {
      metrics: [
        {
          pod: {
            selector: { matchLabels: podSelector ?? labelledPods(scope, server) },
            containers: [
              {
                endpoint: { port: server.ports[server.metrics.port], path: server.metrics.path },
                metrics: gauges.map((gauge) => ({
                  gauge: { name: gkeName(gauge), prometheusMetricName: gauge.series },
                })),
              },
            ],
          },
        },
      ],
    },
  });
  return gauges.map((gauge) => podsMetric(gauge, `autoscaling.gke.io|${server.name}|${gkeName(gauge)}`));
}

/** Kinds that have the pods' labels where they can be added to. */
const WITH_TEMPLATE = ['Deployment', 'StatefulSet'];

/** The workload that is scaled, where it stands in the same app and its pods can be given a label. */
export function workloadOf(scope: Construct, { scaleTarget }: InferenceServer): ApiObject | undefined {
  if (!WITH_TEMPLATE.includes(scaleTarget.kind)) return undefined;
  const objects = scope.node.root.node.findAll().filter((each) => ApiObject.isApiObject(each)) as ApiObject[];
  return objects.find(({ kind, name }) => kind === scaleTarget.kind && name === scaleTarget.name);
}

/** Names are of lowercase letters, digits and `-` there. */
function gkeName({ name }: PodGauge): string {
  return name.replaceAll('_', '-');
}

function labelledPods(scope: Construct, server: InferenceServer): Record<string, string> {
  const label = { [POD_LABEL]: server.name };
  const workload = workloadOf(scope, server);
  if (workload !== undefined) {
    afterMapping(workload, ({ spec }) => {
      Object.assign(spec.template.metadata.labels, label);
    });
  }
  return label;
}
