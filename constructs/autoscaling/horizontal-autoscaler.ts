import { k8s } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import { UP_SECONDS } from '../../models/capacity/time-to-ready';
import type { Scale } from '../../models/model';
import { type PodMetric, podMetrics, type ScaleMetric } from '../../models/queue-metric';
import type { InferenceServer } from '../inference-server';

/**
 * How fast the number of replicas changes, whoever decides on it: up, by doubling, to what was asked for through a whole
 * minute; down one pod a minute, to the most that was asked for in ten. A replica takes about ten minutes: what is not
 * wanted that long is not worth a node, and what goes would be ordered again (windows chosen in bench/autoscale).
 */
export const SCALING_BEHAVIOR = {
  scaleUp: {
    stabilizationWindowSeconds: UP_SECONDS,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
  scaleDown: {
    stabilizationWindowSeconds: 600,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
  },
} as const;

/** A HorizontalPodAutoscaler of a server: of several metrics it takes the one that asks for most. */
export function horizontalAutoscaler(
  scope: Construct,
  { name, labels, scaleTarget }: InferenceServer,
  { min, max }: Scale,
  metrics: readonly k8s.MetricSpecV2[],
): void {
  new k8s.KubeHorizontalPodAutoscalerV2(scope, 'hpa', {
    metadata: { name, labels: { ...labels } },
    spec: {
      scaleTargetRef: { ...scaleTarget },
      minReplicas: min,
      maxReplicas: max,
      metrics: [...metrics],
      behavior: {
        scaleUp: { ...SCALING_BEHAVIOR.scaleUp, policies: [...SCALING_BEHAVIOR.scaleUp.policies] },
        scaleDown: { ...SCALING_BEHAVIOR.scaleDown, policies: [...SCALING_BEHAVIOR.scaleDown.policies] },
      },
    },
  });
}

/** A metric as prometheus-adapter serves it. */
export function adapterMetrics(metric: ScaleMetric): k8s.MetricSpecV2[] {
  if (metric.kind !== 'query') return podMetrics(metric).map((each) => podsMetric(each));
  return [{ type: 'External', external: { metric: { name: metric.name }, target: averageOf(metric) } }];
}

/** @param name - the name that the metrics API has it under */
export function podsMetric(metric: PodMetric, name: string = metric.name): k8s.MetricSpecV2 {
  return { type: 'Pods', pods: { metric: { name }, target: averageOf(metric) } };
}

export function cpuMetric(utilization: number): k8s.MetricSpecV2 {
  return {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: utilization } },
  };
}

function averageOf({ target }: { readonly target: number }): k8s.MetricTargetV2 {
  return { type: 'AverageValue', averageValue: k8s.Quantity.fromString(quantity(target)) };
}

const SUFFIXES = ['m', '', 'k', 'M'] as const;

/** A number as the API writes it back: any other form would show as a change on every preview. */
function quantity(value: number): string {
  let digits = Math.round(value * 1000);
  let suffix = 0;
  while (digits % 1000 === 0 && suffix < SUFFIXES.length - 1) {
    digits /= 1000;
    suffix += 1;
  }
  return `${digits}${SUFFIXES[suffix]}`;
}
