import type { VNode } from 'preact';
import type { Finding } from '../../policies/finding';
import type { PlanDiff } from '../diff/plan-diff';
import type { Plan } from '../plan';
import { FilterBar, tally } from './filter-bar';
import { counted } from './format';
import { anchorsByUrn } from './links';
import { ListWithMore } from './more';
import { failing } from './verdict';

/** Above this many findings of one group the others are folded. */
const SHOWN = 20;
/** Above this many findings they can be filtered. */
const FILTERED = 8;

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
              what="findings"
              items={members.map((finding) => (
                <Item
                  key={`${finding.rule} ${finding.urn} ${finding.path} ${finding.message}`}
                  finding={finding}
                  target={anchors.get(finding.urn)}
                  resolved={resolved}
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
                <code>{rule}</code>
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
    : `${counted(fails, 'finding fails', 'findings fail')}: an error that nobody lets stand.`;
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

function Item(props: { finding: Finding; target: string | undefined; resolved?: true | undefined }): VNode {
  const { finding, target, resolved } = props;
  const { rule, severity, subject, path, message, fix, waiver } = finding;
  const state = resolved ? 'resolved' : waiver === undefined ? severity : 'waived';
  return (
    <li data-item data-severity={severity} data-rule={rule} class={state}>
      <p class="row-title">
        <span class={`state ${state}`}>{state}</span> <code>{rule}</code>{' '}
        <strong>{target === undefined ? subject : <a href={`#${target}`}>{subject}</a>}</strong>
      </p>
      <p>{message}</p>
      {path !== undefined && (
        <p class="quiet">
          at <code>{path}</code>
        </p>
      )}
      {resolved === undefined && (
        <p>
          <strong>Fix</strong> {fix}
        </p>
      )}
      {waiver !== undefined && (
        <p class="quiet">
          Waived by {waiver.owner} until {waiver.until}: {waiver.reason}
        </p>
      )}
    </li>
  );
}
