import type { Resource } from '@pulumi/pulumi';
import { adapterRules } from '../charts/adapter-rules';
import { namespaceChart } from '../charts/namespace-chart';
import { THANOS_ACCESS, THANOS_CONFIG_NAME, thanosAccessChart } from '../charts/thanos-access-chart';
import { versions } from '../models/versions';
import { ChartResource } from './chart-resource';
import { Component, type ComponentOptions } from './component';
import type { Environment } from './environment/environment';
import { helmRelease } from './helm-release';

const ADAPTER = 'prometheus-adapter';
const OPENSHIFT_NAMESPACE = 'triton-metrics';

/**
 * GKE lets its control plane reach nodes on 443 and 10250 alone: on the chart's 6443 the metrics API would time out
 * (GKE documentation, "Automatically created firewall rules").
 */
const ADAPTER_PORT = 10250;

/** Who scrapes the servers, and who answers the autoscaler's questions from what was scraped. */
export class Monitoring extends Component {
  /** What objects that use its custom resources wait for. */
  readonly ready: readonly Resource[];

  constructor(environment: Environment, opts: ComponentOptions) {
    super('monitoring:Monitoring', 'monitoring', opts);
    const { monitoring } = environment;
    switch (monitoring.kind) {
      case 'prometheus':
        this.ready = this.prometheus(monitoring.namespace, monitoring.diskGb, environment);
        break;
      case 'openshift':
        this.ready = this.openshift();
        break;
      case 'existing':
        this.ready = [];
    }
    this.registerOutputs({});
  }

  private prometheus(namespace: string, diskGb: number, environment: Environment): Resource[] {
    // node-exporter reads the host's files.
    const home = new ChartResource(
      { chart: namespaceChart({ name: namespace, podSecurity: 'privileged' }) },
      this.child,
    );
    const prometheus = helmRelease(
      {
        name: 'kube-prometheus-stack',
        namespace,
        chart: versions.charts.kubePrometheusStack,
        values: prometheusValues(diskGb, environment.kind === 'gke'),
      },
      this.childAfter(...home.objects),
    );
    const adapter = helmRelease(
      {
        name: ADAPTER,
        namespace,
        chart: versions.charts.prometheusAdapter,
        values: {
          ...adapterValues,
          prometheus: { url: `http://prometheus-operated.${namespace}.svc`, port: 9090 },
        },
      },
      this.childAfter(prometheus),
    );
    return [prometheus, adapter];
  }

  private openshift(): Resource[] {
    const home = new ChartResource({ chart: namespaceChart({ name: OPENSHIFT_NAMESPACE }) }, this.child);
    const access = new ChartResource(
      { chart: thanosAccessChart(OPENSHIFT_NAMESPACE) },
      this.childAfter(...home.objects),
    );
    const adapter = helmRelease(
      {
        name: ADAPTER,
        namespace: OPENSHIFT_NAMESPACE,
        chart: versions.charts.prometheusAdapter,
        values: openshiftAdapterValues,
      },
      this.childAfter(...access.objects),
    );
    return [adapter];
  }
}

/** Values of the chart of prometheus-adapter, on every platform. */
export const adapterValues = {
  replicas: 2,
  listenPort: ADAPTER_PORT,
  // Asked anew as often as the servers are scraped, and not the chart's 1 minute: a spike is seen sooner.
  metricsRelistInterval: '30s',
  rules: { default: false, custom: adapterRules() },
  podDisruptionBudget: { enabled: true, maxUnavailable: 1 },
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
};

const openshiftAdapterValues = {
  ...adapterValues,
  listenPort: 6443,
  prometheus: { url: THANOS_ACCESS.url, port: THANOS_ACCESS.port },
  serviceAccount: { create: true, name: THANOS_ACCESS.serviceAccount },
  // restricted-v2 assigns users and groups.
  podSecurityContext: { fsGroup: null },
  securityContext: { runAsUser: null },
  extraArguments: [`--prometheus-auth-config=${THANOS_ACCESS.configFolder}/kubeconfig.yaml`],
  extraVolumes: [
    { name: 'thanos-config', configMap: { name: THANOS_CONFIG_NAME } },
    { name: 'thanos-ca', configMap: { name: THANOS_ACCESS.serviceCa } },
  ],
  extraVolumeMounts: [
    { name: 'thanos-config', mountPath: THANOS_ACCESS.configFolder, readOnly: true },
    { name: 'thanos-ca', mountPath: THANOS_ACCESS.caFolder, readOnly: true },
  ],
};

function prometheusValues(diskGb: number, gke: boolean): Record<string, unknown> {
  return {
    // GKE runs these where nobody can scrape them.
    ...(gke && {
      kubeControllerManager: { enabled: false },
      kubeScheduler: { enabled: false },
      kubeEtcd: { enabled: false },
      kubeProxy: { enabled: false },
      // GKE has kube-dns, which nobody can scrape on CoreDNS's port.
      coreDns: { enabled: false },
    }),
    // Dashboards are read through whatever the team has; the chart's own comes with a default password.
    grafana: { enabled: false },
    prometheus: {
      prometheusSpec: {
        retention: '15d',
        retentionSize: `${Math.floor(diskGb * 0.9)}GB`,
        // Monitors of every namespace, not only those that this release made.
        podMonitorSelectorNilUsesHelmValues: false,
        serviceMonitorSelectorNilUsesHelmValues: false,
        ruleSelectorNilUsesHelmValues: false,
        storageSpec: {
          volumeClaimTemplate: {
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${diskGb}Gi` } } },
          },
        },
        resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { memory: '4Gi' } },
      },
    },
  };
}
