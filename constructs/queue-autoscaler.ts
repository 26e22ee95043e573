import { Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import type { QueueMetric, ScaleMetric } from '../models/queue-metric';
import { autoscalerProblems } from './autoscaling/autoscaler-problems';
import { gkeMetrics } from './autoscaling/gke-metric';
import { adapterMetrics, cpuMetric, horizontalAutoscaler } from './autoscaling/horizontal-autoscaler';
import { endpointOf } from './autoscaling/keda-access';
import { kedaAutoscaler } from './autoscaling/keda-autoscaler';
import type { MetricSource, PrometheusEndpoint } from './autoscaling/metric-source';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';

export interface QueueAutoscalerProps {
  readonly server: InferenceServer;
  /** Who tells how much there is to do. @default prometheus-adapter */
  readonly source?: MetricSource;
  /** What the server is scaled on. @default what is right for what serves, with its guard */
  readonly metric?: ScaleMetric;
  /** @default none */
  readonly patch?: Patches;
}

/** Per cent of the CPUs in use at which another replica is due, until a load test has shown a better figure. */
const CPU_UTILIZATION = 70;

/**
 * Scales a server on the requests in it, by the figure that is right for its backend, and on a guard beside it: of what
 * both ask for, the larger number of replicas counts. While a figure is missing, nothing goes down.
 *
 * Up after a minute and by doubling; down one pod a minute after ten quiet minutes.
 *
 * Down to no replica with KEDA alone, and only where the scale names what wakes the server: a Service keeps no requests
 * while nobody serves, so that clients have to try again, or send through something that keeps them.
 *
 * @throws InputError where there is nothing to scale on, where the source cannot do what is asked of it, where the pool
 *   cannot hold the replicas, or where the server has a fixed number of them
 */
export class QueueAutoscaler extends Construct {
  constructor(scope: Construct, id: string, props: QueueAutoscalerProps) {
    super(scope, id);
    const { server, source = { kind: 'prometheus-adapter' } } = props;
    const { scale } = server;
    const metric = props.metric ?? server.queueMetric;
    const problems = autoscalerProblems(this, { server, source, given: props.metric, metric, scale });
    if (problems.length > 0) throw new InputError(`autoscaler of ${server.name}`, problems);
    // What may be missing by its type is there: it was a problem else.
    switch (source.kind) {
      case 'prometheus-adapter':
        horizontalAutoscaler(this, server, scale, adapterMetrics(metric as ScaleMetric));
        break;
      case 'gke-native':
        horizontalAutoscaler(this, server, scale, gkeMetrics(this, server, metric as QueueMetric, source));
        break;
      case 'cpu':
        horizontalAutoscaler(this, server, scale, [cpuMetric(source.utilization ?? CPU_UTILIZATION)]);
        break;
      case 'keda':
        kedaAutoscaler(this, {
          server,
          metric: metric as ScaleMetric,
          scale,
          endpoint: endpointOf(server, source.prometheus) as PrometheusEndpoint,
          warm: source.warm ?? [],
          namespace: Chart.of(this).namespace,
        });
    }
    applyPatches(this, props.patch);
  }
}
