import { App, Chart } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import type { InferenceServer } from '../../constructs/inference-server';
import { type ServerClient, ServerNetworkPolicy } from '../../constructs/server-network-policy';
import { exposedServer } from '../support/exposed-server';

function ingressRules(server: InferenceServer, clients?: readonly ServerClient[]) {
  const chart = new Chart(new App(), 'test');
  new ServerNetworkPolicy(chart, 'policy', {
    server,
    monitoringNamespace: 'monitoring',
    ...(clients !== undefined && { clients }),
  });
  const [policy] = chart.toJson();
  expect(policy.spec.policyTypes).toContain('Ingress');
  return policy.spec.ingress;
}

const tcp = (port: number) => ({ protocol: 'TCP', port });
const ownNamespace = { podSelector: {} };
const labelled = { namespaceSelector: { matchLabels: { 'triton-stack/client': 'true' } } };
const named = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });
const metrics = { from: [named('monitoring')], ports: [tcp(8002)] };

describe('who may call a server', () => {
  it('is its namespace and labelled ones where nobody says, on the ports for inference', () => {
    expect(ingressRules(exposedServer())).toEqual([
      { from: [ownNamespace, labelled], ports: [tcp(8000), tcp(8001)] },
      metrics,
    ]);
  });

  it('is the routers, too, on OpenShift', () => {
    const [clients] = ingressRules(exposedServer({ platform: 'openshift' }));
    expect(clients.from).toEqual([
      ownNamespace,
      labelled,
      { namespaceSelector: { matchLabels: { 'network.openshift.io/policy-group': 'ingress' } } },
    ]);
  });

  it('is a gateway alone where that is said', () => {
    const [clients] = ingressRules(exposedServer(), [{ kind: 'namespace', namespace: 'ingress-nginx' }]);
    expect(clients).toEqual({ from: [named('ingress-nginx')], ports: [tcp(8000), tcp(8001)] });
  });

  it("is Google Cloud's load balancers and their health checks, and proxies of the network", () => {
    const gke = exposedServer({ platform: 'gke' });
    const from = ['35.191.0.0/16', '130.211.0.0/22'].map((cidr) => ({ ipBlock: { cidr } }));
    expect(ingressRules(gke, [{ kind: 'gke-load-balancers' }])[0].from).toEqual(from);
    const inside = ingressRules(gke, [{ kind: 'gke-load-balancers', proxySubnet: '10.129.0.0/23' }]);
    expect(inside[0].from).toEqual([...from, { ipBlock: { cidr: '10.129.0.0/23' } }]);
  });

  it('is nobody where that is said, and metrics are read all the same', () => {
    expect(ingressRules(exposedServer(), [])).toEqual([metrics]);
  });

  it('has no gRPC where there is none', () => {
    const [clients] = ingressRules(exposedServer({ ports: { http: 8000, metrics: 8002 } }));
    expect(clients.ports).toEqual([tcp(8000)]);
  });

  it('is nobody of another platform', () => {
    expect(() => ingressRules(exposedServer(), [{ kind: 'gke-load-balancers' }])).toThrow(/clients\[0\]\.kind/);
    expect(() => ingressRules(exposedServer(), [{ kind: 'openshift-routers' }])).toThrow(
      /the platform openshift alone/,
    );
  });
});
