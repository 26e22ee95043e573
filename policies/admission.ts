import { severityOf } from './evaluate';
import { COMPONENT_LABEL, GPU_RESOURCE, LASTING, SERVER_COMPONENT } from './pods';
import type { AdmissionCheck, AdmissionRule, AdmissionTarget, Rule } from './rule';
import { RULES } from './rules';
import type { PolicySettings } from './settings';

/** Rules that the API server holds together: about the same objects, with the same consequence. */
export interface AdmissionPolicy {
  /** `pods-deny` */
  readonly name: string;
  /** `Deny` for errors; `Warn` and `Audit` for warnings, and for rules of which something is waived. */
  readonly actions: readonly ('Deny' | 'Warn' | 'Audit')[];
  readonly targets: readonly AdmissionTarget[];
  /** Annotations whose change is a change, beside that of `spec`. */
  readonly annotations: readonly string[];
  /** CEL by name, in the order in which they use each other. */
  readonly variables: Readonly<Record<string, string>>;
  /** What the rules ask for. Their messages start with the rule's id. */
  readonly checks: readonly AdmissionCheck[];
}

/** Pods and the kinds that make them. The pods of others (LeaderWorkerSets among them) are looked at when they come. */
const POD_TARGETS: readonly AdmissionTarget[] = [
  { group: '', version: 'v1', resources: ['pods', 'pods/ephemeralcontainers'] },
  { group: 'apps', version: 'v1', resources: ['deployments', 'statefulsets', 'daemonsets'] },
  { group: 'batch', version: 'v1', resources: ['jobs', 'cronjobs'] },
];

/** GPUs of the container `c`. */
const GPUS = `quantity(c.?resources.?limits['nvidia.com/gpu'].orValue('0')).asInteger()`;

const TEMPLATE = `(request.kind.kind == 'CronJob' ? dyn(object).spec.jobTemplate.spec.template : dyn(object).spec.template)`;

/** What the rules on pods say of a pod, or of what makes pods, as `pods.ts` has it. Not typed: an object is of either kind. */
const POD_VARIABLES: Readonly<Record<string, string>> = {
  pod: `request.kind.kind == 'Pod' ? dyn(object).spec : ${TEMPLATE}.spec`,
  labels: `request.kind.kind == 'Pod' ? dyn(object).metadata.?labels.orValue({}) : ${TEMPLATE}.?metadata.?labels.orValue({})`,
  owners: `dyn(object).metadata.?ownerReferences.orValue([]).filter(o, o.?controller.orValue(false))`,
  controller: `request.kind.kind != 'Pod' ? request.kind.kind : (variables.owners.size() == 0 ? '' : variables.owners[0].kind)`,
  first: 'variables.pod.containers[0]',
  inits: 'variables.pod.?initContainers.orValue([])',
  containers: 'variables.pod.containers + variables.inits + variables.pod.?ephemeralContainers.orValue([])',
  asks: `variables.containers.exists(c, c.?resources.?limits.orValue({}).exists(k, k.matches('${GPU_RESOURCE}') && string(c.resources.limits[k]) != '0'))`,
  // As the scheduler counts: what runs at a time, or the init container that asks for the most.
  together: `(variables.pod.containers + variables.inits.filter(c, c.?restartPolicy.orValue('') == 'Always')).map(c, ${GPUS}).sum()`,
  largest: `([0] + variables.inits.map(c, ${GPUS})).max()`,
  gpus: 'variables.together > variables.largest ? variables.together : variables.largest',
  server: `variables.labels[?'${COMPONENT_LABEL}'].orValue('') == '${SERVER_COMPONENT}' || (variables.asks && variables.controller in ['${LASTING.join("', '")}'])`,
};

/** What the other rules say of an object. */
const OBJECT_VARIABLES: Readonly<Record<string, string>> = {
  kind: 'request.kind.kind',
  spec: 'dyn(object).spec',
  annotations: 'dyn(object).metadata.?annotations.orValue({})',
};

type HeldRule = Rule & { readonly cluster: AdmissionRule };

function isHeld(rule: Rule): rule is HeldRule {
  return typeof rule.cluster === 'object';
}

/** The rules that the API server itself holds in an environment, as CEL says them. */
export function admissionPolicies(settings: PolicySettings): AdmissionPolicy[] {
  const waived = new Set(settings.waivers.map(({ rule }) => rule));
  const held = RULES.filter(isHeld);
  // The API server knows neither whose a waiver is nor when it ends: a preview and the engine do.
  const denies = (rule: Rule) => severityOf(rule, settings) === 'error' && !waived.has(rule.id);
  const warns = (rule: Rule) => severityOf(rule, settings) !== 'off' && !denies(rule);
  const ofPods = held.filter(({ cluster }) => cluster.targets === 'pods');
  const ofOthers = held.filter(({ cluster }) => cluster.targets !== 'pods');
  return [
    ...policy('pods-deny', ['Deny'], ofPods.filter(denies), settings),
    ...policy('pods-warn', ['Warn', 'Audit'], ofPods.filter(warns), settings),
    ...policy('exposure-deny', ['Deny'], ofOthers.filter(denies), settings),
    ...policy('exposure-warn', ['Warn', 'Audit'], ofOthers.filter(warns), settings),
  ];
}

function policy(
  name: string,
  actions: AdmissionPolicy['actions'],
  rules: readonly HeldRule[],
  settings: PolicySettings,
): AdmissionPolicy[] {
  if (rules.length === 0) return [];
  const checks = rules.flatMap(({ id, cluster }) =>
    cluster.validations(settings).map(({ expression, message }) => ({ expression, message: `'${id}: ' + ${message}` })),
  );
  const ofPods = rules.every(({ cluster }) => cluster.targets === 'pods');
  const own = rules.map(({ cluster }) => cluster.variables?.(settings) ?? {});
  const targets = rules.flatMap(({ cluster }) => (cluster.targets === 'pods' ? [] : cluster.targets));
  const variables = usedVariables(Object.assign({}, ofPods ? POD_VARIABLES : OBJECT_VARIABLES, ...own), checks);
  const annotations = [...new Set(rules.flatMap(({ cluster }) => cluster.annotations ?? []))];
  return [{ name, actions, targets: ofPods ? POD_TARGETS : [...new Set(targets)], annotations, variables, checks }];
}

function usedVariables(
  known: Readonly<Record<string, string>>,
  checks: readonly AdmissionCheck[],
): Record<string, string> {
  const used = new Set<string>();
  const visit = (expression: string): void => {
    for (const [, name = ''] of expression.matchAll(/\bvariables\.(\w+)/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(known[name] ?? '');
    }
  };
  for (const { expression, message } of checks) visit(`${expression} ${message}`);
  return Object.fromEntries(Object.entries(known).filter(([name]) => used.has(name)));
}
