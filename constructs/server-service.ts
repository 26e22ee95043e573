import * as kplus from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import { afterMapping } from './after-mapping';
import type { InferenceServer } from './inference-server';

/** A Service of a server's pods, with all of its ports by their names: a headless one gives the pods names of their own. */
export function serverService(
  scope: Construct,
  id: string,
  server: Pick<InferenceServer, 'labels' | 'selector' | 'ports' | 'tls'>,
  { name, headless = false }: { readonly name: string; readonly headless?: boolean },
): kplus.Service {
  const { labels, selector, ports, tls = [] } = server;
  const service = new kplus.Service(scope, id, {
    metadata: { name, labels: { ...labels } },
    ...(headless && { clusterIP: 'None' }),
    ports: Object.entries(ports).map(([port, number]) => ({ name: port, port: number, targetPort: number })),
  });
  for (const [key, value] of Object.entries(selector)) service.selectLabel(key, value);
  afterMapping(service, ({ spec }) => {
    delete spec.externalIPs;
    // cdk8s-plus adds its own label to the selector of a StatefulSet's Service.
    spec.selector = { ...selector };
    // Load balancers speak HTTP/1.1 to a port of which nothing is said.
    for (const port of spec.ports) {
      if (port.name === 'grpc' && !tls.includes('grpc')) port.appProtocol = 'kubernetes.io/h2c';
    }
  });
  return service;
}
