import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { dump } from 'js-yaml';
import { freePorts } from '../../../bin/free-ports';
import { replaceFile } from '../../../bin/replace-file';
import type { KubernetesObject } from '../../../preview/plan';
import { kubeconfigOf } from '../../../sandbox/control-plane';
import { METRICS_TOOLS, type MetricsToolName } from '../../../sandbox/metrics-tools';
import type { Sandbox } from '../../../sandbox/sandbox';
import { Toolbox } from '../../../sandbox/tools';
import type { adapterValues } from '../../../stacks/monitoring';
import { ROOT } from '../environment-file';
import { eventually, quiet, type TestSandbox } from '../test-sandbox';
import { ApiProxy, patientFetch, untilAnswers } from './api-proxy';

const NAMESPACE = 'monitoring';
const NAME = 'live';
const START_MS = 240_000;
const RELOAD_MS = 500;
const RELOADED_MS = 60_000;

/** Values of the adapter's chart, as far as they say what it tells. */
export type AdapterValues = Pick<typeof adapterValues, 'rules' | 'metricsRelistInterval'>;

/** A sample, as Prometheus answers an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** What is scraped beside the pods. */
export interface ScrapeTarget {
  readonly job: string;
  /** host:port */
  readonly target: string;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/**
 * A real Prometheus, configured by the real Prometheus operator from the monitors and rules that are in the sandbox; the
 * real kube-state-metrics; and, of those that tell autoscalers, the real prometheus-adapter or the real KEDA.
 */
export class MetricsStack {
  private reloading: Promise<void> | undefined;
  private ended = false;
  private config = '';

  private constructor(
    private readonly sandbox: Sandbox,
    readonly api: ApiProxy,
    private readonly tools: Readonly<Record<MetricsToolName, string>>,
    private readonly ports: Readonly<Record<'prometheus' | 'state' | 'stateTelemetry', number>>,
  ) {}

