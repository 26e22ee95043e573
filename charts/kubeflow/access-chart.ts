import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { STACK_LABELS } from '../../constructs/naming';
import { CLIENT_NAMESPACE_LABEL } from '../../constructs/server-network-policy';
import { KUBEFLOW_NAMESPACE, type PipelinesSettings } from './settings';

type Peer = k8s.NetworkPolicyPeer;

const STEPS_AND_OURS: Peer = { podSelector: {} };
const CLIENTS: Peer = { namespaceSelector: { matchLabels: { ...CLIENT_NAMESPACE_LABEL } } };
const app = (name: string): Peer => ({ podSelector: { matchLabels: { app: name } } });
const component = (name: string): Peer => ({ podSelector: { matchLabels: { component: name } } });

/** Google Cloud's health checks and load balancers (Google Cloud documentation, "Firewall rules" of Cloud Load Balancing). */
const GOOGLE_FRONT_ENDS: readonly Peer[] = ['35.191.0.0/16', '130.211.0.0/22'].map((cidr) => ({ ipBlock: { cidr } }));
/** OpenShift's routers (OpenShift documentation, "Allowing traffic from ingress"). */
const OPENSHIFT_ROUTERS: Peer = {
  namespaceSelector: { matchLabels: { 'network.openshift.io/policy-group': 'ingress' } },
};

/**
 * Who may reach Kubeflow Pipelines. The single-user installation asks nobody who they are: whoever reaches its API runs
 * code as its account. So: nobody by default, and each port for those that need it. Steps reach neither the database nor
 * each other.
 */
export function kubeflowAccessChart(settings: PipelinesSettings): Chart {
  const chart = new Chart(new App(), 'kubeflow-access');
  const policy = (name: string, podSelector: k8s.LabelSelector, ingress?: k8s.NetworkPolicyIngressRule[]) =>
    new k8s.KubeNetworkPolicy(chart, name, {
      metadata: { name: `triton-stack-${name}`, namespace: KUBEFLOW_NAMESPACE, labels: { ...STACK_LABELS } },
      // An empty list the API server drops: each apply would find it missing.
      spec: { podSelector, policyTypes: ['Ingress'], ...(ingress !== undefined && { ingress }) },
    });
  const allow = (name: string, selector: Record<string, string>, from: readonly Peer[], ...ports: number[]) =>
    policy(name, { matchLabels: selector }, [
      { from: [...from], ports: ports.map((port) => ({ protocol: 'TCP', port: k8s.IntOrString.fromNumber(port) })) },
    ]);

  policy('nobody', {});
  const readers = [app('ml-pipeline'), component('metadata-grpc-server')];
  const database = settings.database.kind === 'in-cluster' ? { app: 'mysql' } : { app: 'cloud-sql-proxy' };
  allow('database', database, readers, 3306);
  if (settings.artifacts.kind === 'seaweedfs') allow('store', { app: 'seaweedfs' }, [STEPS_AND_OURS], 8333);
  // Steps report to it, and start runs of their own.
  allow('api', { app: 'ml-pipeline' }, [STEPS_AND_OURS, CLIENTS], 8888, 8887);
  allow('metadata', { component: 'metadata-grpc-server' }, [STEPS_AND_OURS], 8080);
  allow('metadata-envoy', { component: 'metadata-envoy' }, [app('ml-pipeline-ui')], 9090);
  allow('ui', { app: 'ml-pipeline-ui' }, [CLIENTS, ...visitors(settings)], 3000);
  const scraper: Peer = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': settings.monitoringNamespace } },
  };
  allow('controller-metrics', { app: 'workflow-controller' }, [scraper], 9090);
  return chart;
}

/** Whoever shows the UI to people. A port-forward comes from the node itself, which no policy keeps out. */
function visitors({ access }: PipelinesSettings): readonly Peer[] {
  switch (access.kind) {
    case 'port-forward':
      return [];
    case 'iap':
      return GOOGLE_FRONT_ENDS;
    case 'route':
      return [OPENSHIFT_ROUTERS];
  }
}
