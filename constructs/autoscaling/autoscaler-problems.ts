import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { type Scale, scaleSchema } from '../../models/model';
import { parse } from '../../models/parse';
import { poolReplicas } from '../../models/pool-replicas';
import type { Problem } from '../../models/problem';
import type { ScaleMetric } from '../../models/queue-metric';
import { scaleProblems } from '../../models/spec/model-checks';
import type { InferenceServer } from '../inference-server';
import { workloadOf } from './gke-metric';
import { endpointOf } from './keda-access';
import type { CpuSource, GkeNativeSource, KedaSource, MetricSource } from './metric-source';
import { warmProblems } from './warm-problems';

export interface Autoscaled {
  readonly server: InferenceServer;
  readonly source: MetricSource;
  /** What was asked for beside the server's own metric. */
  readonly given: ScaleMetric | undefined;
  readonly metric: ScaleMetric | undefined;
  readonly scale: Scale;
}

/** What cannot work in an autoscaler, all of it. */
export function autoscalerProblems(scope: Construct, autoscaled: Autoscaled): Problem[] {
  const { source, metric } = autoscaled;
  // Of a server with nothing to scale on there is no more to say.
  if (metric === undefined && source.kind !== 'cpu') return [missingMetric(autoscaled)];
  return [
    ...replicaProblems(autoscaled),
    ...boundProblems(autoscaled),
    ...metricProblems(autoscaled),
    ...(source.kind === 'keda' ? kedaProblems(scope, autoscaled, source) : []),
    ...(source.kind === 'gke-native' ? gkeProblems(scope, autoscaled, source) : []),
    ...(source.kind === 'cpu' ? cpuProblems(autoscaled, source) : []),
  ];
}

function missingMetric({ server: { name } }: Autoscaled): Problem {
  return {
    key: 'metric',
    reason: 'is missing: what serves here tells nobody how many requests are in it',
    allowed: 'a gauge of each pod, or a query about what the gateway sees',
    fix: `give one, as { kind: 'query', name: 'requests-in-flight', query: ..., target: ... }, or a fixed number of replicas to ${name} instead of an autoscaler`,
  };
}

/** Two owners of one number. */
function replicaProblems({ server: { replicas, name } }: Autoscaled): Problem[] {
  if (replicas === undefined) return [];
  return [
    {
      key: 'server.replicas',
      value: replicas,
      reason: `${name} has a fixed number of replicas, which each deployment would set back`,
      fix: 'leave replicas out of the server, or the autoscaler away',
    },
  ];
}

function boundProblems({ server, scale, source }: Autoscaled): Problem[] {
  const parsed = parse(scaleSchema, scale, 'scale.');
  if (!parsed.ok) return parsed.problems;
  const problems = scaleProblems(scale, 'scale');
  const { placement } = server;
  const { pool, gpusPerPod, podsPerReplica } = placement;
  const most = poolReplicas(placement);
  if (scale.max > most) {
    problems.push({
      key: 'scale.max',
      value: scale.max,
      reason: `pool ${pool.name} holds ${most} when fully grown (nodes: ${pool.maxNodes}, GPUs of each: ${pool.gpusPerNode}, GPUs of a replica: ${gpusPerPod * podsPerReplica}): the rest would wait for ever`,
      ...(most > 0 && { allowed: `1 to ${most}` }),
      fix: `lower scale.max, or raise maxNodes of pool ${pool.name}`,
    });
  }
  if (scale.min === 0 && source.kind !== 'keda') {
    problems.push({
      key: 'scale.min',
      value: 0,
      reason: `${source.kind} asks the pods, and of none there is no answer; a HorizontalPodAutoscaler takes no 0 besides (HPAScaleToZero is alpha, and off, before Kubernetes 1.37)`,
      allowed: `1 to ${scale.max}`,
      fix: "take source: { kind: 'keda' }, or set it to 1 and remove scale.wake",
    });
  }
  return problems;
}

function metricProblems({ source, metric, given }: Autoscaled): Problem[] {
  if (source.kind === 'cpu') {
    if (given === undefined) return [];
    return [
      {
        key: 'metric',
        value: given.name,
        reason: 'is not looked at: the source is the use of the CPU',
        fix: 'remove it, or the source',
      },
    ];
  }
  if (metric === undefined) return [];
  const problems: Problem[] = [];
  if (!(metric.target > 0)) {
    problems.push({ key: 'metric.target', value: metric.target, reason: 'is divided by', allowed: 'more than 0' });
  }
  if (metric.kind === 'query' && !/^[a-z]([a-z0-9_-]*[a-z0-9])?$/.test(metric.name)) {
    problems.push({
      key: 'metric.name',
      value: metric.name,
      reason: 'is no name of an external metric',
      allowed: 'lowercase letters, digits, "-" and "_", a letter first',
    });
  }
  return problems;
}

