import { failing } from '../../policies/finding';
import { usdAMonth } from '../format';
import { resourceLabel } from '../gist';
import type { Plan } from '../plan';
import { named, type Told, together } from '../policies-section';
import { isEmpty } from './diff-plans';
import type { Change, PlanDiff } from './plan-diff';
import {
  ACTIONS,
  baseText,
  COST_SIZES,
  changeText,
  consequencesIn,
  countsOf,
  modelLines,
  monthlyDifference,
  rolloutText,
  signOf,
  trimmed,
  valueText,
  verdictLine,
  wordOf,
} from './words';

/** Characters of a comment that GitHub takes (`body is too long (maximum is 65536 characters)`). */
export const COMMENT_LIMIT = 65_536;
/** Lines of a text's diff that are shown. */
const TEXT_LINES = 60;

export interface MarkdownOptions {
  /** Most characters. What goes beyond is left out, and the text says so. @default {@link COMMENT_LIMIT} */
  readonly limit?: number;
}

/**
 * What a change does to an environment, as a comment on a pull request: what weighs most in front, details folded.
 *
 * Where it grows too long, details go first, those of the least weight before others.
 */
export function renderMarkdown(
  plan: Plan | undefined,
  diff: PlanDiff,
  { limit = COMMENT_LIMIT }: MarkdownOptions = {},
): string {
  const head = [heading(plan, diff), ...(isEmpty(diff) ? ['Nothing changes.'] : [`**${plain(verdictLine(diff))}**`])];
  if (diff.baseFailed !== undefined) {
    head.push(
      `> [!WARNING]\n> ${code(diff.base.name)} cannot be evaluated: nothing is compared, everything is told as new.`,
      fence('text', diff.baseFailed),
    );
  }
  const sections = isEmpty(diff)
    ? []
    : [
        ...consequences(diff),
        ...findings(diff),
        ...restarts(diff),
        ...cost(diff),
        ...models(diff),
        ...versions(diff),
        ...details(
          'Cloud resources and add-ons',
          diff.resources,
          ({ type, name, group }) => `${group}: ${resourceLabel({ type, name })}`,
        ),
        ...details(
          'Kubernetes objects',
          diff.objects,
          ({ kind, name, chart }) => `${chart}: ${kind}${name === chart ? '' : ` ${name}`}`,
        ),
        ...standing(diff),
      ];
  return fitted(head, sections, limit);
}

/** A part of the comment: what stands open, and blocks that can be left out one by one. */
interface Section {
  readonly title: string;
  readonly blocks: readonly string[];
  /** There, blocks are folded below this summary. */
  readonly folded?: string;
}

/** As many blocks as the limit allows, in their order: what is left out is counted. */
function fitted(head: readonly string[], sections: readonly Section[], limit: number): string {
  const pointer = '\n\n_Longer than a comment may be: the HTML report and the JSON have all of it._\n';
  const count = sections.reduce((sum, { blocks }) => sum + blocks.length, 0);
  const whole = assembled(head, sections, count);
  if (whole.length <= limit) return whole;
  // The most blocks that fit: halving, since every text but the last is longer than the one before.
  let fits = 0;
  let tooMany = count;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (assembled(head, sections, middle).length + pointer.length <= limit) fits = middle;
    else tooMany = middle;
  }
  const text = `${assembled(head, sections, fits).trimEnd()}${pointer}`;
  return text.length <= limit ? text : `${text.slice(0, Math.max(0, limit - pointer.length))}${pointer}`;
}

function assembled(head: readonly string[], sections: readonly Section[], blocks: number): string {
  let left = blocks;
  const parts = [...head];
  for (const { title, blocks: all, folded } of sections) {
    const shown = all.slice(0, left);
    left -= shown.length;
    const rest = all.length - shown.length;
    const body = [...shown, ...(rest > 0 ? [`_... and ${rest} more_`] : [])].join('\n\n');
    if (folded === undefined) parts.push(`### ${title}`, body);
    else parts.push(`<details><summary><b>${title}</b> · ${folded}</summary>\n\n${body}\n\n</details>`);
  }
  return `${parts.join('\n\n')}\n`;
}

function heading(plan: Plan | undefined, diff: PlanDiff): string {
  const where = plan === undefined ? '' : ` · ${plan.summary.platform} · ${plain(plan.summary.cluster)}`;
  return `## triton-stack ${plain(diff.environment)}${where}\n\nAgainst ${code(baseText(diff))}, found out offline.`;
}

function consequences(diff: PlanDiff): Section[] {
  const lines = consequencesIn(diff).map(({ kind, text, of }) => `- **${kind}** ${code(of)}: ${plain(text)}`);
  return lines.length === 0
    ? []
    : [{ title: 'What is lost or interrupted', blocks: lines.length > 12 ? lines : [lines.join('\n')] }];
}

function restarts({ rollouts }: PlanDiff): Section[] {
  if (rollouts.length === 0) return [];
  const lines = rollouts.map((each) => `- ${code(`${each.kind} ${each.name}`)}: ${rolloutText(each)}`);
  return [{ title: 'Pods that are started anew', blocks: [lines.join('\n')] }];
}

function cost({ cost: { before, after } }: PlanDiff): Section[] {
  if (before === undefined && after === undefined) return [];
  if (COST_SIZES.every(([size]) => before?.[size] === after?.[size])) return [];
  const rows = COST_SIZES.map(([size, meaning]) => [
    `${size}: ${meaning}`,
    before === undefined ? 'none' : usdAMonth(before[size]),
    after === undefined ? 'none' : usdAMonth(after[size]),
    monthlyDifference(before, after, size),
  ]);
  return [{ title: 'Cost a month', blocks: [table(['', 'before', 'after', 'difference'], rows, [1, 2, 3])] }];
}

