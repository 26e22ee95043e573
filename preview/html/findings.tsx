import type { VNode } from 'preact';
import { type Finding, failing } from '../../policies/finding';
import { RULES } from '../../policies/rules';
import type { PlanDiff } from '../diff/plan-diff';
import { counted, sentence } from '../format';
import type { Plan } from '../plan';
import { FilterBar, tally } from './filter-bar';
import { anchorsByUrn } from './links';
import { ListWithMore } from './more';
import { byRule, RuleFindings } from './rule-findings';

/** Above this many rules of one group the others are folded. */
const SHOWN = 20;
/** Above this many findings they can be filtered. */
const FILTERED = 8;

const rulesById = new Map(RULES.map((rule) => [rule.id, rule]));

/** What the rules say: what fails, what is new, what stands, what somebody lets stand, and what is resolved. */
export function Findings({ plan, diff }: { readonly plan: Plan; readonly diff?: PlanDiff }): VNode {
  const { rules, findings } = plan.summary.policies;
  const groups = groupsOf(findings, diff);
  const all = groups.flatMap((group) => group.findings);
  const anchors = anchorsByUrn(plan);
  return (
    <>
      <p class="about">{summary(rules, findings)}</p>
      {all.length > FILTERED && (
        <FilterBar
          list="finding-list"
          title="Policies"
          item={['finding', 'findings']}
          count={all.length}
          choices={[
            { property: 'severity', label: 'Severity', options: tally(all.map(({ severity }) => severity)) },
            { property: 'rule', label: 'Rule', options: tally(all.map(({ rule }) => rule)) },
          ]}
        />
      )}
      <div id="finding-list">
        {groups.map(({ title, findings: members, resolved }) => (
          <div key={title} data-group-of-items>
            <h3>
              {title} <span class="count">{members.length}</span>
            </h3>
            <ListWithMore
              class="plain findings"
              shown={SHOWN}
              what="rules"
              items={byRule(members, resolved ?? false).map((group) => (
                <RuleFindings
                  key={JSON.stringify(group.findings[0])}
                  group={group}
                  rule={rulesById.get(group.findings[0].rule)}
                  anchors={anchors}
                />
              ))}
            />
          </div>
        ))}
      </div>
      {rules.length > 0 && (
        <details>
          <summary>{counted(rules.length, 'rule')} looked at</summary>
          <ul class="plain names">
            {rules.map((rule) => (
              <li key={rule}>
                {sentence(rulesById.get(rule)?.title ?? '')} <code class="quiet">{rule}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function summary(rules: readonly string[], findings: readonly Finding[]): string {
  if (rules.length === 0 && findings.length === 0) return 'No rules were looked at.';
  const fails = failing(findings).length;
  if (findings.length === 0) return 'Nothing breaks a rule.';
  return fails === 0
    ? 'Nothing fails.'
    : `${counted(fails, 'finding fails', 'findings fail')}: errors that nobody lets stand.`;
}

interface Group {
  readonly title: string;
  readonly findings: readonly Finding[];
  readonly resolved?: true;
}

function groupsOf(findings: readonly Finding[], diff: PlanDiff | undefined): readonly Group[] {
  const waived = findings.filter(({ waiver }) => waiver !== undefined);
  const counting = (among: readonly Finding[]) => among.filter(({ waiver }) => waiver === undefined);
  const groups: Group[] =
    diff === undefined
      ? [{ title: 'Findings', findings: counting(findings) }]
      : [
          { title: 'New with this change', findings: counting(diff.policies.added) },
          { title: 'Standing', findings: counting(diff.policies.standing) },
        ];
  return [
    ...groups,
    { title: 'Waived', findings: waived },
    ...(diff === undefined ? [] : [{ title: 'Resolved', findings: diff.policies.resolved, resolved: true as const }]),
  ].filter((group) => group.findings.length > 0);
}
