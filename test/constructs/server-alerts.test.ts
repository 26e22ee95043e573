import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InferenceServer, ServerAlerts, type ServerAlertsProps } from '../../constructs';
import { queueMetric } from '../../models/queue-metric';
import { ROOT } from '../support/environment-file';
import { exposedServer } from '../support/exposed-server';
import { tensorModel } from '../support/models';
import { Promtool } from '../support/promtool';

interface Rule {
  readonly alert: string;
  readonly for: string;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Rules {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

/** A server with dynamic batching, of a Deployment, on GKE. */
function vision(changes: Partial<InferenceServer> = {}): InferenceServer {
  const name = 'triton-vision';
  return exposedServer({
    name,
    platform: 'gke',
    scaleTarget: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    scale: { min: 1, max: 4 },
    startSeconds: 300,
    queueMetric: queueMetric(tensorModel('vision', {}, { batching: { kind: 'dynamic', maxBatch: 4 } })),
    ...changes,
  });
}

function alertsOf(props: Partial<ServerAlertsProps> = {}): Rules {
  const chart = new Chart(new App(), 'chart', { namespace: 'triton' });
  new ServerAlerts(chart, 'alerts', { server: vision(), ...props });
  return chart.toJson()[0] as Rules;
}

function rulesOf(props: Partial<ServerAlertsProps> = {}): Rule[] {
  return alertsOf(props).spec.groups.flatMap(({ rules }) => rules);
}

/** One of its pods. */
const POD = 'triton-vision-7c9d5f8b6c-x2x4q';
const HPA = 'namespace="triton",horizontalpodautoscaler="triton-vision"';
const pod = (name: string, labels = '') => `${name}{namespace="triton",pod="${POD}"${labels}}`;

describe('alerts of a server', () => {
  let promtool: Promtool;
  let rules: string;
  beforeAll(async () => {
    promtool = await Promtool.open();
    rules = promtool.write('rules.yaml', alertsOf().spec);
  });
  afterAll(() => promtool?.close());

  it('are rules that Prometheus takes', () => {
    const { status, said } = promtool.run('check', 'rules', '--lint=all', '--lint-fatal', rules);
    expect({ status, said }).toEqual({ status: 0, said: expect.stringContaining('SUCCESS: 4 rules found') });
  });

  /** What fires after so many minutes, from series as promtool writes them. */
  const expectFiring = (
    series: Readonly<Record<string, string>>,
    minutes: number,
    alert: string,
    labels: readonly Readonly<Record<string, string>>[],
  ) => {
    const { status, said } = promtool.test(series, {
      interval: '30s',
      ruleFiles: [rules],
      alert_rule_test: [
        {
          eval_time: `${minutes}m`,
          alertname: alert,
          exp_alerts: labels.map((each) => ({ exp_labels: each, exp_annotations: annotationsOf(alert, each) })),
        },
      ],
    });
    expect({ status, said: status === 0 ? '' : said }).toEqual({ status: 0, said: '' });
  };
  const annotationsOf = (alert: string, labels: Readonly<Record<string, string>>) => {
    const found = rulesOf().find((each) => each.alert === alert);
    const filled = (text: string) =>
      text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, key: string) => labels[key] ?? '');
    return Object.fromEntries(Object.entries(found?.annotations ?? {}).map(([key, text]) => [key, filled(text)]));
  };

  const blind = {
    [`kube_horizontalpodautoscaler_status_condition{${HPA},condition="ScalingActive",status="false"}`]: '1x60',
  };
  const blindLabels = {
    namespace: 'triton',
    horizontalpodautoscaler: 'triton-vision',
    condition: 'ScalingActive',
    status: 'false',
    severity: 'critical',
    server: 'triton-vision',
  };

  it('fire when the autoscaler has had no figures for five minutes', () => {
    const running = { ...blind, [`kube_horizontalpodautoscaler_status_current_replicas{${HPA}}`]: '2x60' };
    expectFiring(running, 4, 'TritonAutoscalerBlind', []);
    expectFiring(running, 6, 'TritonAutoscalerBlind', [blindLabels]);
  });

  it('do not when the server sleeps: the autoscaler is switched off then', () => {
    const asleep = { ...blind, [`kube_horizontalpodautoscaler_status_current_replicas{${HPA}}`]: '0x60' };
    expectFiring(asleep, 20, 'TritonAutoscalerBlind', []);
  });

  it('fire for the autoscaler that KEDA makes as well', () => {
    const keda = HPA.replace('"triton-vision"', '"keda-hpa-triton-vision"');
    const series = {
      [`kube_horizontalpodautoscaler_status_condition{${keda},condition="ScalingActive",status="false"}`]: '1x60',
      [`kube_horizontalpodautoscaler_status_current_replicas{${keda}}`]: '1x60',
    };
    const labels = { ...blindLabels, horizontalpodautoscaler: 'keda-hpa-triton-vision' };
    expectFiring(series, 6, 'TritonAutoscalerBlind', [labels]);
  });

  it('fire for a pod that is ready and of which there are no figures', () => {
    const ready = { [pod('kube_pod_status_ready', ',condition="true"')]: '1x60' };
    const labels = { namespace: 'triton', pod: POD, condition: 'true', severity: 'warning', server: 'triton-vision' };
    expectFiring(ready, 4, 'TritonPodWithoutMetrics', []);
    expectFiring(ready, 6, 'TritonPodWithoutMetrics', [labels]);
    const seen = { ...ready, [pod('nv_inference_compute_infer_duration_us', ',model="vision"')]: '0+1000x60' };
    expectFiring(seen, 6, 'TritonPodWithoutMetrics', []);
  });

  it('fire when no replica has been ready for longer than a start takes', () => {
    const waiting = {
      [pod('kube_pod_info')]: '1x120',
      [pod('kube_pod_status_ready', ',condition="true"')]: '0x120',
    };
    const [rule] = rulesOf();
    const minutes = Number.parseInt(rule?.for ?? '', 10);
    const labels = { namespace: 'triton', severity: 'critical', server: 'triton-vision' };
    expectFiring(waiting, minutes - 1, 'TritonNoReplicaReady', []);
    expectFiring(waiting, minutes + 1, 'TritonNoReplicaReady', [labels]);
    const ready = { ...waiting, [pod('kube_pod_status_ready', ',condition="true"')]: '1x120' };
    expectFiring(ready, minutes + 1, 'TritonNoReplicaReady', []);
    // Of a server that sleeps there are no pods.
    expectFiring({}, minutes + 1, 'TritonNoReplicaReady', []);
  });

  it('fire when all replicas there may be are busier than they should be', () => {
    const busy = (perSecond: number, desired: number) => ({
      ...Object.fromEntries(
        ['infer', 'input', 'output'].map((part) => [
          pod(`nv_inference_compute_${part}_duration_us`),
          `0+${(perSecond / 3) * 30e6}x60`,
        ]),
      ),
      [`kube_horizontalpodautoscaler_status_desired_replicas{${HPA}}`]: `${desired}x60`,
      [`kube_horizontalpodautoscaler_spec_max_replicas{${HPA}}`]: '4x60',
    });
    const labels = { severity: 'warning', server: 'triton-vision' };
    expectFiring(busy(1000, 4), 9, 'TritonAtItsBound', []);
    expectFiring(busy(1000, 4), 13, 'TritonAtItsBound', [labels]);
    expectFiring(busy(1000, 3), 13, 'TritonAtItsBound', []);
    expectFiring(busy(0.01, 4), 13, 'TritonAtItsBound', []);
  });

  it('say nothing of an autoscaler where the number of replicas is fixed', () => {
    const rules = rulesOf({ server: vision({ replicas: 2 }) });
    expect(rules.map(({ alert }) => alert)).toEqual(['TritonNoReplicaReady', 'TritonPodWithoutMetrics']);
  });

  it('have an entry in the runbook each', () => {
    for (const { alert, annotations } of rulesOf()) {
      const [file = '', anchor = ''] = annotations.runbook?.split('#') ?? [];
      expect(anchor).toBe(alert.toLowerCase());
      expect(readFileSync(join(ROOT, file), 'utf8')).toContain(`## ${alert}\n`);
    }
  });

  it("are GKE's own kind for its collectors, and refused elsewhere", () => {
    const { apiVersion, kind } = alertsOf({ collector: 'gke-managed' });
    expect(`${apiVersion} ${kind}`).toBe('monitoring.googleapis.com/v1 Rules');
    const elsewhere = vision({ platform: 'openshift' });
    expect(() => alertsOf({ server: elsewhere, collector: 'gke-managed' })).toThrow(/the platform is openshift/);
  });

  it('need a namespace to tell servers of one name apart', () => {
    const chart = new Chart(new App(), 'chart');
    expect(() => new ServerAlerts(chart, 'alerts', { server: exposedServer() })).toThrow(
      /namespace\s+problem {2}is missing/,
    );
  });
});
