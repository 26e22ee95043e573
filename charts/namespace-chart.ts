import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { STACK_LABELS } from '../constructs/naming';
import { RESTRICTED_NAMESPACE } from '../constructs/security';
import { CLIENT_NAMESPACE_LABEL } from '../constructs/server-network-policy';

export interface NamespaceChartProps {
  readonly name: string;
  /**
   * Which pods the namespace admits: `restricted` for ordinary workloads, `privileged` for those that manage nodes.
   *
   * @default restricted
   */
  readonly podSecurity?: 'restricted' | 'privileged';
  /**
   * Allow this many pods of system priority. GKE admits such pods outside of kube-system only where a quota says so
   * (NVIDIA GPU Operator documentation, "GPU Operator with Google GKE").
   *
   * @default none
   */
  readonly systemPriorityPods?: number;
  /** Whether its pods may call the servers. @default false */
  readonly callsServers?: boolean;
}

/** A namespace with the pod security standard that holds in it. */
export function namespaceChart(props: NamespaceChartProps): Chart {
  const chart = new Chart(new App(), `namespace-${props.name}`);
  const labels = { ...STACK_LABELS };
  const privileged = props.podSecurity === 'privileged';
  new k8s.KubeNamespace(chart, 'namespace', {
    metadata: {
      name: props.name,
      labels: {
        ...labels,
        ...(props.callsServers === true && CLIENT_NAMESPACE_LABEL),
        ...(privileged ? { 'pod-security.kubernetes.io/enforce': 'privileged' } : RESTRICTED_NAMESPACE),
      },
    },
  });
  if (props.systemPriorityPods !== undefined) {
    new k8s.KubeResourceQuota(chart, 'system-priority', {
      metadata: { name: 'system-priority', namespace: props.name, labels },
      spec: {
        hard: { pods: k8s.Quantity.fromString(String(props.systemPriorityPods)) },
        scopeSelector: {
          matchExpressions: [
            {
              scopeName: 'PriorityClass',
              operator: 'In',
              values: ['system-node-critical', 'system-cluster-critical'],
            },
          ],
        },
      },
    });
  }
  return chart;
}
