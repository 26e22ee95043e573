import type { PlanDiff } from './diff/plan-diff';
import type { Plan } from './plan';

/** The plan, and what differs from a base, as one JSON object: the same text whenever nothing has changed. */
export function planJson(plan: Plan, diff?: PlanDiff): string {
  const { environment, resources, charts, outputs, summary } = plan;
  return `${JSON.stringify({ environment, resources, charts, outputs, summary, diff }, null, 2)}\n`;
}
