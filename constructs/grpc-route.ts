import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import { portProblems } from './exposure-problems';
import { attachment, controllerOf, type GatewayRouteProps, gatewayProblems } from './gateway-listener';
import { applyPatches, type Patches } from './patch';
import { GRPC_METHODS } from './serving-api';

export interface GrpcRouteProps extends GatewayRouteProps {
  /** @default none */
  readonly patch?: Patches;
}

/**
 * A server's gRPC port behind a Gateway, with those of its methods that are there for clients.
 *
 * A listener takes a host by HTTPRoutes or by GRPCRoutes, not by both (gateway-api, GRPCRoute `hostnames`): the hosts are
 * others than those of an `HttpRoute`. GRPCRoutes have no time-outs: the gateway's own hold, which are 15 s in Envoy
 * where nobody says. `HttpRoute` with `grpc` has the model's.
 *
 * @throws InputError where no request could come in, or the gateway is GKE's, which knows no GRPCRoutes
 */
export class GrpcRoute extends Construct {
  constructor(scope: Construct, id: string, props: GrpcRouteProps) {
    super(scope, id);
    const { server, name = server.name } = props;
    const problems = [...gatewayProblems(props), ...portProblems(server, 'grpc', false)];
    if (controllerOf(props) === 'gke') {
      // GoogleCloudPlatform/gke-gateway-api #31.
      problems.push({
        key: 'controller',
        value: 'gke',
        reason: "is not one for GRPCRoutes: GKE's gateways know only HTTPRoutes",
        fix: "HttpRoute with grpc: true, or controller: 'other' where another one runs on GKE",
      });
    }
    if (problems.length > 0) throw new InputError(`gRPC route of ${server.name}`, problems);
    new ApiObject(this, 'route', {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GRPCRoute',
      metadata: { name, labels: { ...server.labels } },
      spec: {
        ...attachment(props),
        rules: [
          {
            matches: GRPC_METHODS.map((method) => ({ method: { type: 'Exact', ...method } })),
            backendRefs: [{ name: server.name, port: server.ports.grpc }],
          },
        ],
      },
    });
    applyPatches(this, props.patch);
  }
}
