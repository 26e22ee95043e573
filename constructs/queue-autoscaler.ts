import { Duration } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Scale } from '../models/model';
import { InputError } from '../models/problem';
import type { QueueMetric } from '../models/queue-metric';
import { afterMapping } from './after-mapping';
import type { InferenceServer } from './inference-server';

export interface QueueAutoscalerProps {
  readonly server: InferenceServer;
  /** What the server is scaled on. @default the queue metric of the model's backend */
  readonly metric?: QueueMetric;
  /** Replicas. @default the model's */
  readonly scale?: Scale;
}

const SCALE_UP_PERIOD = Duration.seconds(15);
const SCALE_DOWN_WINDOW = Duration.minutes(5);
const SCALE_DOWN_PERIOD = Duration.minutes(1);

/**
 * Scales a server on the requests that wait in its queue, by the gauge that is right for its backend.
 *
 * Up at once and by doubling, since a new GPU node takes minutes; down one pod a minute after five quiet minutes.
 *
 * @throws InputError where the backend has no such gauge and no metric is given
 */
export class QueueAutoscaler extends Construct {
  constructor(scope: Construct, id: string, props: QueueAutoscalerProps) {
    super(scope, id);
    const { server } = props;
    const { metric = metricOf(server), scale = server.scale } = props;
    const autoscaler = new kplus.HorizontalPodAutoscaler(this, 'hpa', {
      metadata: { name: server.name, labels: { ...server.labels } },
      target: scaled(server),
      minReplicas: scale.min,
      maxReplicas: scale.max,
      metrics: [kplus.Metric.pods({ name: metric.name, target: kplus.MetricTarget.averageValue(metric.target) })],
      scaleUp: {
        stabilizationWindow: Duration.seconds(0),
        strategy: kplus.ScalingStrategy.MAX_CHANGE,
        policies: [{ replicas: kplus.Replicas.percent(100), duration: SCALE_UP_PERIOD }],
      },
      scaleDown: {
        stabilizationWindow: SCALE_DOWN_WINDOW,
        strategy: kplus.ScalingStrategy.MAX_CHANGE,
        policies: [{ replicas: kplus.Replicas.absolute(1), duration: SCALE_DOWN_PERIOD }],
      },
    });
    // Quantities are strings in the API's canonical form: a number would show as a change on every preview.
    afterMapping(autoscaler, (manifest) => {
      for (const each of manifest.spec.metrics) each.pods.target.averageValue = String(each.pods.target.averageValue);
    });
  }
}

function scaled({ scaleTarget }: InferenceServer): kplus.IScalable {
  return {
    hasAutoscaler: true,
    markHasAutoscaler: () => undefined,
    toScalingTarget: () => ({ ...scaleTarget, containers: [] }),
  };
}

function metricOf({ queueMetric, name }: InferenceServer): QueueMetric {
  if (queueMetric !== undefined) return queueMetric;
  throw new InputError(`autoscaler of ${name}`, [
    {
      key: 'metric',
      reason: 'is missing: what serves here tells nobody how many requests wait in it',
      fix: 'give a metric of your own, or a fixed number of replicas to the server instead of an autoscaler',
    },
  ]);
}
