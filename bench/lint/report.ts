import Table from 'cli-table3';
import type { Style } from '../../bin/command';
import { wrap } from '../../models/text';
import { acceptedReason } from './accepted';
import type { Finding } from './linters';

/** A render with what the linters find in it. */
export interface Linted {
  readonly name: string;
  readonly ours: boolean;
  readonly objects: number;
  /** Of them, those that make pods. */
  readonly workloads: number;
  readonly findings: readonly Finding[];
}

/** How much is found in each render, by which checks, and what it is in ours. */
export function report(linted: readonly Linted[], { colours, width }: Style): string {
  const { bold } = colours;
  const [ours, theirs] = [linted.filter((each) => each.ours), linted.filter((each) => !each.ours)];
  const found = ours.flatMap(({ name, findings }) =>
    findings.map((finding) => ({ name, finding, reason: acceptedReason(name, finding) })),
  );
  const open = found.filter(({ reason }) => reason === undefined);
  const reasons = [...new Set(found.flatMap(({ reason }) => reason ?? []))];
  return [
    bold('Findings'),
    table(['render', 'objects', 'workloads', 'kube-score', 'checkov', 'accepted'], linted.map(totals), colours.dim),
    '',
    bold('Renders that fail a check'),
    table(
      ['linter', 'check', `ours of ${ours.length}`, ...(theirs.length > 0 ? [`theirs of ${theirs.length}`] : [])],
      byCheck(linted, theirs.length > 0),
      colours.dim,
    ),
    '',
    bold('Ours, to be mended'),
    open.length === 0
      ? '  none'
      : table(
          ['render', 'linter', 'check', 'object'],
          open.map(({ name, finding: { linter, check, object } }) => [name, linter, check, object]),
          colours.dim,
        ),
    '',
    bold('Ours, accepted'),
    ...reasons.flatMap((reason) => {
      const these = found.filter((each) => each.reason === reason);
      const checks = [...new Set(these.map(({ finding }) => finding.check))].join(', ');
      const [first = '', ...rest] = wrap(`${checks} in ${plural(these.length)}: ${reason}`, width - 4);
      return [`  ${first}`, ...rest.map((line) => `    ${line}`)];
    }),
    '',
  ].join('\n');
}

function plural(count: number): string {
  return count === 1 ? '1 finding' : `${count} findings`;
}

/** Of ours, without those that are accepted. */
function totals({ name, ours, objects, workloads, findings }: Linted): string[] {
  const counted = findings.filter((each) => !ours || acceptedReason(name, each) === undefined);
  const of = (linter: Finding['linter']) => String(counted.filter((each) => each.linter === linter).length);
  const accepted = ours ? String(findings.length - counted.length) : '';
  return [name, String(objects), String(workloads), of('kube-score'), of('checkov'), accepted];
}

function byCheck(linted: readonly Linted[], both: boolean): string[][] {
  const checks = new Map<string, Finding>();
  for (const { findings } of linted) for (const each of findings) checks.set(`${each.linter} ${each.check}`, each);
  const failing = (finding: Finding, ours: boolean) =>
    linted.filter(
      (each) =>
        each.ours === ours &&
        each.findings.some(({ linter, check }) => linter === finding.linter && check === finding.check),
    ).length;
  return [...checks.values()]
    .sort((a, b) => b.linter.localeCompare(a.linter) || a.check.localeCompare(b.check, 'en', { numeric: true }))
    .map((finding) => [
      finding.linter,
      finding.check,
      String(failing(finding, true)),
      ...(both ? [String(failing(finding, false))] : []),
    ]);
}

const LINES = [
  ...['top', 'top-mid', 'top-left', 'top-right'],
  ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

function table(head: readonly string[], rows: readonly string[][], dim: (text: string) => string): string {
  const made = new Table({
    head: head.map((title) => dim(title)),
    chars: Object.fromEntries(LINES.map((part) => [part, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  });
  made.push(...rows);
  return made
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n');
}
