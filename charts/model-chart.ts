import { App, Chart } from 'cdk8s';
import { DisruptionBudget } from '../constructs/disruption-budget';
import { MetricsMonitor } from '../constructs/metrics-monitor';
import type { ModelSource } from '../constructs/model-source';
import { serverName } from '../constructs/naming';
import { OpenShiftRoute } from '../constructs/openshift-route';
import type { Platform } from '../constructs/platform';
import { QueueAutoscaler } from '../constructs/queue-autoscaler';
import { SccUse } from '../constructs/scc-use';
import { ServerAlerts } from '../constructs/server-alerts';
import { ServerNetworkPolicy } from '../constructs/server-network-policy';
import { TritonServer } from '../constructs/triton-server';
import type { Workload } from '../constructs/workload';
import type { Model } from '../models/model';
import type { Placement } from '../models/placement';
import { queueMetric } from '../models/queue-metric';

export interface ModelChartProps {
  readonly model: Model;
  readonly placement: Placement;
  readonly source: ModelSource;
  readonly platform: Platform;
  readonly namespace: string;
  readonly monitoringNamespace: string;
  /** @default a Deployment */
  readonly workload?: Workload;
  /** Whether the server loads what is published while it runs. @default false: at its start alone */
  readonly watch?: boolean;
  /** Host of the OpenShift Route. @default chosen by the router */
  readonly host?: string;
}

/** Everything that serves one model. An App of its own: synthesis of many charts in one App takes quadratic time. */
export function modelChart(props: ModelChartProps): Chart {
  const { model, platform } = props;
  const chart = new Chart(new App(), serverName(model.name), { namespace: props.namespace });
  const metric = queueMetric(model, props.placement.gpusPerPod);
  // Where nothing can be scaled on, least and most are the same.
  const replicas = metric === undefined ? model.scale.min : undefined;
  const control = props.watch === true ? ({ kind: 'explicit', watch: {} } as const) : undefined;
  const server = new TritonServer(chart, 'server', { ...props, replicas, ...(control !== undefined && { control }) });
  if (metric !== undefined) new QueueAutoscaler(chart, 'autoscaler', { server });
  new DisruptionBudget(chart, 'disruption-budget', { server });
  new MetricsMonitor(chart, 'metrics', { server });
  new ServerAlerts(chart, 'alerts', { server });
  new ServerNetworkPolicy(chart, 'network-policy', { server, monitoringNamespace: props.monitoringNamespace });
  if (platform === 'openshift') {
    new SccUse(chart, 'scc', { server });
    new OpenShiftRoute(chart, 'route', { server, ...(props.host !== undefined && { host: props.host }) });
  }
  return chart;
}
