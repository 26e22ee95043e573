import { type Finding, failing, type PolicyReport, type Severity } from './finding';
import { type PolicyResource, subjectOf } from './resource';
import { isStackRule, type Rule, type StackViolation } from './rule';
import { RULES } from './rules';
import type { PolicySettings } from './settings';
import { WAIVER_RULES, withWaivers } from './waivers';

/** How much a rule weighs in an environment. */
export function severityOf(rule: Rule, { profile, severity }: PolicySettings): Severity | 'off' {
  return severity[rule.id] ?? rule.severity[profile];
}

/** The rules that an environment looks at. */
export function rulesOf(settings: PolicySettings): readonly Rule[] {
  return RULES.filter((rule) => severityOf(rule, settings) !== 'off');
}

/**
 * What all rules say of an environment's resources.
 *
 * @param today - the day that waivers are judged by, `YYYY-MM-DD`: the same input gives the same answer
 */
export function evaluate(resources: readonly PolicyResource[], settings: PolicySettings, today: string): PolicyReport {
  const rules = rulesOf(settings);
  const findings = rules.flatMap((rule) => findingsOf(rule, resources, settings));
  return {
    rules: [...rules.map(({ id }) => id), ...Object.values(WAIVER_RULES).map(({ id }) => id)].sort(),
    findings: [...withWaivers(findings, settings, today)].sort(byWeight),
  };
}

/** What one rule says, whatever has been waived. */
export function findingsOf(rule: Rule, resources: readonly PolicyResource[], settings: PolicySettings): Finding[] {
  const violations: readonly StackViolation[] = isStackRule(rule)
    ? rule.checkAll(resources, settings)
    : resources.flatMap((resource) => rule.check(resource, settings).map((violation) => ({ ...violation, resource })));
  const severity = severityOf(rule, settings) as Severity;
  return violations.map(({ resource, path, message, fix }) => ({
    rule: rule.id,
    severity,
    subject: resource === undefined ? 'environment' : subjectOf(resource),
    urn: resource?.urn ?? '',
    ...(path !== undefined && { path }),
    message,
    fix: fix ?? rule.fix,
  }));
}

/** Whether a report fails: an error that nobody has let stand. */
export function fails({ findings }: PolicyReport): boolean {
  return failing(findings).length > 0;
}

const WEIGHT: Readonly<Record<Severity, number>> = { error: 0, warning: 1 };

function byWeight(a: Finding, b: Finding): number {
  const texts = (finding: Finding) => [finding.rule, finding.subject, finding.path ?? '', finding.message].join('\n');
  return WEIGHT[a.severity] - WEIGHT[b.severity] || (texts(a) < texts(b) ? -1 : 1);
}
