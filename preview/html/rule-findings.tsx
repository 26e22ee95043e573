import type { VNode } from 'preact';
import type { Finding } from '../../policies/finding';
import type { Rule } from '../../policies/rule';
import { counted, sentence } from '../format';
import { ListWithMore } from './more';

/** Above this many findings of one rule the others are folded. */
const SHOWN = 6;

/** Findings of one rule that one change mends, or that one waiver lets stand. */
export interface RuleGroup {
  readonly state: 'error' | 'warning' | 'waived' | 'resolved';
  readonly findings: readonly [Finding, ...Finding[]];
}

/** Puts findings together that say the same of several things; the order is that of the first of each. */
export function byRule(findings: readonly Finding[], resolved: boolean): RuleGroup[] {
  const groups = new Map<string, [Finding, ...Finding[]]>();
  for (const finding of findings) {
    const { rule, severity, fix, waiver } = finding;
    const key = JSON.stringify([rule, severity, fix, waiver]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()].map((members) => ({ state: stateOf(members[0], resolved), findings: members }));
}

function stateOf({ severity, waiver }: Finding, resolved: boolean): RuleGroup['state'] {
  if (resolved) return 'resolved';
  return waiver === undefined ? severity : 'waived';
}

/** The rule and its fix once, and below each thing that breaks it. */
export function RuleFindings(props: {
  readonly group: RuleGroup;
  /** Undefined where the rule is another's. */
  readonly rule: Rule | undefined;
  /** Where things stand in the page, by URN. */
  readonly anchors: ReadonlyMap<string, string>;
}): VNode {
  const { group, rule, anchors } = props;
  const { state, findings } = group;
  const [{ rule: id, fix, waiver }] = findings;
  return (
    <li data-group-of-items class={state}>
      <p class="row-title">
        <span class={`state ${state}`}>{state}</span> {rule !== undefined && <strong>{sentence(rule.title)}</strong>}{' '}
        <code class="quiet">{id}</code>{' '}
        {findings.length > 1 && <span class="count">{counted(findings.length, 'time')}</span>}
      </p>
      <div class="about-rule">
        {rule !== undefined && <p class="quiet">{sentence(rule.reason)}.</p>}
        {state !== 'resolved' && (
          <p>
            <strong>Fix</strong> {fix}
          </p>
        )}
        {waiver !== undefined && (
          <p>
            <strong>Waived</strong> by {waiver.owner} until {waiver.until}: {waiver.reason}
          </p>
        )}
        <ListWithMore
          class="plain breaches"
          shown={SHOWN}
          what="findings"
          items={findings.map((finding) => (
            <Breach
              key={`${finding.urn} ${finding.path} ${finding.message}`}
              finding={finding}
              target={anchors.get(finding.urn)}
            />
          ))}
        />
      </div>
    </li>
  );
}

function Breach({ finding, target }: { readonly finding: Finding; readonly target: string | undefined }): VNode {
  const { rule, severity, subject, path, message } = finding;
  return (
    <li data-item data-severity={severity} data-rule={rule}>
      {target === undefined ? subject : <a href={`#${target}`}>{subject}</a>}: {message}
      {path !== undefined && (
        <span class="quiet">
          at <code>{path}</code>
        </span>
      )}
    </li>
  );
}
