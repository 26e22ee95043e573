import { z } from 'zod';
import type { Plan } from '../plan';

/** What every version of the plan has had. Of the rest an older one may know nothing. */
const planSchema = z.looseObject({
  environment: z.string(),
  resources: z.array(z.looseObject({ urn: z.string(), type: z.string(), name: z.string(), parent: z.string() })),
  charts: z.array(z.looseObject({ name: z.string(), objects: z.array(z.looseObject({ kind: z.string() })) })),
  outputs: z.looseObject({}),
  summary: z.looseObject({
    models: z.array(z.looseObject({ name: z.string() })),
    policies: z.looseObject({}).default({ rules: [], findings: [] }),
    cost: z.looseObject({ pools: z.array(z.looseObject({})).default([]) }).optional(),
  }),
});

/**
 * Reads what `preview --json` wrote, be it of an earlier version of the project.
 *
 * @throws Error where it is no plan
 */
export function readPlan(text: string): Plan {
  return planSchema.parse(JSON.parse(text)) as unknown as Plan;
}
