import { ApiObject, App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { STACK_LABELS } from '../../constructs/naming';
import { podSecurityContext } from '../../constructs/security';
import { imageReference, versions } from '../../models/versions';
import { ACCOUNTS, KUBEFLOW_NAMESPACE, NAMES } from './settings';

const APP = ACCOUNTS.database;
const HEALTH_PORT = 9801;

/**
 * Google's proxy in front of Cloud SQL, under the Service's name that everything calls the database by: TLS and IAM on the
 * way to the instance's private address.
 *
 * Ours, and not that of upstream's `env/gcp`: that is version 1 of the proxy, with a flag that lacks its dash
 * (`term_timeout=10s`), without `-ip_address_types=PRIVATE`, a security context or a second pod.
 *
 * @param instance - `PROJECT:REGION:NAME`
 */
export function cloudSqlProxyChart(instance: string): Chart {
  const chart = new Chart(new App(), 'kubeflow-database');
  const selector = { app: APP };
  const metadata = (name: string = APP) => ({
    name,
    namespace: KUBEFLOW_NAMESPACE,
    labels: { ...selector, ...STACK_LABELS },
  });
  new k8s.KubeServiceAccount(chart, 'account', { metadata: metadata() });
  new k8s.KubePodDisruptionBudget(chart, 'budget', {
    metadata: metadata(),
    spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector } },
  });
  new k8s.KubeService(chart, 'service', {
    metadata: metadata(NAMES.databaseService),
    spec: { selector, ports: [{ name: 'mysql', port: 3306, targetPort: k8s.IntOrString.fromString('mysql') }] },
  });
  new ApiObject(chart, 'proxy', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(),
    spec: { replicas: 2, selector: { matchLabels: selector }, template: template(instance, selector) },
  });
  return chart;
}

function template(instance: string, selector: Record<string, string>): object {
  const probe = (path: string) => ({ httpGet: { path, port: 'health' } });
  return {
    metadata: {
      labels: { ...selector, ...STACK_LABELS },
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' },
    },
    spec: {
      serviceAccountName: ACCOUNTS.database,
      // It asks Google alone, by workload identity, which needs no token of the cluster's.
      automountServiceAccountToken: false,
      securityContext: podSecurityContext('gke'),
      terminationGracePeriodSeconds: 60,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: selector },
        },
      ],
      containers: [
        {
          name: 'proxy',
          image: imageReference(versions.images.cloudSqlProxy),
          args: [
            '--private-ip',
            '--address=0.0.0.0',
            '--port=3306',
            '--structured-logs',
            '--health-check',
            '--http-address=0.0.0.0',
            `--http-port=${HEALTH_PORT}`,
            '--exit-zero-on-sigterm',
            '--max-sigterm-delay=30s',
            instance,
          ],
          ports: [
            { name: 'mysql', containerPort: 3306 },
            { name: 'health', containerPort: HEALTH_PORT },
          ],
          startupProbe: { ...probe('/startup'), periodSeconds: 1, failureThreshold: 60 },
          readinessProbe: { ...probe('/readiness'), periodSeconds: 10, timeoutSeconds: 10 },
          livenessProbe: { ...probe('/liveness'), periodSeconds: 10, timeoutSeconds: 10 },
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}
