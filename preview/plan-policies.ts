import { evaluate } from '../policies/evaluate';
import type { PolicyReport } from '../policies/finding';
import type { PolicyResource } from '../policies/resource';
import type { PolicySettings } from '../policies/settings';
import type { PlannedResource } from './plan';

/**
 * What the rules say of a plan's resources.
 *
 * @param settings - the plan's `summary.policySettings`
 * @param today - the day that waivers are judged by: `2026-12-31`
 */
export function planPolicies(
  resources: readonly PlannedResource[],
  settings: PolicySettings,
  today: string,
): PolicyReport {
  return evaluate(resources.map(policyResource), settings, today);
}

/** A planned resource as rules see it. */
export function policyResource({ urn, type, name, inputs, options }: PlannedResource): PolicyResource {
  return { urn, type, name, props: inputs, ...(options?.protect === true && { protect: true }) };
}

/** Today as waivers are dated: in UTC. */
export function currentDay(): string {
  return new Date().toISOString().slice(0, 10);
}
