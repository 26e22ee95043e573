import type { Severity } from './finding';
import type { PolicyResource } from './resource';
import type { PolicySettings } from './settings';

/** What an environment is for: rules are stricter where others depend on it. */
export type Profile = 'development' | 'production';

/** One thing that breaks a rule. */
export interface Violation {
  /** The field: `spec.template.spec.containers[0].image`. */
  readonly path?: string;
  /** What is wrong, with the value found. */
  readonly message: string;
  /** @default the rule's own */
  readonly fix?: string;
}

/** A violation that a look at everything has found. */
export interface StackViolation extends Violation {
  /** What breaks the rule. @default the whole environment */
  readonly resource?: PolicyResource;
}

interface Described {
  /** Kebab-case; what settings, waivers and reports call it. */
  readonly id: string;
  /** What holds where nobody breaks it. */
  readonly title: string;
  /** How much it weighs where an environment does not say otherwise. */
  readonly severity: Readonly<Record<Profile, Severity | 'off'>>;
  readonly reason: string;
  /** The change that mends it. */
  readonly fix: string;
  /** The document that the rule comes from. */
  readonly source: string;
  /**
   * How the API server holds it: by an expression, or by the Pod Security level of the namespace.
   *
   * @default - it does not: the rule is about the cloud, or about several objects together
   */
  readonly cluster?: AdmissionRule | 'pod-security';
}

/** A rule that looks at one resource at a time. */
export interface ResourceRule extends Described {
  readonly check: (resource: PolicyResource, settings: PolicySettings) => readonly Violation[];
}

/** A rule about several resources together. */
export interface StackRule extends Described {
  readonly checkAll: (resources: readonly PolicyResource[], settings: PolicySettings) => readonly StackViolation[];
}

export type Rule = ResourceRule | StackRule;

export function isStackRule(rule: Rule): rule is StackRule {
  return 'checkAll' in rule;
}

/** Objects that an admission rule looks at. */
export interface AdmissionTarget {
  readonly group: string;
  readonly version: string;
  /** Plural, as in paths of the API. */
  readonly resources: readonly string[];
}

/** A rule in CEL, as a ValidatingAdmissionPolicy says it. */
export interface AdmissionRule {
  /** `pods`: pods, and workloads that make them, which the variables of `admission.ts` are about. */
  readonly targets: 'pods' | readonly AdmissionTarget[];
  /** Annotations that it looks at: what is there already is looked at again when one of them changes. @default none */
  readonly annotations?: readonly string[];
  /** CEL by the names that other expressions use, beside those of pods. */
  readonly variables?: (settings: PolicySettings) => Readonly<Record<string, string>>;
  /** CEL that holds for what is let in, and CEL for what is said to what is not. */
  readonly validations: (settings: PolicySettings) => readonly AdmissionCheck[];
}

export interface AdmissionCheck {
  readonly expression: string;
  /** CEL of a text. */
  readonly message: string;
}
