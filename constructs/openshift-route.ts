import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { InferenceServer } from './inference-server';

export interface OpenShiftRouteProps {
  readonly server: InferenceServer;
  /** @default the router makes one from the Route's name, the namespace and its own domain */
  readonly host?: string;
}

/**
 * An OpenShift Route with TLS at the router's edge to a server's HTTP port.
 *
 * The router ends requests after 30 s by default, which long generations exceed: the time-out is the model's deadline.
 */
export class OpenShiftRoute extends Construct {
  constructor(scope: Construct, id: string, props: OpenShiftRouteProps) {
    super(scope, id);
    const { server, host } = props;
    new ApiObject(this, 'route', {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      metadata: {
        name: server.name,
        labels: { ...server.labels },
        annotations: {
          'haproxy.router.openshift.io/timeout': `${Math.ceil(server.deadlineSeconds)}s`,
          'haproxy.router.openshift.io/balance': 'leastconn',
        },
      },
      spec: {
        ...(host !== undefined && { host }),
        port: { targetPort: 'http' },
        tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' },
        to: { kind: 'Service', name: server.name, weight: 100 },
        wildcardPolicy: 'None',
      },
    });
  }
}
