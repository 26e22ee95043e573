import type { Model } from './model';

/** How a pod of the model ends without losing a request. Seconds. */
export interface Shutdown {
  /** Between the pod's removal from the endpoints and SIGTERM: Triton closes its ports at once on SIGTERM. */
  readonly preStopSeconds: number;
  /** Triton's `--exit-timeout-secs`: what is in flight may take this long. */
  readonly exitTimeoutSeconds: number;
  /** Longer than the two together. */
  readonly gracePeriodSeconds: number;
}

/** Endpoint removal reaches kube-proxy and load balancers within a few seconds; twice that is safe. */
const PRE_STOP_SECONDS = 15;
const MARGIN_SECONDS = 10;

/** @default deadlineSeconds of a model that states none */
export const DEFAULT_DEADLINE_SECONDS = 60;

/**
 * What GKE leaves a pod of a spot node, whatever its grace period says: 15 s (GKE documentation, "Spot VMs", graceful
 * node shutdown). preStop is part of them.
 */
const SPOT: Shutdown = { preStopSeconds: 3, exitTimeoutSeconds: 8, gracePeriodSeconds: 15 };

/** @param spot - whether the pod runs on nodes that can be taken away */
export function shutdown(model: Pick<Model, 'deadlineSeconds'>, spot = false): Shutdown {
  if (spot) return SPOT;
  const exitTimeoutSeconds = Math.ceil(model.deadlineSeconds ?? DEFAULT_DEADLINE_SECONDS);
  return {
    preStopSeconds: PRE_STOP_SECONDS,
    exitTimeoutSeconds,
    gracePeriodSeconds: PRE_STOP_SECONDS + exitTimeoutSeconds + MARGIN_SECONDS,
  };
}
