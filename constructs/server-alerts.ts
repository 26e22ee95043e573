import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import { joined, perPod, type ScaleMetric } from '../models/queue-metric';
import type { InferenceServer } from './inference-server';
import type { MetricsCollector } from './metrics-monitor';
import { applyPatches, type Patches } from './patch';
import { podPattern } from './pod-names';

export interface ServerAlertsProps {
  readonly server: InferenceServer;
  /** @default prometheus-operator */
  readonly collector?: MetricsCollector;
  /** What the server is scaled on. @default what it would be scaled on by itself */
  readonly metric?: ScaleMetric;
  /** @default none */
  readonly patch?: Patches;
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  /** How long it has to be so. */
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  /** What it means for those who wait for answers, and where to look first. */
  readonly description: string;
}

/** How long an autoscaler may be without figures: a restart of Prometheus or of the adapter is shorter. */
const BLIND = '5m';
/** How long a server may be at its bound: the window in which replicas go again. */
const BOUND = '10m';
/** An autoscaler does nothing about less (`--horizontal-pod-autoscaler-tolerance`). */
const TOLERANCE = 1.1;
const RUNBOOK = 'docs/runbooks/autoscaling.md';

/**
 * Alerts on what keeps a server from following its load: an autoscaler without figures, a pod that nobody scrapes, more load
 * than its bound of replicas can take, and no replica that is ready.
 *
 * They read kube-state-metrics beside the server's own metrics. Whether Prometheus itself is there nobody can alert on
 * from within: that is what the `Watchdog` of kube-prometheus-stack and of OpenShift is for, which fires always, and whose
 * silence somebody outside has to hear.
 *
 * @throws InputError where the chart has no namespace, or the collector is GKE's and the cluster is not
 */
export class ServerAlerts extends Construct {
  constructor(scope: Construct, id: string, props: ServerAlertsProps) {
    super(scope, id);
    const { server, collector = 'prometheus-operator', metric = server.queueMetric } = props;
    const { namespace } = Chart.of(this);
    const problems = problemsOf(server, collector, namespace);
    if (problems.length > 0 || namespace === undefined) throw new InputError(`alerts of ${server.name}`, problems);
    const managed = collector === 'gke-managed';
    new ApiObject(this, 'rules', {
      apiVersion: managed ? 'monitoring.googleapis.com/v1' : 'monitoring.coreos.com/v1',
      kind: managed ? 'Rules' : 'PrometheusRule',
      metadata: { name: server.name, labels: { ...server.labels } },
      spec: {
        groups: [{ name: server.name, rules: alertsOf(server, metric, namespace).map((each) => rule(server, each)) }],
      },
    });
    applyPatches(this, props.patch);
  }
}

function problemsOf({ platform }: InferenceServer, collector: MetricsCollector, namespace: string | undefined) {
  return [
    ...(namespace === undefined
      ? [
          {
            key: 'namespace',
            reason: 'is missing: alerts tell servers of one name apart by it',
            fix: "give the chart one: new Chart(app, id, { namespace: 'triton' })",
          },
        ]
      : []),
    ...(collector === 'gke-managed' && platform !== 'gke'
      ? [
          {
            key: 'collector',
            value: collector,
            reason: `asks for the rules of GKE, and the platform is ${platform}`,
            allowed: 'prometheus-operator',
            fix: "leave it out, or set platform: 'gke'",
          },
        ]
      : []),
  ];
}

function alertsOf(server: InferenceServer, metric: ScaleMetric | undefined, namespace: string): Alert[] {
  const pods = `namespace="${namespace}",pod=~"${podPattern(server)}"`;
  return [
    noneReady(server, pods),
    notScraped(metric, pods),
    ...(server.replicas === undefined && metric !== undefined ? autoscalerAlerts(server, metric, namespace, pods) : []),
  ];
}

function noneReady({ startSeconds }: InferenceServer, pods: string): Alert {
  const all = `count by (namespace) (kube_pod_info{${pods}}) > 0`;
  const ready = `sum by (namespace) (kube_pod_status_ready{${pods},condition="true"}) > 0`;
  return {
    alert: 'TritonNoReplicaReady',
    expr: `${all} unless on (namespace) ${ready}`,
    // A server that is woken, or whose node is lost, is without for as long as a start takes.
    for: `${Math.max(2, Math.ceil(startSeconds / 60))}m`,
    severity: 'critical',
    summary: 'No replica is ready for longer than a start takes',
    description: 'Nobody is answered. Look at what the pods wait for: kubectl describe pods.',
  };
}

/** A pod of which there is no figure counts for an autoscaler as one that does just enough: it adds none for it. */
function notScraped(metric: ScaleMetric | undefined, pods: string): Alert {
  const figure =
    metric === undefined || metric.kind === 'query'
      ? `up{${pods}} == 1`
      : `${metric.series}{${joined(pods, metric.kind === 'gauge' ? metric.matchers : undefined)}}`;
  return {
    alert: 'TritonPodWithoutMetrics',
    expr: `kube_pod_status_ready{${pods},condition="true"} == 1 unless on (namespace, pod) ${figure}`,
    for: BLIND,
    severity: 'warning',
    summary: 'Pod {{ $labels.pod }} is ready, and Prometheus has no figures of it',
    description:
      'Its load is not counted: replicas are added too late. Look whether it is among the targets of Prometheus, and whether a network policy lets Prometheus reach it.',
  };
}

function autoscalerAlerts(server: InferenceServer, metric: ScaleMetric, namespace: string, pods: string): Alert[] {
  // KEDA puts a prefix to the name of the autoscaler that it makes.
  const hpa = `namespace="${namespace}",horizontalpodautoscaler=~"(keda-hpa-)?${server.name}"`;
  const of = (name: string, more?: string) => `kube_horizontalpodautoscaler_${name}{${joined(hpa, more)}}`;
  const on = 'on (namespace, horizontalpodautoscaler)';
  const figure = metric.kind === 'query' ? undefined : `avg(${perPod(metric, pods, 'pod')})`;
  return [
    {
      alert: 'TritonAutoscalerBlind',
      // Of a server that sleeps an autoscaler says that it does nothing.
      expr: `${of('status_condition', 'condition="ScalingActive",status="false"')} == 1 and ${on} ${of('status_current_replicas')} > 0`,
      for: BLIND,
      severity: 'critical',
      summary: 'The autoscaler {{ $labels.horizontalpodautoscaler }} has no figures',
      description:
        'It holds the replicas that there are, whatever the load. Look at the conditions of the autoscaler, then at prometheus-adapter or KEDA, then at Prometheus.',
    },
    ...(figure === undefined
      ? []
      : [
          {
            alert: 'TritonAtItsBound',
            expr: `${figure} > ${Math.round(metric.target * TOLERANCE * 1000) / 1000} and on () max(${of('status_desired_replicas')}) >= max(${of('spec_max_replicas')})`,
            for: BOUND,
            severity: 'warning' as const,
            summary: `All ${server.scale.max} replicas are busier than they should be`,
            description: `Requests wait longer than was promised. Raise scale.max (${server.scale.max}) and the pool's most nodes (${server.placement.pool.maxNodes} of ${server.placement.pool.name}), or send less.`,
          },
        ]),
  ];
}

function rule({ name }: InferenceServer, { severity, summary, description, ...alert }: Alert): object {
  return {
    ...alert,
    labels: { severity, server: name },
    annotations: { summary: `${name}: ${summary}`, description, runbook: `${RUNBOOK}#${alert.alert.toLowerCase()}` },
  };
}
