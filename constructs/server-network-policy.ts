import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { ModelSource } from './model-source';
import { TRITON_PORTS, type TritonServer } from './triton-server';

export interface ServerNetworkPolicyProps {
  readonly server: TritonServer;
  /** The namespace that scrapes the metrics. */
  readonly monitoringNamespace: string;
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

/** GKE's metadata server, which hands out workload identity (GKE documentation, "Workload Identity", network policies). */
const GKE_METADATA = [
  { cidr: '169.254.169.252/32', number: 988 },
  { cidr: '169.254.169.254/32', number: 80 },
] as const;

/** Who may reach a server's ports, and where it may connect to: DNS and its model store. */
export class ServerNetworkPolicy extends Construct {
  constructor(scope: Construct, id: string, props: ServerNetworkPolicyProps) {
    super(scope, id);
    const { server } = props;
    const { platform } = server;
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
          { from: clients, ports: [port(TRITON_PORTS.http), port(TRITON_PORTS.grpc)] },
          {
            from: [{ namespaceSelector: namespaceNamed(props.monitoringNamespace) }],
            ports: [port(TRITON_PORTS.metrics)],
          },
        ],
        egress: egress(server),
      },
    });
  }
}

function egress({ source, platform }: TritonServer): k8s.NetworkPolicyEgressRule[] {
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
  if (source.kind === 'claim') return rules;
  rules.push(storeRule(source));
  if (source.kind === 'gcs' && platform === 'gke') {
    rules.push(...GKE_METADATA.map(({ cidr, number }) => ({ to: [{ ipBlock: { cidr } }], ports: [port(number)] })));
  }
  return rules;
}

/**
 * The way to the store. Of a store in the cluster the namespace is opened and no port named: a policy sees the port of
 * the pod, which the Service's does not tell.
 */
function storeRule(source: Exclude<ModelSource, { kind: 'claim' }>): k8s.NetworkPolicyEgressRule {
  if (source.kind === 'gcs' || source.endpoint === undefined) return { ports: [port(443)] };
  const url = new URL(source.endpoint);
  const [, namespace] = /^[^.]+\.([^.]+)\.svc(\..*)?$/.exec(url.hostname) ?? [];
  if (namespace !== undefined) return { to: [{ namespaceSelector: namespaceNamed(namespace) }] };
  if (!url.hostname.includes('.')) return { to: [{ podSelector: {} }] };
  if (url.port !== '') return { ports: [port(Number(url.port))] };
  return { ports: [port(url.protocol === 'http:' ? 80 : 443)] };
}
