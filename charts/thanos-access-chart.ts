import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { contentHash, STACK_LABELS } from '../constructs/naming';

/** Names that the adapter's release refers to. */
export const THANOS_ACCESS = {
  serviceAccount: 'prometheus-adapter',
  serviceCa: 'prometheus-adapter-service-ca',
  caFolder: '/etc/thanos-ca',
  configFolder: '/etc/thanos-config',
  url: 'https://thanos-querier.openshift-monitoring.svc',
  port: 9091,
} as const;

// The adapter's flag for a token reads it once at start, and it expires: a kubeconfig's tokenFile is read again.
const KUBECONFIG = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'thanos',
  clusters: [
    {
      name: 'thanos',
      cluster: {
        server: `${THANOS_ACCESS.url}:${THANOS_ACCESS.port}`,
        'certificate-authority': `${THANOS_ACCESS.caFolder}/service-ca.crt`,
      },
    },
  ],
  users: [{ name: 'adapter', user: { tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' } }],
  contexts: [{ name: 'thanos', context: { cluster: 'thanos', user: 'adapter' } }],
});

/** The name of the ConfigMap with the adapter's client configuration: by content, so that the adapter rolls with it. */
export const THANOS_CONFIG_NAME = `prometheus-adapter-client-${contentHash(KUBECONFIG)}`;

/**
 * What prometheus-adapter needs to ask OpenShift's Thanos querier: a role binding, the service CA, a client
 * configuration (openshift/cluster-monitoring-operator, assets/prometheus-adapter on release-4.15).
 */
export function thanosAccessChart(namespace: string): Chart {
  const labels = { ...STACK_LABELS };
  const chart = new Chart(new App(), 'thanos-access');
  new k8s.KubeClusterRoleBinding(chart, 'view', {
    metadata: { name: 'triton-stack-prometheus-adapter-view', labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-monitoring-view' },
    subjects: [{ kind: 'ServiceAccount', name: THANOS_ACCESS.serviceAccount, namespace }],
  });
  new k8s.KubeConfigMap(chart, 'service-ca', {
    metadata: {
      name: THANOS_ACCESS.serviceCa,
      namespace,
      labels,
      annotations: { 'service.beta.openshift.io/inject-cabundle': 'true' },
    },
  });
  new k8s.KubeConfigMap(chart, 'client', {
    metadata: { name: THANOS_CONFIG_NAME, namespace, labels },
    data: { 'kubeconfig.yaml': KUBECONFIG },
    immutable: true,
  });
  return chart;
}
