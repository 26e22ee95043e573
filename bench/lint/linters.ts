import { spawnSync } from 'node:child_process';
import type { LintTools } from './lint-tools';

/** One check that one object fails. */
export interface Finding {
  readonly linter: 'kube-score' | 'checkov';
  readonly check: string;
  /** Kind and name. */
  readonly object: string;
}

const LINT_MS = 120_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** kube-score's grades: 1 is critical, 5 a warning, 7 and 10 are passes (zegl/kube-score, scorecard/scorecard.go). */
const WARNING = 5;

/** What both linters find in a file of manifests, by their default checks; what objects ask to be let off counts. */
export function lint(tools: LintTools, file: string): Finding[] {
  return [...kubeScore(tools.kubeScore, file), ...checkov(tools.checkov, file)];
}

interface ScoredObject {
  readonly type_meta: { readonly kind: string };
  readonly object_meta: { readonly name: string };
  readonly checks: readonly {
    readonly check: { readonly id: string };
    readonly grade: number;
    readonly skipped: boolean;
  }[];
}

function kubeScore(command: string, file: string): Finding[] {
  const flags = ['--output-format=json', '--disable-ignore-checks-annotations'];
  const objects = output(command, ['score', ...flags, file]) as readonly ScoredObject[];
  return objects.flatMap(({ type_meta, object_meta, checks }) =>
    checks
      .filter(({ grade, skipped }) => !skipped && grade <= WARNING)
      .map(({ check }) => ({
        linter: 'kube-score',
        check: check.id,
        object: `${type_meta.kind}/${object_meta.name}`,
      })),
  );
}

interface CheckovReport {
  readonly results?: Readonly<Record<'failed_checks' | 'skipped_checks' | 'parsing_errors', readonly CheckovResult[]>>;
}

interface CheckovResult {
  readonly check_id: string;
  readonly resource: string;
}

function checkov(command: string, file: string): Finding[] {
  // Without --skip-download it asks its vendor for descriptions of its checks.
  const flags = ['--framework=kubernetes', '--output=json', '--compact', '--skip-download'];
  const { results } = output(command, [...flags, '--file', file]) as CheckovReport;
  if (results === undefined) return [];
  if (results.parsing_errors.length > 0) throw new Error(`checkov cannot read ${file}`);
  return [...results.failed_checks, ...results.skipped_checks].map(({ check_id, resource }) => {
    // Kind, namespace, name; the labels of a pod follow.
    const [kind, , name] = resource.split('.');
    return { linter: 'checkov', check: check_id, object: `${kind}/${name}` };
  });
}

/** Linters end with 1 where they find something: what tells a failure is that they wrote no report. */
function output(command: string, args: readonly string[]): unknown {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: LINT_MS, maxBuffer: MAX_BYTES });
  if (result.error !== undefined) throw result.error;
  try {
    return JSON.parse(result.stdout);
  } catch {
    throw new Error(`${command} ${args.join(' ')}: ${result.stderr || result.stdout}`);
  }
}