function models({ models: changes }: PlanDiff): Section[] {
  if (changes.length === 0) return [];
  const blocks = changes.map((model) =>
    [`**${plain(model.name)}**`, ...modelLines(model).map((line) => `- ${plain(line)}`)].join('\n'),
  );
  return [{ title: 'Models', blocks }];
}

function versions({ versions: changes }: PlanDiff): Section[] {
  if (changes.length === 0) return [];
  const rows = changes.map(({ kind, name, before, after }) => [
    kind,
    code(name),
    before.map(code).join(', ') || 'none',
    after.map(code).join(', ') || 'none',
  ]);
  return [{ title: 'Versions', blocks: [table(['', 'of', 'before', 'after'], rows)] }];
}

function findings({ policies: { added, standing: old, resolved } }: PlanDiff): Section[] {
  const blocks = [
    ...together(added).map((told) => findingText('new', told)),
    ...together(failing(old)).map((told) => findingText('as before', told)),
    ...together(resolved).map(({ rule, subjects }) => `- resolved ${code(rule)}, ${code(named(subjects))}`),
  ];
  return blocks.length === 0 ? [] : [{ title: 'Policies', blocks: blocks.length > 12 ? blocks : [blocks.join('\n')] }];
}

/** Warnings and waived findings that were there before: told, folded. */
function standing({ policies: { standing: old } }: PlanDiff): Section[] {
  const rest = old.filter(({ severity, waiver }) => severity === 'warning' || waiver !== undefined);
  if (rest.length === 0) return [];
  return [
    {
      title: 'Policies as before',
      folded: `${rest.length}`,
      blocks: together(rest).map((told) => findingText('as before', told)),
    },
  ];
}

function findingText(when: string, { rule, severity, subjects, message, fix, waiver }: Told): string {
  const waived =
    waiver === undefined ? '' : ` _Waived until ${waiver.until} by ${plain(waiver.owner)}: ${plain(waiver.reason)}._`;
  const weight = waiver === undefined ? `**${severity}**` : 'waived';
  return `- ${weight} ${code(rule)}, ${when}, ${code(named(subjects))}: ${plain(message)}. Fix: ${plain(fix)}${waived}`;
}

/** What becomes of each, the weightiest first: what is left out of a comment that grows too long are new objects. */
function details<T extends Change>(title: string, changes: readonly T[], labelOf: (change: T) => string): Section[] {
  if (changes.length === 0) return [];
  const blocks = ACTIONS.flatMap(([action]) =>
    changes.filter((change) => change.action === action).map((change) => changeBlock(change, labelOf(change))),
  );
  return [{ title, folded: countsOf(changes), blocks }];
}

function changeBlock({ action, formerName, fields, consequences: told, gist }: Change, label: string): string {
  const was = formerName === undefined ? '' : `, was ${code(formerName)}`;
  const what = (action === 'create' || action === 'delete') && gist !== '' ? `: ${plain(gist)}` : '';
  const lines = [`${code(signOf(action))} **${plain(label)}** ${wordOf(action)}${was}${what}`];
  const short = fields.filter(({ text }) => text === undefined);
  if (short.length > 0) {
    const rows = short.map((field) => [
      `${code(field.path)}${field.replaces ? ' **forces the replacement**' : ''}`,
      ...(Array.isArray(field.before) && Array.isArray(field.after)
        ? ['', code(changeText(field))]
        : trimmed(field.before, field.after).map(valueCell)),
    ]);
    lines.push('', table(['field', 'before', 'after'], rows));
  }
  for (const { path, text } of fields) {
    if (text === undefined) continue;
    const all = text.split('\n');
    const cut =
      all.length > TEXT_LINES ? [...all.slice(0, TEXT_LINES), `... ${all.length - TEXT_LINES} more lines`] : all;
    lines.push('', code(path), fence('diff', cut.join('\n')));
  }
  for (const { kind, text } of told) lines.push('', `**${kind}**: ${plain(text)}`);
  return lines.join('\n');
}

function valueCell(value: unknown): string {
  return value === undefined ? '' : code(valueText(value));
}

/** A table; columns of figures stand to the right. */
function table(titles: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = titles.map((_, index) => (right.includes(index) ? '---:' : '---'));
  return [line(titles), line(rule), ...rows.map(line)].join('\n');
}

/** Code on a line, whatever it holds: as many backticks around as it takes. */
function code(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const ticks = '`'.repeat(Math.max(0, ...runs.map(({ length }) => length)) + 1);
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${ticks}${pad}${text.replace(/\s*\n\s*/g, ' ')}${pad}${ticks}`;
}

function fence(language: string, text: string): string {
  const runs = text.match(/`{3,}/g) ?? [];
  const ticks = '`'.repeat(Math.max(2, ...runs.map(({ length }) => length)) + 1);
  return `${ticks}${language}\n${text}\n${ticks}`;
}

/** Text that Markdown and HTML take as text, and that mentions nobody. */
function plain(text: string): string {
  return text
    .replace(/\s*\n\s*/g, ' ')
    .replace(/[\\`*_{}[\]<>#|~]/g, (each) => `\\${each}`)
    .replaceAll('\\<', '&lt;')
    .replaceAll('\\>', '&gt;')
    .replace(/@(?=\w)/g, '@\u200b');
}
