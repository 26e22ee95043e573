/** How much a rule weighs: an `error` fails the preview and stops the engine, a `warning` is told. */
export type Severity = 'error' | 'warning';

/** Who lets a finding stand, why, and until when. */
export interface GrantedWaiver {
  readonly owner: string;
  readonly reason: string;
  /** The last day on which it counts: `2026-12-31`. */
  readonly until: string;
}

/** One thing that breaks a rule. */
export interface Finding {
  /** The rule's id: `image-digest`. */
  readonly rule: string;
  readonly severity: Severity;
  /** What breaks it, in words: `NodePool l4`, `Deployment triton/triton-resnet50`; `environment` where it is the whole. */
  readonly subject: string;
  /** URN of what breaks it; empty where it is the whole environment. */
  readonly urn: string;
  /** The field, from the resource's arguments or the object: `spec.template.spec.containers[0].image`. */
  readonly path?: string;
  /** What is wrong, with the value found. */
  readonly message: string;
  /** The change that mends it. */
  readonly fix: string;
  /** There, the finding is told and does not fail. */
  readonly waiver?: GrantedWaiver;
}

/** Findings that fail: errors that nobody lets stand. */
export function failing(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ severity, waiver }) => severity === 'error' && waiver === undefined);
}

/** Ids of the rules that findings are of, each once. */
export function brokenRules(findings: readonly Finding[]): readonly string[] {
  return [...new Set(findings.map(({ rule }) => rule))];
}

/** What the rules say of an environment. */
export interface PolicyReport {
  /** Ids of all rules that were looked at, sorted. */
  readonly rules: readonly string[];
  /** Errors first, then by rule and subject. */
  readonly findings: readonly Finding[];
}
