import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { STACK_LABELS } from '../constructs/naming';
import { CLIENT_NAMESPACE_LABEL } from '../constructs/server-network-policy';

/**
 * Who may reach Kubeflow Pipelines. The single-user installation asks nobody who they are: whoever reaches its API runs
 * code as its account. So: itself, namespaces that are let in by label, and the API server's way to webhooks.
 */
export function kubeflowAccessChart(namespace: string): Chart {
  const chart = new Chart(new App(), 'kubeflow-access');
  new k8s.KubeNetworkPolicy(chart, 'policy', {
    metadata: {
      name: 'triton-stack-ingress',
      namespace,
      labels: { ...STACK_LABELS },
    },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            { podSelector: {} },
            { namespaceSelector: { matchLabels: { ...CLIENT_NAMESPACE_LABEL } } },
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
          ],
        },
      ],
    },
  });
  return chart;
}
