import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { METRICS_TOOLS } from '../../sandbox/metrics-tools';
import { Toolbox } from '../../sandbox/tools';
import { ROOT } from './environment-file';
import { quiet } from './test-sandbox';

/** What promtool said, and its exit status. */
export interface PromtoolResult {
  readonly status: number | null;
  readonly said: string;
}

/** A test: what is looked at, and when. */
export interface PromtoolTest {
  /** Between the values of a series: `30s`. */
  readonly interval: string;
  readonly ruleFiles?: readonly string[];
  readonly alert_rule_test?: readonly object[];
  readonly promql_expr_test?: readonly object[];
}

/** Prometheus's own tests of rules and queries, in a folder of their own. */
export class Promtool {
  private constructor(
    private readonly binary: string,
    private readonly folder: string,
  ) {}

  static async open(): Promise<Promtool> {
    const { promtool } = await new Toolbox(ROOT, METRICS_TOOLS).find(quiet());
    return new Promtool(promtool, mkdtempSync(join(tmpdir(), 'triton-stack-promtool-')));
  }

  /** Writes a file that tests name, and returns its path. */
  write(name: string, content: object): string {
    const path = join(this.folder, name);
    writeFileSync(path, dump(content));
    return path;
  }

  /**
   * Runs one test of a rule file's form (Prometheus documentation, "Unit testing for rules").
   *
   * @param series - values by series, as promtool writes both
   */
  test(series: Readonly<Record<string, string>>, { interval, ruleFiles = [], ...test }: PromtoolTest): PromtoolResult {
    const inputs = Object.entries(series).map(([name, values]) => ({ series: name, values }));
    const tests = [{ interval, input_series: inputs, ...test }];
    return this.run('test', 'rules', this.write('test.yaml', { rule_files: ruleFiles, tests }));
  }

  run(...args: readonly string[]): PromtoolResult {
    const { status, stdout, stderr } = spawnSync(this.binary, args, { encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
