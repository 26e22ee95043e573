import { brokenRules, type Finding, failing, type PolicyReport } from '../policies/finding';
import type { Page } from './page';

/** Findings of one rule that say the same of several things. */
export interface Told extends Finding {
  readonly subjects: readonly string[];
}

/** Above this many things that one finding is about, the rest is counted. */
const SUBJECTS = 4;

/** What the rules say: how many nobody breaks, then each that somebody does, with the change that mends it. */
export function renderPolicies(page: Page, report: PolicyReport): void {
  page.heading('Policies', policyCounts(report));
  const { findings } = report;
  const standing = together(findings.filter(({ waiver }) => waiver === undefined));
  for (const [index, told] of standing.entries()) renderFinding(page, told, standing[index + 1]);
  for (const told of together(findings.filter(({ waiver }) => waiver !== undefined))) renderWaived(page, told);
}

/** The report in a line: `30 pass · 1 error · 2 warnings · 1 waived`. */
export function policyCounts({ rules, findings }: PolicyReport): string {
  const standing = findings.filter(({ waiver }) => waiver === undefined);
  const broken = new Set(findings.map(({ rule }) => rule));
  const count = (severity: Finding['severity']) =>
    together(standing.filter((each) => each.severity === severity)).length;
  const waived = together(findings.filter(({ waiver }) => waiver !== undefined)).length;
  return [
    `${rules.filter((rule) => !broken.has(rule)).length} pass`,
    ...counted(count('error'), 'error'),
    ...counted(count('warning'), 'warning'),
    ...(waived === 0 ? [] : [`${waived} waived`]),
  ].join(' · ');
}

/** Why a preview fails by its policies; nothing where it does not. */
export function policyFailures({ findings }: PolicyReport): string[] {
  const rules = brokenRules(failing(findings));
  return rules.length === 0 ? [] : [`policies: ${rules.join(', ')}`];
}

function counted(count: number, word: string): string[] {
  return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`];
}

/** @param next - one with the same fix tells it for both */
function renderFinding(page: Page, { rule, severity, message, fix, subjects }: Told, next: Told | undefined): void {
  page.entry(severity === 'error' ? 'x' : '!', 2, `${rule}: ${named(subjects)}: ${message}`);
  if (next?.rule !== rule || next.fix !== fix) page.entry('', 4, `fix: ${fix}`);
}

function renderWaived(page: Page, { rule, message, subjects, waiver }: Told): void {
  if (waiver === undefined) return;
  page.entry('~', 2, `${rule}: ${named(subjects)}: ${message}`);
  page.entry('', 4, `waived by ${waiver.owner} until ${waiver.until}: ${waiver.reason}`);
}

/** `Deployment a, Deployment b and 3 more`. */
export function named(subjects: readonly string[]): string {
  const more = subjects.length - SUBJECTS;
  return more > 0 ? `${subjects.slice(0, SUBJECTS).join(', ')} and ${more} more` : subjects.join(', ');
}

/** Findings that differ in what they are about alone, once, in their order. */
export function together(findings: readonly Finding[]): Told[] {
  const told = new Map<string, Told>();
  for (const finding of findings) {
    const { rule, severity, message, fix, subject, waiver } = finding;
    const key = JSON.stringify([rule, severity, message, fix, waiver]);
    const subjects = told.get(key)?.subjects ?? [];
    told.set(key, { ...finding, subjects: subjects.includes(subject) ? subjects : [...subjects, subject] });
  }
  return [...told.values()];
}
