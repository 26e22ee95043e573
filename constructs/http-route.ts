import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import { type ExposedPort, portProblems } from './exposure-problems';
import { attachment, controllerOf, type GatewayRouteProps, gatewayProblems } from './gateway-listener';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';
import { GRPC_PATHS, readyPath, servedPaths } from './serving-api';
import { isMade } from './unique-objects';

export interface HttpRouteProps extends GatewayRouteProps {
  /**
   * gRPC by the same hosts, as requests over HTTP/2 to the Service's gRPC port. For gateways that go by the port's
   * `appProtocol` (GKE's among them); for others there is `GrpcRoute`.
   *
   * @default false
   */
  readonly grpc?: boolean;
  /** @default none */
  readonly patch?: Patches;
}

/** What GKE's load balancers can wait at most for the requests of a pod that goes (gke-gateway-api, GCPBackendPolicy). */
const MAX_DRAINING_SECONDS = 3600;

/**
 * A server behind a Gateway, with those of its paths that are there for clients.
 *
 * The time-out is the model's deadline, for the whole answer: a stream ends with it, too. Gateways have 15 or 30 s where
 * nobody says. GKE's does not accept a route with time-outs (kserve #5311): there it is the load balancer's, in a
 * GCPBackendPolicy of the Service, beside a HealthCheckPolicy, since GKE asks pods for `/` otherwise, and Triton answers
 * 404.
 *
 * @throws InputError where no request could come in, or not by the port it asks for
 */
export class HttpRoute extends Construct {
  constructor(scope: Construct, id: string, props: HttpRouteProps) {
    super(scope, id);
    const { server, name = server.name, grpc = false } = props;
    const ports: ExposedPort[] = grpc ? ['http', 'grpc'] : ['http'];
    const problems = [...gatewayProblems(props), ...ports.flatMap((port) => portProblems(server, port, false))];
    if (problems.length > 0) throw new InputError(`HTTP route of ${server.name}`, problems);
    const gke = controllerOf(props) === 'gke';
    new ApiObject(this, 'route', {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, labels: { ...server.labels } },
      spec: {
        ...attachment(props),
        rules: ports.map((port) => ({
          matches: matches(server, port),
          backendRefs: [{ name: server.name, port: server.ports[port] }],
          ...(!gke && { timeouts: { request: `${Math.ceil(server.deadlineSeconds)}s` } }),
        })),
      },
    });
    // Of the Service: routes of one server share them.
    if (gke && !isMade(this, 'GCPBackendPolicy', server.name)) this.configureLoadBalancer(server);
    applyPatches(this, props.patch);
  }

  private configureLoadBalancer(server: InferenceServer): void {
    const { name, labels, ports, api } = server;
    const timeoutSec = Math.ceil(server.deadlineSeconds);
    const common = { apiVersion: 'networking.gke.io/v1', metadata: { name, labels: { ...labels } } };
    const targetRef = { group: '', kind: 'Service', name };
    new ApiObject(this, 'backend-policy', {
      ...common,
      kind: 'GCPBackendPolicy',
      spec: {
        default: {
          timeoutSec,
          // Without it requests in flight are cut off as soon as their pod begins to end.
          connectionDraining: { drainingTimeoutSec: Math.min(timeoutSec, MAX_DRAINING_SECONDS) },
        },
        targetRef,
      },
    });
    new ApiObject(this, 'health-check', {
      ...common,
      kind: 'HealthCheckPolicy',
      spec: {
        default: {
          config: {
            type: 'HTTP',
            // One policy for all ports of a Service: the gRPC port's pods are asked by HTTP as well.
            httpHealthCheck: {
              portSpecification: 'USE_FIXED_PORT',
              port: ports.http,
              requestPath: readyPath(api),
            },
          },
        },
        targetRef,
      },
    });
  }
}

function matches({ api }: InferenceServer, port: ExposedPort) {
  if (port === 'grpc') return GRPC_PATHS.map((value) => ({ path: { type: 'Exact', value } }));
  return servedPaths(api).map(({ path, match }) => ({
    path: { type: match === 'exact' ? 'Exact' : 'PathPrefix', value: path },
  }));
}
