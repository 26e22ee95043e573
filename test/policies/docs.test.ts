import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, it } from 'vitest';
import { RULES } from '../../policies/rules';
import { policiesSchema } from '../../policies/settings';
import { WAIVER_RULES } from '../../policies/waivers';
import { ROOT } from '../support/environment-file';

const DOCS = readFileSync(join(ROOT, 'docs/policies.md'), 'utf8');

/** The rows of the table whose first column is named so, by columns. */
function table(first: string): string[][] {
  const lines = DOCS.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${first} |`)) + 2;
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith('|'));
  return lines.slice(start, end).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

it('has every rule as it is', () => {
  const rows = table('Rule').map((cells) => cells.map((cell) => cell.replaceAll('`', '')));
  const rules = RULES.map(({ id, title, severity, cluster, source }) => {
    const held = cluster === undefined ? '' : cluster === 'pod-security' ? 'Pod Security' : 'yes';
    return [id, title, severity.development, severity.production, held, source];
  });
  expect(rows).toEqual(rules);
  for (const { id } of Object.values(WAIVER_RULES)) expect(DOCS).toContain(`\`${id}\``);
});

it('has every key of the settings', () => {
  expect(table('Key').map(([key]) => key?.replaceAll('`', ''))).toEqual(Object.keys(policiesSchema.shape));
});

it('shows settings that work', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(DOCS) ?? [];
  const { 'triton-stack:policies': shown } = load(text) as Record<string, unknown>;
  expect(policiesSchema.parse(shown).waivers).toMatchObject([{ until: '2027-01-31' }]);
});
