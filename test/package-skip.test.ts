import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { App } from 'cdk8s';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalog } from '../models/catalog';
import { nimLlama31 } from '../models/catalog/nim-llama-3.1-8b';
import { ROOT } from './support/environment-file';

const EXAMPLES = readdirSync(join(ROOT, 'examples')).map((file) => file.replace(/\.ts$/, ''));

/** Renders each example, and tells what was loaded for it. */
const RENDER = `
  const objects = (module) => Object.values(module)[0]().charts.flatMap((chart) => chart.toJson());
  const report = (examples) => console.log(JSON.stringify({ examples, loaded: Object.keys(require.cache) }));
  const names = process.argv.slice(2);`;
const PROGRAMS = {
  module: `
  import { createRequire } from 'node:module';
  const require = createRequire(import.meta.url);${RENDER}
  const examples = {};
  for (const name of names) examples[name] = objects(await import('./' + name + '.js'));
  report(examples);`,
  commonjs: `${RENDER}
  report(Object.fromEntries(names.map((name) => [name, objects(require('./' + name + '.js'))])));`,
};
const FORMATS = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[];

/** What the declarations have to refuse. */
const REFUSED = `
  import type { Platform } from 'triton-stack/constructs';
  import type { Model } from 'triton-stack/models';
  // @ts-expect-error: no such platform
  export const platform: Platform = 'aws';
  // @ts-expect-error: a description becomes a model by defineModel alone
  export const model: Model = { name: 'm', accelerator: 'nvidia-l4', scale: { min: 1, max: 1 } };
`;

/** Whether CommonJS and ESM, and both entries, share one copy. */
const COPIES = `
  import { createRequire } from 'node:module';
  import { App } from 'cdk8s';
  import { QueueAutoscaler } from 'triton-stack/constructs';
  import * as models from 'triton-stack/models';
  let thrown;
  try {
    const server = { name: 'triton-m', scale: { min: 1, max: 1 }, queueMetric: undefined };
    new QueueAutoscaler(new App(), 'autoscaler', { server });
  } catch (error) {
    thrown = error;
  }
  const formats = createRequire(import.meta.url)('triton-stack/models').defineModel === models.defineModel;
  console.log(JSON.stringify({ formats, errors: thrown instanceof models.InputError }));
`;

/**
 * The settings of `cdk8s init typescript-app` (cdk8s-team/cdk8s-cli, templates/typescript-app/tsconfig.json), under which
 * TypeScript before 6 resolves packages without their `exports`.
 */
const CDK8S_TEMPLATE = {
  module: 'CommonJS',
  target: 'ES2017',
  lib: ['es2016'],
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
  moduleResolution: 'node10',
  ignoreDeprecations: '6.0',
  noEmit: true,
  skipLibCheck: true,
};

/** A project of somebody's own, that has the package, what it asks for, and no more. */
class Project {
  readonly installed: string;
  readonly manifest: Record<'dependencies' | 'peerDependencies', Record<string, string>>;

  constructor(readonly folder: string) {
    this.installed = join(folder, 'node_modules', 'triton-stack');
    run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
    const [archive] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
    mkdirSync(this.installed, { recursive: true });
    run('tar', ['-xzf', join(folder, archive ?? ''), '-C', this.installed, '--strip-components=1'], folder);
    this.manifest = JSON.parse(readFileSync(join(this.installed, 'package.json'), 'utf8'));
    for (const name of this.declared) {
      const link = join(folder, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), link);
    }
    for (const format of FORMATS) this.writeProgram(format);
  }

  get declared(): string[] {
    return Object.keys({ ...this.manifest.dependencies, ...this.manifest.peerDependencies });
  }

  /** The examples, as they stand in somebody's own program. */
  private writeProgram(format: keyof typeof PROGRAMS): void {
    const folder = join(this.folder, format);
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: format }));
    writeFileSync(join(folder, 'run.js'), PROGRAMS[format]);
    writeFileSync(join(folder, 'refused.ts'), REFUSED);
    for (const name of EXAMPLES) {
      const source = readFileSync(join(ROOT, 'examples', `${name}.ts`), 'utf8');
      writeFileSync(
        join(folder, `${name}.ts`),
        source.replace(/'\.\.\/(constructs|models)[^']*'/g, "'triton-stack/$1'"),
      );
    }
  }

  /** Compiles the programs; returns the files that the compiler read. */
  compile(compiler: string, settings: object, include: readonly string[]): string[] {
    const compilerOptions = { strict: true, skipLibCheck: false, types: [], ...settings };
    writeFileSync(join(this.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
    const tsc = join(ROOT, 'node_modules', compiler, 'bin/tsc');
    return run(process.execPath, [tsc, '--listFiles'], this.folder).split('\n');
  }
}

/** A compiler's errors stand before the list of files. */
const MOST_OUTPUT = 4000;

function run(command: string, args: readonly string[], cwd: string): string {
  const env = { ...process.env, npm_config_update_notifier: 'false' };
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 64e6 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${`${stdout}${stderr}`.slice(0, MOST_OUTPUT)}`);
  return stdout;
}

describe('the package, in a project that has what it asks for and no more', () => {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-package-'));
  let project: Project;
  beforeAll(() => {
    project = new Project(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('declares what it loads, and loads no Pulumi', () => {
    const { metafile } = buildSync({
      entryPoints: ['constructs', 'models'].map((entry) => join(project.installed, 'dist', entry, 'index.js')),
      outdir: folder,
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      packages: 'external',
    });
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
    const packages = new Set(
      imports.filter((path) => !path.startsWith('node:')).map((path) => /^(@[^/]+\/)?[^/]+/.exec(path)?.[0]),
    );
    expect([...packages].sort()).toEqual(project.declared.sort());
    expect(project.declared.join()).not.toContain('@pulumi');
  });

  it('has declarations that the examples compile against, strictly and without Pulumi', () => {
    const read = project.compile('typescript-7', { module: 'nodenext', target: 'es2023' }, ['module', 'commonjs']);
    expect(read.join('\n')).toContain('triton-stack/dist/constructs/index.d.ts');
    expect(read.join('\n')).not.toContain('@pulumi');
  });

  it("compiles with the settings of cdk8s's own template, which know no exports", () => {
    const read = project.compile('typescript', CDK8S_TEMPLATE, ['commonjs']);
    expect(read.join('\n')).toContain('triton-stack/dist/models/index.d.ts');
  });

  it.each(FORMATS)('renders the examples from a %s program', async (format) => {
    const out = run(process.execPath, [join(folder, format, 'run.js'), ...EXAMPLES], folder);
    const report = JSON.parse(out) as { examples: Record<string, unknown[]>; loaded: string[] };
    for (const name of EXAMPLES) {
      const [example] = Object.values((await import(`../examples/${name}.ts`)) as Record<string, () => App>);
      expect(report.examples[name]).toEqual(example?.().charts.flatMap((chart) => chart.toJson()));
    }
    expect(report.loaded).toContain(join(project.installed, 'dist/constructs/triton-server.js'));
    expect(report.loaded.join('\n')).not.toContain('@pulumi');
  });

  it('is one copy, however it is imported', () => {
    writeFileSync(join(folder, 'copies.mjs'), COPIES);
    const copies = JSON.parse(run(process.execPath, ['copies.mjs'], folder));
    expect(copies).toEqual({ formats: true, errors: true });
  });

  it('carries every model of the catalog', async () => {
    const exported = Object.values(await import('../models'));
    expect(exported).toEqual(expect.arrayContaining([...catalog.values(), nimLlama31]));
  });
});
