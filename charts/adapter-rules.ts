import { type AdapterRule, adapterRule } from '../constructs/autoscaling/adapter-rule';
import { GUARD_METRICS, QUEUE_METRICS } from '../models/queue-metric';

/** The rules that serve what every backend is scaled on, and the guards, to the autoscaler: per pod, whichever model it serves. */
export function adapterRules(): AdapterRule[] {
  const queues = Object.values(QUEUE_METRICS).map((metric) => ({ ...metric, target: 0 }));
  return [...queues, ...Object.values(GUARD_METRICS)].map(adapterRule);
}
