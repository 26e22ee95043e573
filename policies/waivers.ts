import { matchesGlob } from './cel';
import type { Finding, GrantedWaiver } from './finding';
import type { PolicySettings, Waiver } from './settings';

/** What is said of waivers themselves: neither can be waived, or weigh less. */
export const WAIVER_RULES = {
  ended: {
    id: 'waiver-ended',
    title: 'no waiver is kept beyond its last day',
    severity: 'error',
    reason: 'what was let stand for a time was promised to be mended by then',
    fix: 'mend what it is for and remove it; or have its owner agree to another day',
  },
  unused: {
    id: 'waiver-unused',
    title: 'every waiver lets something stand',
    severity: 'warning',
    reason: 'one that waives nothing would let in what comes later, which nobody has looked at',
    fix: 'remove it, or mend its rule or its subject',
  },
} as const;

/** Whether a waiver still counts on a day. */
export function isLive(waiver: Waiver, today: string): boolean {
  return today <= waiver.until;
}

/** The waiver that lets a finding stand on a day; undefined where none does. */
export function waiverOf(
  finding: Pick<Finding, 'rule' | 'subject'>,
  waivers: readonly Waiver[],
  today: string,
): Waiver | undefined {
  return waivers.find((waiver) => isLive(waiver, today) && covers(waiver, finding));
}

function covers({ rule, subject = '*' }: Waiver, finding: Pick<Finding, 'rule' | 'subject'>): boolean {
  return rule === finding.rule && matchesGlob(finding.subject, subject);
}

/** Findings with the waivers that let them stand, and what is wrong with the waivers. */
export function withWaivers(
  findings: readonly Finding[],
  { waivers }: PolicySettings,
  today: string,
): readonly Finding[] {
  const used = new Set<Waiver>();
  const judged = findings.map((finding): Finding => {
    const waiver = waiverOf(finding, waivers, today);
    if (waiver === undefined) return finding;
    used.add(waiver);
    return { ...finding, waiver: granted(waiver) };
  });
  return [...judged, ...waivers.flatMap((waiver) => waiverFindings(waiver, used.has(waiver), today))];
}

function granted({ owner, reason, until }: Waiver): GrantedWaiver {
  return { owner, reason, until };
}

/** What is wrong with a waiver itself. */
export function waiverFindings(waiver: Waiver, used: boolean, today: string): Finding[] {
  const { rule, subject, owner, until } = waiver;
  const what = `the waiver of ${rule}${subject === undefined ? '' : ` for ${subject}`} by ${owner}`;
  const finding = ({ id, severity, fix }: (typeof WAIVER_RULES)['ended' | 'unused'], message: string): Finding[] => [
    { rule: id, severity, subject: 'environment', urn: '', message, fix },
  ];
  if (!isLive(waiver, today)) return finding(WAIVER_RULES.ended, `${what} ended on ${until}`);
  return used ? [] : finding(WAIVER_RULES.unused, `${what} lets nothing stand`);
}
