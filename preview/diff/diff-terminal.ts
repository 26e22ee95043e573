import type { Style } from '../../bin/command';
import { wrap } from '../../models/text';
import { failing } from '../../policies/finding';
import { usdAMonth } from '../format';
import { resourceLabel } from '../gist';
import { Page } from '../page';
import type { Plan } from '../plan';
import { named, type Told, together } from '../policies-section';
import { isEmpty } from './diff-plans';
import type { Change, PlanDiff } from './plan-diff';
import {
  baseText,
  COST_SIZES,
  changeText,
  countsOf,
  modelLines,
  monthlyDifference,
  rolloutText,
  signOf,
  verdictLine,
} from './words';

/** Lines of a text's diff that are shown. */
const TEXT_LINES = 24;
const LABEL = 12;

/** What a change does to an environment, as a person reads it, within the width. */
export function renderDiff(plan: Plan | undefined, diff: PlanDiff, { width, colours }: Style): string {
  const page = new Page(width, colours);
  const where = plan === undefined ? [] : [plan.summary.platform, plan.summary.cluster];
  page.add([colours.bold(`triton-stack ${diff.environment}`), ...where, `against ${baseText(diff)}`].join(' · '));
  if (diff.baseFailed !== undefined) {
    page.add('');
    page.entry('!', 2, `${diff.base.name} cannot be evaluated: nothing is compared, everything is told as new`);
    for (const line of diff.baseFailed.split('\n')) page.add(`  ${colours.dim(line)}`);
  }
  if (isEmpty(diff)) {
    page.add('');
    page.add('Nothing changes.');
    return page.text();
  }
  if (diff.resources.length > 0) {
    page.heading('Cloud resources and add-ons', countsOf(diff.resources));
    grouped(
      page,
      diff.resources,
      ({ group }) => group,
      ({ type, name }) => resourceLabel({ type, name }),
    );
  }
  if (diff.objects.length > 0) {
    page.heading('Kubernetes objects', countsOf(diff.objects));
    grouped(
      page,
      diff.objects,
      ({ chart }) => chart,
      ({ kind, name, chart }) => `${kind}${name === chart ? '' : ` ${name}`}`,
    );
  }
  if (diff.rollouts.length > 0) {
    page.heading('Pods that are started anew', `${diff.rollouts.length}`);
    for (const rollout of diff.rollouts) {
      page.add(`${rollout.kind} ${rollout.name}`);
      page.entry('', 2, rolloutText(rollout), '  ');
    }
  }
  if (diff.models.length > 0) page.heading('Models', `${diff.models.length}`);
  for (const model of diff.models) {
    page.add(model.name);
    for (const line of modelLines(model)) page.entry('', 2, line, '  ');
  }
  renderCost(page, diff);
  renderVersions(page, diff);
  renderPolicies(page, diff);
  page.heading('Summary');
  for (const line of wrap(verdictLine(diff), width)) page.add(line);
  return page.text();
}

function grouped<T extends Change>(
  page: Page,
  changes: readonly T[],
  groupOf: (change: T) => string,
  labelOf: (change: T) => string,
): void {
  let group: string | undefined;
  for (const change of changes) {
    if (groupOf(change) !== group) {
      group = groupOf(change);
      page.add(group);
    }
    renderChange(page, change, labelOf(change));
  }
}

function renderChange(page: Page, change: Change, label: string): void {
  const { colours } = page;
  const { action, formerName, fields, consequences, gist } = change;
  const paint = {
    create: colours.green,
    update: colours.yellow,
    replace: colours.magenta,
    rename: colours.yellow,
    delete: colours.red,
  };
  const was = formerName === undefined ? '' : `was ${formerName}`;
  const said = { create: gist, update: '', replace: 'is replaced', rename: was, delete: gist }[action];
  page.entry(
    `  ${paint[action](signOf(action))} ${label}`,
    Math.min(label.length + 6, page.width - 20),
    said,
    '      ',
  );
  for (const field of fields) {
    if (field.text === undefined) below(page, field.path, `${changeText(field)}${field.replaces ? FORCES : ''}`);
  }
  for (const { path, text, replaces } of fields)
    if (text !== undefined) renderText(page, path, text, replaces === true);
  for (const { kind, text } of consequences) {
    page.entry(`      ! ${kind}`, kind.length + 10, text, ' '.repeat(8));
  }
}

const FORCES = '  (forces the replacement)';

/** A field and what becomes of it: on one line where that has room for both, else below each other. */
function below(page: Page, path: string, text: string): void {
  const label = `      ${path}`;
  if (label.length + 2 + text.length <= page.width) page.entry(label, label.length + 2, text);
  else {
    page.add(label);
    page.entry('', 8, text, ' '.repeat(8));
  }
}

function renderText(page: Page, path: string, text: string, replaces: boolean): void {
  const { colours } = page;
  page.add(`      ${path}${replaces ? colours.dim(FORCES) : ''}`);
  const lines = text.split('\n');
  for (const line of lines.slice(0, TEXT_LINES)) {
    const cut = line.slice(0, Math.max(20, page.width - 8));
    const paint = line.startsWith('+') ? colours.green : line.startsWith('-') ? colours.red : colours.dim;
    page.add(`        ${paint(cut)}`);
  }
  page.rest(lines.length - TEXT_LINES, 'lines');
}

function renderCost(page: Page, { cost: { before, after } }: PlanDiff): void {
  if (before === undefined && after === undefined) return;
  page.heading('Cost a month', 'of nodes, their disks and the cluster');
  for (const [size, meaning] of COST_SIZES) {
    const [old, now] = [before?.[size], after?.[size]].map((usd) => (usd === undefined ? 'none' : usdAMonth(usd)));
    const change = old === now ? `${now}, as before` : `${old} → ${now} (${monthlyDifference(before, after, size)})`;
    page.entry(`  ${size}`, LABEL, `${change}: ${meaning}`);
  }
}

function renderVersions(page: Page, { versions }: PlanDiff): void {
  if (versions.length === 0) return;
  page.heading('Versions', `${versions.length}`);
  for (const { kind, name, before, after } of versions)
    below(page, `${kind} ${name}`, changeText({ path: name, before, after }));
}

function renderPolicies(page: Page, { policies: { added, resolved, standing } }: PlanDiff): void {
  const stillFailing = failing(standing);
  if (added.length + resolved.length + stillFailing.length === 0) return;
  const counts = [`${added.length} new`, `${resolved.length} resolved`, `${standing.length} as before`];
  page.heading('Policies', counts.join(' · '));
  for (const told of together(added)) renderFinding(page, 'new', told);
  for (const told of together(stillFailing)) renderFinding(page, 'standing', told);
  for (const { rule, subjects } of together(resolved))
    page.entry(`  ✓ ${rule}`, rule.length + 6, `resolved: ${named(subjects)}`, '    ');
}

function renderFinding(page: Page, when: string, { rule, severity, subjects, message, fix, waiver }: Told): void {
  const { colours } = page;
  const mark = waiver === undefined && severity === 'error' ? colours.red('x') : colours.yellow('!');
  page.entry(`  ${mark}`, 4, `${rule} (${when}): ${named(subjects)}: ${message}`, '    ');
  page.entry('', 6, `fix: ${fix}`, '      ');
  if (waiver !== undefined) {
    page.entry('', 6, `waived by ${waiver.owner} until ${waiver.until}: ${waiver.reason}`, '      ');
  }
}
