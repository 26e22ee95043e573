import { Duration } from 'cdk8s';
import { Probe } from 'cdk8s-plus-28';
import type { Model } from '../models/model';
import { startupBudgetSeconds } from '../models/startup';
import type { ModelControl } from './triton-options';

const HTTP = { port: 8000 } as const;
const STARTUP_PERIOD_SECONDS = 10;

/** The three probes of a Triton container. */
export interface TritonProbes {
  readonly startup: Probe;
  readonly readiness: Probe;
  readonly liveness: Probe;
}

export interface TritonProbeOptions {
  /** @default none */
  readonly control?: ModelControl;
  /** Seconds from container start to ready. @default three times what the files take on a slow disk */
  readonly startupSeconds?: number;
  /** Seconds that the server itself fetches before it loads. @default 0 */
  readonly fetchSeconds?: number;
}

/**
 * Probes whose budgets follow from the model.
 *
 * Until every model is loaded Triton refuses connections on all ports: only the startup probe waits that out. Liveness
 * asks `/live`: on `/ready` a model that loads would have the pod killed (triton server #7014).
 */
export function tritonProbes(
  model: Model,
  { control, fetchSeconds = 0, startupSeconds = startupBudgetSeconds(model) + fetchSeconds }: TritonProbeOptions = {},
): TritonProbes {
  // Of the model itself: a server whose repository is empty, or lacks the model, is ready with nothing.
  const served = `/v2/models/${model.name}/ready`;
  return {
    startup: Probe.fromHttpGet(served, {
      ...HTTP,
      periodSeconds: Duration.seconds(STARTUP_PERIOD_SECONDS),
      timeoutSeconds: Duration.seconds(5),
      failureThreshold: Math.ceil(startupSeconds / STARTUP_PERIOD_SECONDS),
    }),
    // The server's own answer stays "not ready" after any load through the API that failed, while the model serves on.
    readiness: Probe.fromHttpGet((control?.kind ?? 'none') === 'none' ? '/v2/health/ready' : served, {
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
