import { admissionChart } from '../charts/admission-chart';
import { chartObjects } from '../charts/chart-objects';
import { brokenRules, failing } from '../policies/finding';
import { RULES } from '../policies/rules';
import type { KubernetesObject, Plan } from '../preview/plan';
import type { Environment } from '../stacks/environment/environment';

/** Rules of the cluster that the environment's own objects break, by id. */
export function toldRules({ summary }: Plan): string[] {
  const broken = brokenRules(failing(summary.policies.findings));
  return RULES.filter(({ id, cluster }) => typeof cluster === 'object' && broken.includes(id)).map(({ id }) => id);
}

/**
 * The objects of the environment's charts. The API server would refuse those that break a rule, and there would be nothing
 * to try: in a sandbox it warns of such rules.
 */
export function triedObjects({ servingNamespace: namespace, policies }: Environment, plan: Plan): KubernetesObject[] {
  const told = toldRules(plan);
  const objects = plan.charts.flatMap((chart) => chart.objects);
  if (told.length === 0) return objects;
  const severity = { ...policies.severity, ...Object.fromEntries(told.map((id) => [id, 'warning' as const])) };
  const admission = chartObjects(admissionChart({ namespace, policies: { ...policies, severity } }));
  return [
    ...objects.filter(({ kind }) => !kind.startsWith('ValidatingAdmissionPolicy')),
    ...(admission as KubernetesObject[]),
  ];
}
