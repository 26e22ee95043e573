import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError, type Problem } from '../models/problem';
import { egressRules } from './egress-rules';
import { platformProblems } from './exposure-problems';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';

/** Who may call a server for inference. */
export type ServerClient =
  | {
      /** The pods of the server's own namespace. */
      readonly kind: 'own-namespace';
    }
  | {
      /** The pods of all namespaces that have {@link CLIENT_NAMESPACE_LABEL}. */
      readonly kind: 'labelled-namespaces';
    }
  | {
      /** The pods of one namespace: an ingress controller's, a gateway's, an application's. */
      readonly kind: 'namespace';
      readonly namespace: string;
    }
  | {
      /** OpenShift's routers. */
      readonly kind: 'openshift-routers';
    }
  | {
      /** Google Cloud's load balancers, which call pods from outside of the cluster: GKE's Ingress and its gateways. */
      readonly kind: 'gke-load-balancers';
      /**
       * CIDR of the region's proxy-only subnet, which internal and regional load balancers call from.
       *
       * @default none: global external load balancers alone
       */
      readonly proxySubnet?: string;
    };

export interface ServerNetworkPolicyProps {
  readonly server: InferenceServer;
  /**
   * Who may call the ports for inference; whoever exposes the server is one of them.
   *
   * @default its own namespace, namespaces with {@link CLIENT_NAMESPACE_LABEL}, on OpenShift the routers, and on GKE the
   *   global external load balancers
   */
  readonly clients?: readonly ServerClient[];
  /** The namespace that scrapes the metrics. */
  readonly monitoringNamespace: string;
  /** @default none */
  readonly patch?: Patches;
}

/** Namespaces with this label may call the servers. */
export const CLIENT_NAMESPACE_LABEL = { 'triton-stack/client': 'true' } as const;

const port = (number: number) => ({ protocol: 'TCP', port: k8s.IntOrString.fromNumber(number) });
const namespaceNamed = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });

/** OpenShift's label on the namespace of its routers (OpenShift documentation, "Allowing traffic from ingress"). */
const OPENSHIFT_ROUTERS = { matchLabels: { 'network.openshift.io/policy-group': 'ingress' } } as const;

/**
 * Where Google Cloud's health checks and global external load balancers call from (Google Cloud documentation, "Firewall
 * rules" of Cloud Load Balancing).
 */
const GKE_LOAD_BALANCERS = ['35.191.0.0/16', '130.211.0.0/22'] as const;

/**
 * Who may reach a server's ports, and where it may connect to: DNS and its model store.
 *
 * @throws InputError where a client is of another platform
 */
export class ServerNetworkPolicy extends Construct {
  constructor(scope: Construct, id: string, props: ServerNetworkPolicyProps) {
    super(scope, id);
    const { server } = props;
    const { ports } = server;
    const { clients = defaultClients(server) } = props;
    const problems = clients.flatMap((client, index) => clientProblems(client, index, server));
    if (problems.length > 0) throw new InputError(`network policy of ${server.name}`, problems);
    const among = server.egress.some(({ kind }) => kind === 'peers');
    const inference = [port(ports.http), ...(ports.grpc === undefined ? [] : [port(ports.grpc)])];
    new k8s.KubeNetworkPolicy(this, 'policy', {
      metadata: { name: server.name, labels: { ...server.labels } },
      spec: {
        podSelector: { matchLabels: { ...server.selector } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          // A rule from nobody would be one from everybody.
          ...(clients.length === 0 ? [] : [{ from: clients.flatMap(peersOf), ports: inference }]),
          {
            from: [{ namespaceSelector: namespaceNamed(props.monitoringNamespace) }],
            ports: [
              port(ports[server.metrics.port] ?? ports.http),
              ...(server.syncMetrics === undefined ? [] : [port(server.syncMetrics.port)]),
            ],
          },
          ...(among ? [{ from: [{ podSelector: { matchLabels: { ...server.selector } } }] }] : []),
        ],
        egress: egressRules(server),
      },
    });
    applyPatches(this, props.patch);
  }
}

function defaultClients({ platform }: InferenceServer): ServerClient[] {
  const everywhere = [{ kind: 'own-namespace' }, { kind: 'labelled-namespaces' }] as const;
  switch (platform) {
    case 'openshift':
      return [...everywhere, { kind: 'openshift-routers' }];
    case 'gke':
      return [...everywhere, { kind: 'gke-load-balancers' }];
    default:
      return [...everywhere];
  }
}

function peersOf(client: ServerClient): k8s.NetworkPolicyPeer[] {
  switch (client.kind) {
    case 'own-namespace':
      return [{ podSelector: {} }];
    case 'labelled-namespaces':
      return [{ namespaceSelector: { matchLabels: { ...CLIENT_NAMESPACE_LABEL } } }];
    case 'namespace':
      return [{ namespaceSelector: namespaceNamed(client.namespace) }];
    case 'openshift-routers':
      return [{ namespaceSelector: OPENSHIFT_ROUTERS }];
    case 'gke-load-balancers': {
      const { proxySubnet } = client;
      const ranges = [...GKE_LOAD_BALANCERS, ...(proxySubnet === undefined ? [] : [proxySubnet])];
      return ranges.map((cidr) => ({ ipBlock: { cidr } }));
    }
  }
}

const CLIENT_PLATFORMS = { 'openshift-routers': 'openshift', 'gke-load-balancers': 'gke' } as const;

function clientProblems({ kind }: ServerClient, index: number, server: InferenceServer): Problem[] {
  if (kind !== 'openshift-routers' && kind !== 'gke-load-balancers') return [];
  return platformProblems(server, CLIENT_PLATFORMS[kind], `clients[${index}].kind`, 'remove it');
}
