import type { EnforcementLevel, PolicyPackArgs, ReportViolation } from '@pulumi/policy';
import { findingsOf, severityOf } from '../evaluate';
import type { Finding, Severity } from '../finding';
import type { PolicyResource } from '../resource';
import { isStackRule, type ResourceRule, type StackRule } from '../rule';
import { RULES } from '../rules';
import type { PolicySettings, Waiver } from '../settings';
import { WAIVER_RULES, waiverFindings, waiverOf } from '../waivers';
import { type EngineResource, policyResource, secretPaths } from './engine-resource';

type Policies = Exclude<PolicyPackArgs['policies'], undefined>;
type Policy = Policies[number];

export interface PackOptions {
  readonly settings: PolicySettings;
  /** The day that waivers are judged by. */
  readonly today: string;
  /** Why the settings are not those of a stack. */
  readonly missing?: string;
}

/** The level of a rule's findings. A mandatory one stops the engine. */
const LEVELS: Readonly<Record<Severity | 'off', EnforcementLevel>> = {
  error: 'mandatory',
  warning: 'advisory',
  off: 'disabled',
};

/** The policy that keeps account of secrets: it runs as the engine's first pass over a resource. */
const SECRETS_RULE = 'secret-reference';

/** The rules as policies of a pack, with those on waivers and on settings last: by then all findings are known. */
export function packPolicies(options: PackOptions): Policies {
  const pack = new Pack(options);
  return [...RULES.map((rule) => (isStackRule(rule) ? pack.stack(rule) : pack.resource(rule))), ...pack.last()];
}

class Pack {
  /** Resources as the program registers them, by URN: at the end the engine tells what the providers made of them. */
  private readonly registered = new Map<string, PolicyResource>();
  private readonly secrets = new Map<string, readonly (readonly string[])[]>();
  private readonly used = new Set<Waiver>();

  constructor(private readonly options: PackOptions) {}

  resource(rule: ResourceRule): Policy {
    const { settings } = this.options;
    const severity = severityOf(rule, settings);
    return {
      ...described(rule),
      enforcementLevel: LEVELS[severity],
      validateResource: (args, report) => {
        if (severity === 'off') return;
        this.tell(findingsOf(rule, [this.register(args)], settings), report);
      },
      // Of all passes over a resource this one alone knows which of its arguments are secrets. It changes nothing.
      ...(rule.id === SECRETS_RULE &&
        severity !== 'off' && {
          enforcementLevel: 'remediate' as const,
          remediateResource: ({ urn, props }) => {
            this.secrets.set(urn, secretPaths(props));
          },
        }),
    };
  }

  stack(rule: StackRule): Policy {
    const { settings } = this.options;
    const severity = severityOf(rule, settings);
    return {
      ...described(rule),
      enforcementLevel: LEVELS[severity],
      validateStack: ({ resources }, report) => {
        if (severity === 'off') return;
        const known = resources.map((each) => this.registered.get(each.urn) ?? policyResource(each, []));
        this.tell(findingsOf(rule, known, settings), report);
      },
    };
  }

  last(): Policy[] {
    const { settings, today, missing } = this.options;
    const { ended, unused } = WAIVER_RULES;
    const all = () => settings.waivers.flatMap((waiver) => waiverFindings(waiver, this.used.has(waiver), today));
    return [
      ...[ended, unused].map(
        (rule): Policy => ({
          ...described(rule),
          enforcementLevel: LEVELS[rule.severity],
          validateStack: (_args, report) =>
            this.tell(
              all().filter((each) => each.rule === rule.id),
              report,
            ),
        }),
      ),
      {
        name: 'policy-settings',
        description: 'the rules go by the settings of a stack',
        enforcementLevel: 'advisory',
        validateStack: (_args, report) => {
          if (missing !== undefined) report(missing);
        },
      },
    ];
  }

  /** What every rule that looks at resources is asked about once: the first keeps it for the others. */
  private register(resource: EngineResource): PolicyResource {
    const known = policyResource(resource, this.secrets.get(resource.urn) ?? []);
    this.registered.set(resource.urn, known);
    return known;
  }

  private tell(findings: readonly Finding[], report: ReportViolation): void {
    const { settings, today } = this.options;
    for (const finding of findings) {
      const waiver = waiverOf(finding, settings.waivers, today);
      if (waiver !== undefined) this.used.add(waiver);
      (report as unknown as ReportFinding)({
        message: worded(finding, waiver),
        ...(finding.urn !== '' && { urn: finding.urn }),
        // Of its own, whatever --policy-pack-config says: the stack's settings decide.
        enforcementLevel: waiver === undefined ? LEVELS[finding.severity] : 'advisory',
      });
    }
  }
}

/** What the SDK takes beside a text (@pulumi/policy, server.js, makeReportViolationFun). */
type ReportFinding = (violation: {
  readonly message: string;
  readonly urn?: string;
  readonly enforcementLevel: EnforcementLevel;
}) => void;

function described({ id, title, fix }: { readonly id: string; readonly title: string; readonly fix: string }) {
  return { name: id, description: title, remediationSteps: fix };
}

function worded({ subject, path, message, fix }: Finding, waiver: Waiver | undefined): string {
  const what = `${subject}${path === undefined ? '' : `, ${path}`}: ${message}`;
  return waiver === undefined
    ? `${what}\nfix: ${fix}`
    : `${what}\nwaived by ${waiver.owner} until ${waiver.until}: ${waiver.reason}`;
}