function kedaProblems(scope: Construct, { server, scale, metric }: Autoscaled, source: KedaSource): Problem[] {
  const { platform } = server;
  const problems = warmProblems(source.warm ?? [], scale);
  const endpoint = endpointOf(server, source.prometheus);
  if (endpoint === undefined) {
    problems.push({
      key: 'source.prometheus',
      reason: 'is missing: KEDA has to know which Prometheus scrapes the pods',
      fix: "add it: { url: 'http://prometheus-operated.monitoring.svc:9090' }",
    });
  }
  if (endpoint !== undefined && !/^https?:$/.test(schemeOf(endpoint.url))) {
    problems.push({
      key: 'source.prometheus.url',
      value: endpoint.url,
      reason: 'is no address of a Prometheus',
      allowed: 'http://HOST:PORT or https://HOST:PORT, with a path where it has one',
    });
  }
  const auth = endpoint?.auth?.kind;
  if (auth === 'openshift' && platform !== 'openshift') {
    problems.push(elsewhere('source.prometheus.auth', auth, 'is of OpenShift', platform));
  }
  if (auth === 'workload-identity' && platform !== 'gke') {
    problems.push(elsewhere('source.prometheus.auth', auth, 'is of GKE', platform));
  }
  if (scale.wake?.kind === 'pubsub' && platform !== 'gke') {
    problems.push(elsewhere('scale.wake', 'pubsub', 'is read with the workload identity of GKE', platform));
  }
  if (Chart.of(scope).namespace === undefined && (metric?.kind !== 'query' || auth === 'openshift')) {
    problems.push({
      key: 'namespace',
      reason: "is missing: the query has to name that of the server's pods",
      fix: 'give it to the chart: new Chart(app, id, { namespace: ... })',
    });
  }
  return problems;
}

function schemeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

function gkeProblems(scope: Construct, { server, metric }: Autoscaled, source: GkeNativeSource): Problem[] {
  if (server.platform !== 'gke') {
    return [elsewhere('source', source.kind, 'is read by GKE itself', server.platform)];
  }
  const problems: Problem[] = [];
  if (metric !== undefined && metric.kind === 'query') {
    problems.push({
      key: 'metric.kind',
      value: metric.kind,
      reason: 'GKE reads gauges from the pods here, and asks no queries',
      allowed: 'gauge',
      fix: "take source: { kind: 'keda' } or { kind: 'prometheus-adapter' }",
    });
  } else if (metric?.kind === 'occupancy') {
    problems.push({
      key: 'metric.kind',
      value: metric.kind,
      reason: 'GKE reads gauges from the pods, and this follows from the growth of counters',
      allowed: 'gauge',
      fix: "give metric: waitingMetric(model), or take source: { kind: 'prometheus-adapter' }",
    });
  } else if (metric !== undefined && metric.single !== true) {
    problems.push({
      key: 'metric.series',
      value: metric.series,
      reason: 'each pod has several gauges of that family, and GKE reads one without selecting or summing',
      allowed: 'a family with one gauge a pod (single: true)',
      fix: "take source: { kind: 'prometheus-adapter' }, or a gauge that a pod has once",
    });
  }
  if (source.podSelector === undefined && workloadOf(scope, server) === undefined) {
    problems.push({
      key: 'source.podSelector',
      reason: `is missing: there is no Deployment or StatefulSet ${server.name} in this app whose pods could be given a label`,
      fix: 'give labels that the pods have, with names of letters, digits, "-" and "_"',
    });
  }
  const names = Object.keys(source.podSelector ?? {}).filter((name) => !/^[A-Za-z0-9_-]+$/.test(name));
  for (const name of names) {
    problems.push({
      key: `source.podSelector.${name}`,
      reason: 'is a name that GKE does not select by before 1.37.0-gke.3100000',
      allowed: 'letters, digits, "-" and "_"',
      fix: "leave podSelector out, or add another label: TritonServer's podLabels",
    });
  }
  return problems;
}

function cpuProblems({ server }: Autoscaled, { utilization = 70 }: CpuSource): Problem[] {
  const problems: Problem[] = [];
  if (server.placement.gpusPerPod > 0) {
    problems.push({
      key: 'source',
      value: 'cpu',
      reason: `${server.name} serves on GPUs: its CPUs idle while they are full and requests wait, so that it would never be scaled`,
      fix: 'leave source out, to scale on the queue',
    });
  }
  if (!(Number.isInteger(utilization) && utilization >= 1 && utilization <= 100)) {
    problems.push({
      key: 'source.utilization',
      value: utilization,
      reason: 'is no share of what pods request',
      allowed: 'a whole number from 1 to 100',
    });
  }
  return problems;
}

function elsewhere(key: string, value: string, reason: string, platform: string): Problem {
  return { key, value, reason: `${reason}, and the platform is ${platform}`, fix: 'take another' };
}
