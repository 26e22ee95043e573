import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import { afterEach, expect, it } from 'vitest';
import { ROOT } from './support/environment-file';

let folder = '';
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = await extractDepcruiseOptions(join(ROOT, '.dependency-cruiser.cjs'));

/** The names of the rules that a tree of these files breaks. */
async function broken(files: Record<string, string>): Promise<string[]> {
  // Below the project, so that packages are found.
  mkdirSync(join(ROOT, '.build'), { recursive: true });
  folder = mkdtempSync(join(ROOT, '.build', 'imports-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const folders = [...new Set(Object.keys(files).map((name) => name.split('/')[0] as string))];
  const { output } = await cruise(
    folders,
    { ...options, baseDir: folder, outputType: 'json' },
    options.enhancedResolveOptions,
  );
  const { summary } = JSON.parse(output as string) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

it.each<[string, Record<string, string>, string[]]>([
  ['nothing', { 'models/a.ts': 'export const a = 1;', 'charts/b.ts': "import '../models/a';" }, []],
  [
    'models that know charts',
    { 'models/a.ts': "import '../charts/b';", 'charts/b.ts': 'export {};' },
    ['models-imports-downwards'],
  ],
  [
    'constructs that know stacks',
    { 'constructs/a.ts': "import '../stacks/b';", 'stacks/b.ts': 'export {};' },
    ['constructs-imports-downwards'],
  ],
  [
    'types alone',
    { 'models/a.ts': "import type { B } from '../stacks/b';\nexport type A = B;", 'stacks/b.ts': 'export type B = 1;' },
    ['models-imports-downwards'],
  ],
  ['models that know cdk8s', { 'models/a.ts': "import 'cdk8s';" }, ['models-are-plain']],
  ['constructs that know Pulumi', { 'constructs/a.ts': "import '@pulumi/pulumi';" }, ['constructs-know-no-pulumi']],
  [
    'policies that know charts',
    { 'policies/a.ts': "import '../charts/b';", 'charts/b.ts': 'export {};' },
    ['policies-are-plain'],
  ],
  ['rules that know the engine', { 'policies/a.ts': "import '@pulumi/policy';" }, ['rules-know-no-engine']],
  ['a circle', { 'models/a.ts': "import './b';", 'models/b.ts': "import './a';" }, ['no-cycles']],
  ['a file that is not there', { 'models/a.ts': "import './none';" }, ['no-unresolvable']],
])('the import rule finds %s', async (_name, files, rules) => {
  expect(await broken(files)).toEqual(rules);
});
