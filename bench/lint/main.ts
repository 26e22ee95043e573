import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { dump } from 'js-yaml';
import { styleOf } from '../../bin/command';
import { Progress } from '../../bin/progress';
import { InputError } from '../../models/problem';
import { findLintTools } from './lint-tools';
import { lint } from './linters';
import { ownRenders, peerRenders, type Render, shown, workloads } from './renders';
import { type Linted, report } from './report';

declare const __PROJECT_ROOT__: string;

/**
 * `npm run bench:lint [-- FOLDER]`: what kube-score and checkov find in the project's examples and, where FOLDER holds
 * clones of their repositories, in the Helm charts that people serve models on Triton with.
 */
export async function main([folder]: readonly string[]): Promise<number> {
  const progress = new Progress(process.stderr);
  const scratch = mkdtempSync(join(tmpdir(), 'bench-lint-'));
  try {
    const charts = join(scratch, 'charts');
    mkdirSync(charts);
    const renders = [
      ...ownRenders(__PROJECT_ROOT__).map((render) => ({ ...render, ours: true })),
      ...(folder === undefined ? [] : peerRenders(__PROJECT_ROOT__, resolve(folder), charts)).map((render) => ({
        ...render,
        ours: false,
      })),
    ];
    const tools = await findLintTools(__PROJECT_ROOT__, progress);
    const linted = renders.map((render, index): Linted => {
      progress.now(`${render.name}, ${index + 1} of ${renders.length}`);
      const { name, ours, objects } = render;
      return {
        name,
        ours,
        objects: objects.length,
        workloads: workloads(objects),
        findings: lint(tools, manifests(render, join(scratch, `${index}.yaml`))),
      };
    });
    progress.clear();
    process.stdout.write(report(linted, styleOf(process.stdout)));
    return 0;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return InputError.EXIT_CODE;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A file with what linters are shown of a render. */
function manifests({ objects }: Render, file: string): string {
  const documents = shown(objects).map((object) => dump(object, { lineWidth: -1, noRefs: true }));
  writeFileSync(file, documents.join('---\n'));
  return file;
}
