import type { Plan } from './plan';

/** The plan as one JSON object: the same text whenever nothing has changed. */
export function planJson(plan: Plan): string {
  const { environment, resources, charts, outputs, summary } = plan;
  return `${JSON.stringify({ environment, resources, charts, outputs, summary }, null, 2)}\n`;
}
