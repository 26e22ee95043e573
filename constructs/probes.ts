import { Duration } from 'cdk8s';
import { Probe } from 'cdk8s-plus-28';
import type { Model } from '../models/model';
import { startupBudgetSeconds } from '../models/startup';

const HTTP = { port: 8000 } as const;
const STARTUP_PERIOD_SECONDS = 10;

/** The three probes of a Triton container. */
export interface TritonProbes {
  readonly startup: Probe;
  readonly readiness: Probe;
  readonly liveness: Probe;
}

/**
 * Probes whose budgets follow from the model.
 *
 * Until every model is loaded Triton refuses connections on all ports: only the startup probe waits that out. Liveness
 * asks `/live`: on `/ready` a model that loads would have the pod killed (triton server #7014).
 */
export function tritonProbes(model: Model): TritonProbes {
  return {
    startup: Probe.fromHttpGet('/v2/health/ready', {
      ...HTTP,
      periodSeconds: Duration.seconds(STARTUP_PERIOD_SECONDS),
      timeoutSeconds: Duration.seconds(5),
      failureThreshold: Math.ceil(startupBudgetSeconds(model) / STARTUP_PERIOD_SECONDS),
    }),
    readiness: Probe.fromHttpGet('/v2/health/ready', {
      ...HTTP,
      periodSeconds: Duration.seconds(5),
      timeoutSeconds: Duration.seconds(5),
      failureThreshold: 3,
    }),
    liveness: Probe.fromHttpGet('/v2/health/live', {
      ...HTTP,
      periodSeconds: Duration.seconds(10),
      timeoutSeconds: Duration.seconds(10),
      failureThreshold: 6,
    }),
  };
}
