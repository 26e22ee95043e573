import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError, type Problem } from '../models/problem';
import { type ExposedPort, platformProblems, portProblems } from './exposure-problems';
import type { InferenceServer } from './inference-server';
import {
  className,
  controllerAnnotations,
  type IngressController,
  isGke,
  secretOf,
  tlsAnnotations,
} from './ingress-controller';
import { applyPatches, type Patches } from './patch';
import { GRPC_PATHS, readyPath, type ServedPath, servedPaths } from './serving-api';

export interface ServerIngressProps {
  /** Of the Ingress. @default the server's, with the port where that is gRPC's */
  readonly name?: string;
  readonly server: InferenceServer;
  readonly host: string;
  readonly controller: IngressController;
  /** gRPC with ingress-nginx alone; for both ports make two, of one host if need be. @default http */
  readonly port?: ExposedPort;
  /** @default none */
  readonly patch?: Patches;
}

/**
 * A server behind an Ingress, with those of its paths that are there for clients, by TLS unless plain HTTP is asked for.
 *
 * The time-out is the model's deadline. GKE has it in a BackendConfig that a Service names: a Service of the Ingress's own,
 * so that the server's stays as the server made it.
 *
 * @throws InputError where the controller cannot do what is asked for
 */
export class ServerIngress extends Construct {
  constructor(scope: Construct, id: string, props: ServerIngressProps) {
    super(scope, id);
    const { server, host, controller, port = 'http' } = props;
    const { tls } = controller;
    const problems = ingressProblems(props);
    if (problems.length > 0) throw new InputError(`ingress of ${server.name}`, problems);
    const { name = port === 'http' ? server.name : `${server.name}-${port}` } = props;
    const gke = isGke(controller);
    const secretName = secretOf(tls, name);
    const backend = gke ? this.createGkeService(server, name) : server.name;
    if (tls.kind === 'managed') {
      new ApiObject(this, 'certificate', {
        apiVersion: 'networking.gke.io/v1',
        kind: 'ManagedCertificate',
        metadata: { name, labels: { ...server.labels } },
        spec: { domains: [host] },
      });
    }
    new k8s.KubeIngress(this, 'ingress', {
      metadata: {
        name,
        labels: { ...server.labels },
        annotations: { ...controllerAnnotations(server, controller, port), ...tlsAnnotations(tls, name) },
      },
      spec: {
        ...(!gke && { ingressClassName: className(controller) }),
        ...(secretName !== undefined && { tls: [{ hosts: [host], secretName }] }),
        rules: [
          {
            host,
            http: {
              paths: pathsOf(server, port).map(({ path, match }) => ({
                path,
                pathType: match === 'exact' ? 'Exact' : 'Prefix',
                backend: { service: { name: backend, port: { name: port } } },
              })),
            },
          },
        ],
      },
    });
    applyPatches(this, props.patch);
  }

  /** @returns the Service's name */
  private createGkeService(server: InferenceServer, name: string): string {
    const { labels, selector, ports, api, deadlineSeconds } = server;
    const own = `${name}-ingress`;
    const seconds = Math.ceil(deadlineSeconds);
    new ApiObject(this, 'backend-config', {
      apiVersion: 'cloud.google.com/v1',
      kind: 'BackendConfig',
      metadata: { name: own, labels: { ...labels } },
      spec: {
        timeoutSec: seconds,
        // Without it requests in flight are cut off as soon as their pod begins to end; an hour is the most there is.
        connectionDraining: { drainingTimeoutSec: Math.min(seconds, 3600) },
        // GKE asks for / otherwise, and Triton answers 404.
        healthCheck: { type: 'HTTP', port: ports.http, requestPath: readyPath(api) },
      },
    });
    new k8s.KubeService(this, 'service', {
      metadata: {
        name: own,
        labels: { ...labels },
        annotations: {
          'cloud.google.com/backend-config': JSON.stringify({ default: own }),
          // Pods as the load balancer's endpoints, which is what a Service without node ports needs.
          'cloud.google.com/neg': JSON.stringify({ ingress: true }),
        },
      },
      spec: {
        selector: { ...selector },
        ports: [{ name: 'http', port: ports.http, targetPort: k8s.IntOrString.fromString('http') }],
      },
    });
    return own;
  }
}

function pathsOf({ api }: InferenceServer, port: ExposedPort): readonly ServedPath[] {
  return port === 'http' ? servedPaths(api) : GRPC_PATHS.map((path) => ({ path, match: 'exact' }));
}

function ingressProblems({ server, host, controller, port = 'http' }: ServerIngressProps): Problem[] {
  const { kind, tls } = controller;
  const problems = portProblems(server, port, false);
  if (isGke(controller)) {
    problems.push(...platformProblems(server, 'gke', 'controller.kind', 'name the controller that the cluster runs'));
  }
  if (port === 'grpc' && kind !== 'ingress-nginx') {
    problems.push({
      key: 'port',
      value: port,
      reason: isGke(controller)
        ? "is HTTP/2, which GKE's Ingress speaks by TLS alone, and the pods have none"
        : 'needs to be told to the controller, in a way of its own',
      fix: isGke(controller) ? 'HttpRoute with grpc: true, and a Gateway' : 'GrpcRoute, and a Gateway',
    });
  }
  if (port === 'grpc' && tls.kind === 'plain-http') {
    problems.push({
      key: 'controller.tls.kind',
      value: tls.kind,
      reason: 'leaves no HTTP/2, which gRPC is made of: nginx speaks it by TLS alone',
      fix: 'secret or cert-manager',
    });
  }
  if (tls.kind === 'managed' && host.startsWith('*')) {
    problems.push({
      key: 'host',
      value: host,
      reason: 'is no host that Google obtains a certificate for',
      allowed: 'a name without *',
      fix: 'name each host, or bring a certificate: pre-shared, secret',
    });
  }
  if (tls.kind === 'pre-shared' && tls.certificates.length === 0) {
    problems.push({ key: 'controller.tls.certificates', reason: 'is empty', fix: 'name one at least' });
  }
  return problems;
}
