import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError, type Problem } from '../models/problem';
import { type ExposedPort, platformProblems, portProblems } from './exposure-problems';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';
import { GRPC_SERVICE, inferencePrefixes } from './serving-api';

/** Where a Route's TLS ends. */
export type RouteTls =
  | {
      /** At the router, which speaks plainly to the pods. */
      readonly kind: 'edge';
      /** A Secret of the namespace, of type `kubernetes.io/tls`. @default the router's own certificate */
      readonly certificateSecret?: string;
    }
  | {
      /** At the router, which speaks TLS to the pods: for servers that have it. */
      readonly kind: 'reencrypt';
      /** A Secret of the namespace, of type `kubernetes.io/tls`. @default the router's own certificate */
      readonly certificateSecret?: string;
      /** PEM of the authority that signed the pods' certificate. @default the one of OpenShift's service serving certificates */
      readonly destinationCa?: string;
    }
  | {
      /** In the pods: the router sees bytes, and so all that the port serves is exposed, for operators too. */
      readonly kind: 'passthrough';
    };

export interface OpenShiftRouteProps {
  /** Of the Route. @default the server's, with the port where that is gRPC's */
  readonly name?: string;
  readonly server: InferenceServer;
  /** @default the router makes one from the Route's name, the namespace and its own domain */
  readonly host?: string;
  /** @default edge, with the router's own certificate */
  readonly tls?: RouteTls;
  /** @default http */
  readonly port?: ExposedPort;
  /** @default none */
  readonly patch?: Patches;
}

/** What HAProxy allows a tunnel to be silent where nobody says (openshift/router, haproxy-config.template). */
const TUNNEL_SECONDS = 3600;

/** Who reads the Secrets that Routes name (openshift/router, pkg/router/routeapihelpers/validation.go). */
const ROUTER = { kind: 'ServiceAccount', name: 'router', namespace: 'openshift-ingress' } as const;

/**
 * A server behind OpenShift's router, by TLS, with those of its paths that requests for inference go to: one Route for
 * each, since a Route has one path. A model's readiness is below them (`/v2/models/M/ready`).
 *
 * The router ends requests after 30 s without a byte from the pods, which long generations exceed: the time-out is the
 * model's deadline. A gRPC stream ends after as long a silence.
 *
 * gRPC needs HTTP/2 on both sides of the router. A cluster has that off until its ingress controller is annotated with
 * `ingress.operator.openshift.io/default-enable-http2=true`, and a Route has it with a certificate of its own alone, which
 * no other Route may share (openshift/api, route/v1; openshift/router, pkg/router/template/template_helper.go): a host of
 * its own, then. To pods without TLS the router goes by the Service's `appProtocol: kubernetes.io/h2c`, from OpenShift
 * 4.18 on (openshift/router, haproxy-config.template).
 *
 * @throws InputError where the platform, the port and the way of TLS do not go together
 */
export class OpenShiftRoute extends Construct {
  constructor(scope: Construct, id: string, props: OpenShiftRouteProps) {
    super(scope, id);
    const { server, host, tls = { kind: 'edge' }, port = 'http' } = props;
    const problems = routeProblems(props);
    if (problems.length > 0) throw new InputError(`route of ${server.name}`, problems);
    for (const [index, { name, path }] of routes(props).entries()) {
      new ApiObject(this, index === 0 ? 'route' : name, {
        apiVersion: 'route.openshift.io/v1',
        kind: 'Route',
        metadata: { name, labels: { ...server.labels }, annotations: annotations(server, tls) },
        spec: {
          ...(host !== undefined && { host }),
          ...(path !== undefined && { path }),
          port: { targetPort: port },
          tls: tlsOf(tls, port),
          to: { kind: 'Service', name: server.name, weight: 100 },
          wildcardPolicy: 'None',
        },
      });
    }
    if (tls.kind !== 'passthrough' && tls.certificateSecret !== undefined) {
      this.letRouterRead(tls.certificateSecret, routeName(props), server);
    }
    applyPatches(this, props.patch);
  }

  /** A Route that names a Secret is refused while the router may not read it. */
  private letRouterRead(secretName: string, route: string, { labels }: InferenceServer): void {
    const name = `${route}-certificate`;
    const metadata = { name, labels: { ...labels } };
    new k8s.KubeRole(this, 'certificate', {
      metadata,
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: [secretName], verbs: ['get', 'list', 'watch'] },
      ],
    });
    new k8s.KubeRoleBinding(this, 'certificate-binding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ ...ROUTER }],
    });
  }
}

function routeName({ server, name, port = 'http' }: OpenShiftRouteProps): string {
  if (name !== undefined) return name;
  return port === 'http' ? server.name : `${server.name}-${port}`;
}

function routes(props: OpenShiftRouteProps): { readonly name: string; readonly path?: string }[] {
  const { server, tls, port = 'http' } = props;
  const name = routeName(props);
  if (tls?.kind === 'passthrough') return [{ name }];
  if (port === 'grpc') return [{ name, path: `/${GRPC_SERVICE}` }];
  const [first, ...others] = inferencePrefixes(server.api);
  return [{ name, path: first }, ...others.map((path) => ({ name: `${name}${path.replaceAll('/', '-')}`, path }))];
}

function annotations({ deadlineSeconds }: InferenceServer, { kind }: RouteTls): Record<string, string> {
  const seconds = Math.ceil(deadlineSeconds);
  return {
    // A tunnel is a client's connection, not a request: it may be silent longer than an answer takes.
    ...(kind === 'passthrough'
      ? { 'haproxy.router.openshift.io/timeout-tunnel': `${Math.max(seconds, TUNNEL_SECONDS)}s` }
      : { 'haproxy.router.openshift.io/timeout': `${seconds}s` }),
    'haproxy.router.openshift.io/balance': 'leastconn',
  };
}

function tlsOf(tls: RouteTls, port: ExposedPort): Record<string, unknown> {
  const common = { termination: tls.kind };
  if (tls.kind === 'passthrough') return { ...common, insecureEdgeTerminationPolicy: 'None' };
  return {
    ...common,
    // gRPC clients follow no redirects.
    insecureEdgeTerminationPolicy: port === 'grpc' ? 'None' : 'Redirect',
    ...(tls.certificateSecret !== undefined && { externalCertificate: { name: tls.certificateSecret } }),
    ...(tls.kind === 'reencrypt' && tls.destinationCa !== undefined && { destinationCACertificate: tls.destinationCa }),
  };
}

function routeProblems(props: OpenShiftRouteProps): Problem[] {
  const { server, host, tls = { kind: 'edge' }, port = 'http' } = props;
  const problems = [
    ...platformProblems(server, 'openshift', 'OpenShiftRoute', 'ServerIngress, or HttpRoute and a Gateway'),
    ...portProblems(server, port, tls.kind !== 'edge'),
  ];
  if (port === 'grpc' && tls.kind !== 'passthrough' && tls.certificateSecret === undefined) {
    problems.push({
      key: 'tls.certificateSecret',
      reason: "is missing: with the router's certificate there is no HTTP/2, which gRPC is made of",
      fix: 'name a Secret with a certificate that no other Route has',
    });
  }
  if (host === undefined && routes(props).length > 1) {
    problems.push({
      key: 'host',
      reason: 'is missing: each of several Routes would have another',
      fix: "name one, such as a subdomain of the cluster's apps domain",
    });
  }
  return problems;
}
