import { k8s } from 'cdk8s-plus-28';
import { dnsEgress } from './cluster-dns';
import type { Destination, InferenceServer } from './inference-server';

/** The rules of a NetworkPolicy that let pods resolve names and reach their destinations, and nothing else. */
export function egressRules({
  platform,
  selector,
  egress,
}: Pick<InferenceServer, 'platform' | 'selector' | 'egress'>): k8s.NetworkPolicyEgressRule[] {
  return [...dnsEgress(platform), ...egress.map((each) => ruleTo(each, selector))];
}

function ruleTo(destination: Destination, selector: InferenceServer['selector']): k8s.NetworkPolicyEgressRule {
  switch (destination.kind) {
    case 'anywhere':
      return { ports: [port(destination.port)] };
    case 'address':
      return { to: [{ ipBlock: { cidr: destination.cidr } }], ports: [port(destination.port)] };
    case 'namespace': {
      const matchLabels = { 'kubernetes.io/metadata.name': destination.namespace };
      return { to: [{ namespaceSelector: { matchLabels } }] };
    }
    case 'own-namespace':
      return { to: [{ podSelector: {} }] };
    case 'peers':
      return { to: [{ podSelector: { matchLabels: { ...selector } } }] };
  }
}

function port(number: number): k8s.NetworkPolicyPort {
  return { protocol: 'TCP', port: k8s.IntOrString.fromNumber(number) };
}
