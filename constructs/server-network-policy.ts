import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Destination, InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';

export interface ServerNetworkPolicyProps {
  readonly server: InferenceServer;
  /** The namespace that scrapes the metrics. */
  readonly monitoringNamespace: string;
  /** @default none */
  readonly patch?: Patches;
}

/** Namespaces with this label may call the servers; their own namespace may anyway. */
export const CLIENT_NAMESPACE_LABEL = { 'triton-stack/client': 'true' } as const;

const port = (number: number, protocol: 'TCP' | 'UDP' = 'TCP') => ({
  protocol,
  port: k8s.IntOrString.fromNumber(number),
});
const namespaceNamed = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });

/** OpenShift's label on the namespace of its routers (OpenShift documentation, "Allowing traffic from ingress"). */
const OPENSHIFT_ROUTERS = { matchLabels: { 'network.openshift.io/policy-group': 'ingress' } } as const;

/** Who may reach a server's ports, and where it may connect to: DNS and its model store. */
export class ServerNetworkPolicy extends Construct {
  constructor(scope: Construct, id: string, props: ServerNetworkPolicyProps) {
    super(scope, id);
    const { server } = props;
    const { platform, ports } = server;
    const among = server.egress.some(({ kind }) => kind === 'peers');
    const clients = [
      { podSelector: {} },
      { namespaceSelector: { matchLabels: { ...CLIENT_NAMESPACE_LABEL } } },
      ...(platform === 'openshift' ? [{ namespaceSelector: OPENSHIFT_ROUTERS }] : []),
    ];
    new k8s.KubeNetworkPolicy(this, 'policy', {
      metadata: { name: server.name, labels: { ...server.labels } },
      spec: {
        podSelector: { matchLabels: { ...server.selector } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          { from: clients, ports: [port(ports.http), ...(ports.grpc === undefined ? [] : [port(ports.grpc)])] },
          {
            from: [{ namespaceSelector: namespaceNamed(props.monitoringNamespace) }],
            ports: [port(ports[server.metrics.port] ?? ports.http)],
          },
          ...(among ? [{ from: [{ podSelector: { matchLabels: { ...server.selector } } }] }] : []),
        ],
        egress: egress(server),
      },
    });
    applyPatches(this, props.patch);
  }
}

function egress({ platform, selector, egress: destinations }: InferenceServer): k8s.NetworkPolicyEgressRule[] {
  // OpenShift's DNS pods listen on 5353, and policies see the pod's port.
  const dnsPorts = platform === 'openshift' ? [53, 5353] : [53];
  const dns = dnsPorts.flatMap((each) => [port(each, 'UDP'), port(each)]);
  const rules: k8s.NetworkPolicyEgressRule[] = [
    // On a cluster of any kind DNS may be a cache on the host's network, which is no pod.
    platform === 'kubernetes' ? { ports: dns } : { to: [{ namespaceSelector: {} }], ports: dns },
  ];
  if (platform === 'gke') {
    // NodeLocal DNSCache answers on a link-local address.
    rules.push({ to: [{ ipBlock: { cidr: '169.254.20.10/32' } }], ports: [port(53, 'UDP'), port(53)] });
  }
  return [...rules, ...destinations.map((each) => ruleTo(each, selector))];
}

function ruleTo(destination: Destination, selector: InferenceServer['selector']): k8s.NetworkPolicyEgressRule {
  switch (destination.kind) {
    case 'anywhere':
      return { ports: [port(destination.port)] };
    case 'address':
      return { to: [{ ipBlock: { cidr: destination.cidr } }], ports: [port(destination.port)] };
    case 'namespace':
      return { to: [{ namespaceSelector: namespaceNamed(destination.namespace) }] };
    case 'own-namespace':
      return { to: [{ podSelector: {} }] };
    case 'peers':
      return { to: [{ podSelector: { matchLabels: { ...selector } } }] };
  }
}
