import { k8s } from 'cdk8s-plus-28';
import type { Platform } from './platform';

const DNS_PORT = 53;
/** Where OpenShift's DNS pods listen, which is what a policy sees of its Service's port 53. */
const OPENSHIFT_DNS_PORT = 5353;

/**
 * GKE's resolvers that are no pods: NodeLocal DNSCache, and the metadata server where the cluster is on Cloud DNS
 * (tektoncd/operator #4000: a policy that names pods alone cuts them off).
 */
const GKE_RESOLVERS = ['169.254.20.10/32', '169.254.169.254/32'] as const;

/** The egress rules that let pods resolve names, and reach nothing else. */
export function dnsEgress(platform: Platform): k8s.NetworkPolicyEgressRule[] {
  switch (platform) {
    case 'gke': {
      const addresses = GKE_RESOLVERS.map((cidr) => ({ ipBlock: { cidr } }));
      return [{ to: [podsOf('kube-system'), ...addresses], ports: both(DNS_PORT) }];
    }
    case 'openshift':
      return [{ to: [podsOf('openshift-dns')], ports: [...both(DNS_PORT), ...both(OPENSHIFT_DNS_PORT)] }];
    case 'kubernetes':
      // On a cluster of any kind DNS may be a cache on the host's network, which is no pod.
      return [{ ports: both(DNS_PORT) }];
  }
}

function podsOf(namespace: string): k8s.NetworkPolicyPeer {
  return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
}

function both(port: number): k8s.NetworkPolicyPort[] {
  return ['UDP', 'TCP'].map((protocol) => ({ protocol, port: k8s.IntOrString.fromNumber(port) }));
}