  /** Starts Prometheus and what it is configured by. */
  static async start(on: TestSandbox, targets: readonly ScrapeTarget[] = []): Promise<MetricsStack> {
    const { sandbox } = on;
    const tools = await new Toolbox(ROOT, METRICS_TOOLS).find(quiet());
    const [prometheus = 0, state = 0, stateTelemetry = 0] = await freePorts(3);
    const api = await ApiProxy.start(sandbox);
    const stack = new MetricsStack(sandbox, api, tools, { prometheus, state, stateTelemetry });
    mkdirSync(stack.folder, { recursive: true });
    const objects = stack.objects(targets);
    // The operator looks for all of its kinds.
    await on.define([...objects, ...OPERATED.map((kind) => object('monitoring.coreos.com/v1', kind, 'x'))]);
    await on.apply(objects);
    await stack.startOperator();
    await stack.startStateMetrics();
    await stack.startPrometheus();
    return stack;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.prometheus}`;
  }

  private get folder(): string {
    return join(this.sandbox.folder, 'metrics');
  }

  /** Samples of an instant query. */
  async query(promql: string): Promise<readonly Sample[]> {
    const { text } = await patientFetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: promql })}`);
    const said = JSON.parse(text) as { data?: { result: Sample[] }; error?: string };
    if (said.data === undefined) throw new Error(`${promql}: ${said.error}`);
    return said.data.result;
  }

  /** Alerts whose condition holds, whether or not it has for long enough. */
  async alerts(): Promise<readonly Alert[]> {
    const { text } = await patientFetch(`${this.url}/api/v1/alerts`);
    return (JSON.parse(text) as { data: { alerts: Alert[] } }).data.alerts;
  }

  /** Starts Prometheus, on what it has scraped before where there is something. */
  async startPrometheus(): Promise<void> {
    await eventually(
      () => this.refresh(),
      (changed) => changed || this.config !== '',
      START_MS,
    );
    await this.sandbox.processes.ensure({
      name: 'prometheus',
      command: this.tools.prometheus,
      args: [
        `--config.file=${this.file('prometheus.yaml')}`,
        `--storage.tsdb.path=${this.file('tsdb')}`,
        `--web.listen-address=127.0.0.1:${this.ports.prometheus}`,
        '--web.enable-lifecycle',
        '--log.level=warn',
      ],
    });
    await untilAnswers(`${this.url}/-/ready`, START_MS);
    this.reloading ??= this.reload();
  }

  async stopPrometheus(): Promise<void> {
    await this.sandbox.processes.end('prometheus');
  }

  /** Starts prometheus-adapter as its chart would with these values, behind the API that autoscalers ask. */
  async startAdapter({ rules, metricsRelistInterval }: AdapterValues): Promise<void> {
    const [port] = await freePorts(1);
    const kubeconfig = kubeconfigOf(this.sandbox.folder);
    replaceFile(this.file('adapter.yaml'), dump({ rules: rules.custom }));
    await this.sandbox.processes.ensure({
      name: 'prometheus-adapter',
      command: this.tools['prometheus-adapter'],
      args: [
        `--config=${this.file('adapter.yaml')}`,
        `--prometheus-url=${this.url}`,
        `--metrics-relist-interval=${metricsRelistInterval}`,
        `--lister-kubeconfig=${kubeconfig}`,
        `--authentication-kubeconfig=${kubeconfig}`,
        `--authorization-kubeconfig=${kubeconfig}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${port}`,
        `--cert-dir=${this.file('adapter')}`,
      ],
    });
    await this.serve('custom.metrics.k8s.io', 'prometheus-adapter', 'prometheus-adapter', port ?? 0);
  }

  async stopAdapter(): Promise<void> {
    await this.sandbox.processes.end('prometheus-adapter');
  }

  /** Starts KEDA, which then answers for external metrics. */
  async startKeda(on: TestSandbox): Promise<void> {
    const [metrics, health, service, adapterMetrics, adapter] = await freePorts(5);
    const kubeconfig = kubeconfigOf(this.sandbox.folder);
    await on.define(KEDA_KINDS.map((kind) => object('keda.sh/v1alpha1', kind, 'x')));
    await on.define(KEDA_EVENTS.map((kind) => object('eventing.keda.sh/v1alpha1', kind, 'x')));
    const certificates = this.file('keda');
    mkdirSync(certificates, { recursive: true });
    const signed = await this.sandbox.certificates.both('keda');
    writeFileSync(join(certificates, 'ca.crt'), signed.ca);
    writeFileSync(join(certificates, 'tls.crt'), signed.cert);
    writeFileSync(join(certificates, 'tls.key'), signed.key, { mode: 0o600 });
    await this.sandbox.processes.ensure({
      name: 'keda-operator',
      command: this.tools['keda-operator'],
      args: [
        `--cert-dir=${certificates}`,
        `--metrics-bind-address=127.0.0.1:${metrics}`,
        `--health-probe-bind-address=127.0.0.1:${health}`,
        `--metrics-service-bind-address=127.0.0.1:${service}`,
        '--enable-webhook-patching=false',
        '--enable-apiservice-patching=false',
        '--leader-elect=false',
      ],
      env: {
        KUBECONFIG: kubeconfig,
        WATCH_NAMESPACE: '',
        POD_NAMESPACE: 'keda',
        KEDA_CLUSTER_OBJECT_NAMESPACE: 'keda',
      },
    });
    await this.sandbox.processes.ensure({
      name: 'keda-adapter',
      command: this.tools['keda-adapter'],
      args: [
        `--lister-kubeconfig=${kubeconfig}`,
        `--authentication-kubeconfig=${kubeconfig}`,
        `--authorization-kubeconfig=${kubeconfig}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${adapter}`,
        `--port=${adapterMetrics}`,
        `--tls-cert-file=${join(certificates, 'tls.crt')}`,
        `--tls-private-key-file=${join(certificates, 'tls.key')}`,
        `--cert-dir=${certificates}`,
        `--metrics-service-address=localhost:${service}`,
      ],
      env: { KUBECONFIG: kubeconfig, WATCH_NAMESPACE: '' },
    });
    await this.serve('external.metrics.k8s.io', 'keda-adapter', 'keda-metrics-apiserver', adapter ?? 0);
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.reloading;
  }

  private file(name: string): string {
    return join(this.folder, name);
  }

  /** Has the API server ask a program on this machine for a group. */
  private async serve(group: string, program: string, name: string, port: number): Promise<void> {
    await this.sandbox.kubectl.apply([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: NAMESPACE },
        spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ name: 'https', port }] },
      } as KubernetesObject,
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `v1beta1.${group}` },
        spec: {
          group,
          version: 'v1beta1',
          groupPriorityMinimum: 100,
          versionPriority: 100,
          insecureSkipTLSVerify: true,
          service: { name, namespace: NAMESPACE, port },
        },
      } as KubernetesObject,
    ]);
    try {
      await untilAnswers(`${this.api.url}/apis/${group}/v1beta1`, START_MS);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.sandbox.processes.lastWords(program)}`);
    }
  }

  /** The objects of kube-prometheus-stack that say what Prometheus scrapes, as far as it is about servers. */
  private objects(targets: readonly ScrapeTarget[]): KubernetesObject[] {
    const state = { job: 'kube-state-metrics', target: `127.0.0.1:${this.ports.state}` };
    const scrapes = [state, ...targets].map(({ job, target }) => ({
      job_name: job,
      honor_labels: true,
      scrape_interval: '5s',
      static_configs: [{ targets: [target] }],
    }));
    return [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'scrapes', namespace: NAMESPACE },
        stringData: { 'scrapes.yaml': dump(scrapes) },
      },
      {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'Prometheus',
        metadata: { name: NAME, namespace: NAMESPACE },
        spec: {
          apiserverConfig: { host: this.api.url },
          podMonitorSelector: {},
          podMonitorNamespaceSelector: {},
          ruleSelector: {},
          ruleNamespaceSelector: {},
          evaluationInterval: '5s',
          additionalScrapeConfigs: { name: 'scrapes', key: 'scrapes.yaml' },
        },
      },
    ] as KubernetesObject[];
  }

  private async startOperator(): Promise<void> {
    const [port] = await freePorts(1);
    await this.sandbox.processes.ensure({
      name: 'prometheus-operator',
      command: this.tools['prometheus-operator'],
      args: [
        `--apiserver=${this.api.url}`,
        // Not looked at without TLS: by it the process is known as this sandbox's.
        `--ca-file=${this.file('none')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log-level=warn',
      ],
    });
  }

  private async startStateMetrics(): Promise<void> {
    const { state, stateTelemetry } = this.ports;
    await this.sandbox.processes.ensure({
      name: 'kube-state-metrics',
      command: this.tools['kube-state-metrics'],
      args: [
        `--kubeconfig=${kubeconfigOf(this.sandbox.folder)}`,
        '--host=127.0.0.1',
        `--port=${state}`,
        '--telemetry-host=127.0.0.1',
        `--telemetry-port=${stateTelemetry}`,
        '--resources=pods,deployments,statefulsets,horizontalpodautoscalers',
      ],
    });
  }

  /** As the operator's reloader does beside Prometheus. */
  private async reload(): Promise<void> {
    while (!this.ended) {
      if (await this.refresh().catch(() => false)) {
        const asked = { method: 'POST', signal: AbortSignal.timeout(RELOADED_MS) };
        const took = await fetch(`${this.url}/-/reload`, asked).then(
          ({ ok }) => ok,
          () => false,
        );
        // The next look finds it new again.
        if (!took) this.config = '';
      }
      await setTimeout(RELOAD_MS);
    }
  }

  /** Writes what the operator made, with folders of this machine. @returns whether it is new */
  private async refresh(): Promise<boolean> {
    const base = `/api/v1/namespaces/${NAMESPACE}`;
    const secret = await this.api.get<{ data?: Record<string, string> }>(`${base}/secrets/prometheus-${NAME}`);
    const packed = secret?.data?.['prometheus.yaml.gz'];
    if (packed === undefined) return false;
    const rules = await this.api.get<{ data?: Record<string, string> }>(
      `${base}/configmaps/prometheus-${NAME}-rulefiles-0`,
    );
    const text = gunzipSync(Buffer.from(packed, 'base64'))
      .toString('utf8')
      .replaceAll('$(SHARD)', '0')
      .replaceAll('$(POD_NAME)', `prometheus-${NAME}-0`)
      .replaceAll('/etc/prometheus/rules', this.file('rules'));
    const all = JSON.stringify([text, rules?.data]);
    if (all === this.config) return false;
    const folder = this.file(`rules/prometheus-${NAME}-rulefiles-0`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(rules?.data ?? {})) writeFileSync(join(folder, name), content);
    replaceFile(this.file('prometheus.yaml'), text);
    this.config = all;
    return true;
  }
}

const OPERATED = [
  'Alertmanager',
  'PodMonitor',
  'Probe',
  'Prometheus',
  'PrometheusRule',
  'ServiceMonitor',
  'ThanosRuler',
] as const;
const KEDA_KINDS = ['ScaledObject', 'ScaledJob', 'TriggerAuthentication', 'ClusterTriggerAuthentication'] as const;
const KEDA_EVENTS = ['CloudEventSource', 'ClusterCloudEventSource'] as const;

function object(apiVersion: string, kind: string, name: string): KubernetesObject {
  return { apiVersion, kind, metadata: { name } };
}
