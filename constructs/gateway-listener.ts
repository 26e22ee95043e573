import type { Problem } from '../models/problem';
import { platformProblems } from './exposure-problems';
import type { InferenceServer } from './inference-server';

/** A listener of a Gateway that somebody else made. */
export interface GatewayListener {
  /** The Gateway's name. */
  readonly name: string;
  /** The Gateway's namespace, which has to let routes of this one in (`allowedRoutes`). @default the server's */
  readonly namespace?: string;
  /** The listener's name, one with TLS: without it a route attaches to all listeners, those in the clear too. */
  readonly sectionName: string;
}

/** Who implements a Gateway: `gke` for the classes `gke-l7-*`, which differ from what all others have in common. */
export type GatewayController = 'gke' | 'other';

/** What routes of all kinds have in common. */
export interface GatewayRouteProps {
  /** Of the route. @default the server's */
  readonly name?: string;
  readonly server: InferenceServer;
  /** At least one. */
  readonly gateways: readonly GatewayListener[];
  /** Hosts that clients ask for, at least one; `*.example.com` is allowed. */
  readonly hostnames: readonly string[];
  /** @default gke on GKE, other elsewhere */
  readonly controller?: GatewayController;
}

export function controllerOf({ server, controller }: GatewayRouteProps): GatewayController {
  return controller ?? (server.platform === 'gke' ? 'gke' : 'other');
}

/** The part of a route's spec that says whose requests it takes. */
export function attachment({ gateways, hostnames }: GatewayRouteProps) {
  return { parentRefs: gateways.map((listener) => ({ ...listener })), hostnames: [...hostnames] };
}

export function gatewayProblems(props: GatewayRouteProps): Problem[] {
  const { server, gateways, hostnames } = props;
  const problems: Problem[] = [];
  if (gateways.length === 0) {
    problems.push({ key: 'gateways', reason: 'is empty: no request comes in', fix: 'name a listener of a Gateway' });
  }
  if (hostnames.length === 0) {
    problems.push({
      key: 'hostnames',
      reason: 'is empty: the route would take the requests for all hosts of the listener',
      fix: 'name the hosts that this server is asked by',
    });
  }
  if (controllerOf(props) === 'gke') problems.push(...platformProblems(server, 'gke', 'controller', 'leave it out'));
  return problems;
}
