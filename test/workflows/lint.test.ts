import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT, SHIPPED } from '../support/environment-file';
import { type WorkflowLinters, workflowLinters } from '../support/workflow-linters';

const FOLDER = join(ROOT, '.github', 'workflows');
const WORKFLOWS = readdirSync(FOLDER).map((name) => join(FOLDER, name));
const GITLAB = join(ROOT, 'docs', 'ci', 'gitlab-ci.yml');
/** The first build of actionlint, on a machine that has none of its modules. */
const INSTALL_MS = 1_200_000;

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly 'runs-on'?: string;
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly steps?: readonly Step[];
  readonly concurrency?: { readonly group: string; readonly 'cancel-in-progress': boolean };
  readonly strategy?: { readonly matrix: { readonly environment: readonly string[] } };
}

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

function workflow(name: string): Workflow {
  return load(readFileSync(join(FOLDER, name), 'utf8')) as Workflow;
}

describe('linters', () => {
  let linters: WorkflowLinters;
  let bad: string;

  beforeAll(async () => {
    linters = await workflowLinters();
    // What every one of them has to find something in.
    const folder = join(mkdtempSync(join(tmpdir(), 'workflows-')), '.github', 'workflows');
    mkdirSync(folder, { recursive: true });
    bad = join(folder, 'bad.yml');
    writeFileSync(
      bad,
      [
        'on: pull_request_target',
        'jobs:',
        '  bad:',
        '    runs-on: ubuntu-24.04',
        '    timeout: 5',
        '    steps:',
        '      - uses: actions/checkout@v4',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's own
        '      - run: echo ${{ github.event.pull_request.title }} $unquoted',
        '',
      ].join('\n'),
    );
  }, INSTALL_MS);

  function run(program: string, ...args: string[]): { code: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 240_000 });
    return { code: status, said: `${stdout}${stderr}` };
  }

  const actionlint = (files: string[]) =>
    run(linters.actionlint, '-shellcheck', linters.shellcheck, '-pyflakes', '', '-no-color', ...files);
  const zizmor = (...paths: string[]) =>
    run(linters.zizmor, '--offline', '--no-progress', '--config', join(ROOT, '.github', 'zizmor.yml'), ...paths);
  const schema = (name: string, files: string[]) =>
    run(linters.checkJsonschema, '--builtin-schema', `vendor.${name}`, ...files);

  it('actionlint and shellcheck find nothing', () => {
    expect(actionlint(WORKFLOWS)).toEqual({ code: 0, said: '' });
    const found = actionlint([bad]);
    expect(found.said).toContain('potentially untrusted');
    expect(found.said).toContain('SC2086');
    expect(found.code).toBe(1);
  });

  it('zizmor finds nothing that could be abused', () => {
    const found = zizmor(ROOT);
    expect(found.said).toContain('No findings to report');
    expect(found.code).toBe(0);
    const badly = zizmor(bad).said;
    expect(badly).toContain('dangerous-triggers');
    expect(badly).toContain('template-injection');
  });

  it("GitHub's and GitLab's schemas hold", () => {
    expect(schema('github-workflows', WORKFLOWS)).toMatchObject({ code: 0 });
    expect(schema('github-workflows', [bad])).toMatchObject({ code: 1, said: expect.stringContaining('timeout') });
    expect(schema('gitlab-ci', [GITLAB])).toMatchObject({ code: 0 });
    expect(schema('gitlab-ci', [bad]).code).toBe(1);
  });
});

describe.each(readdirSync(FOLDER))('%s', (name) => {
  const { permissions, jobs } = workflow(name);

  it('pins every action by its commit, with the version that a person reads', () => {
    const uses = readFileSync(join(FOLDER, name), 'utf8').match(/uses: .*/g) ?? [];
    for (const each of uses.filter((line) => !line.includes('uses: ./'))) {
      expect(each).toMatch(/^uses: [\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
    expect(uses.length).toBeGreaterThan(0);
  });

  it('permits nothing but what a job names', () => {
    expect(permissions).toEqual({});
    for (const job of Object.values(jobs)) expect(job.permissions).toBeDefined();
  });

  it('ends by itself, and lets no expression into a script', () => {
    for (const { steps, ...job } of Object.values(jobs)) {
      if (job['runs-on'] !== undefined) expect(job['timeout-minutes']).toBeGreaterThan(0);
      for (const { run } of steps ?? []) expect(run ?? '').not.toContain('${{');
    }
  });
});

describe('a preview', () => {
  it('may only read, and sees no secret', () => {
    const text = readFileSync(join(FOLDER, 'preview.yml'), 'utf8');
    expect(workflow('preview.yml').jobs.preview?.permissions).toEqual({ contents: 'read' });
    expect(text).not.toMatch(/secrets\.|id-token|vars\./);
  });

  it('is made of every environment that is no sandbox', () => {
    const environments = SHIPPED.filter((name) => name !== 'local').sort();
    expect(workflow('preview.yml').jobs.preview?.strategy?.matrix.environment).toEqual(environments);
    const gitlab = load(readFileSync(GITLAB, 'utf8')) as {
      readonly preview: { readonly parallel: { readonly matrix: readonly { readonly ENVIRONMENT: string[] }[] } };
    };
    expect(gitlab.preview.parallel.matrix[0]?.ENVIRONMENT).toEqual(environments);
  });

  it('keeps what it found beside the source, and nothing else', () => {
    const paths = [
      /^ +path: (\S+)\/$/m.exec(readFileSync(join(FOLDER, 'preview.yml'), 'utf8'))?.[1],
      /^ +paths: \[(\S+)\/\]$/m.exec(readFileSync(GITLAB, 'utf8'))?.[1],
    ];
    for (const path of paths) {
      const { status } = spawnSync('git', ['check-ignore', '--quiet', `${path}/prod`], { cwd: ROOT });
      expect({ path, ignored: status === 0 }).toEqual({ path, ignored: true });
    }
  });

  it('is commented on by nothing of the pull request', () => {
    const job = workflow('preview-comment.yml').jobs.comment;
    expect(job?.permissions).toEqual({ actions: 'read', contents: 'read', 'pull-requests': 'write' });
    // No `ref`: the default branch's commit.
    expect(readFileSync(join(FOLDER, 'preview-comment.yml'), 'utf8')).not.toMatch(/\bref:|npm |allow-unsafe/);
  });
});

describe('a deployment', () => {
  it('is never cut off, and runs one at a time for an environment', () => {
    for (const [name, job] of Object.entries(workflow('deploy.yml').jobs)) {
      expect(job.concurrency).toEqual({ group: `deploy-${name}`, 'cancel-in-progress': false });
    }
  });

  it('waits for the approval of its environment after it has shown what it would do', () => {
    const { preview, up } = workflow('deploy-environment.yml').jobs as Record<string, Job & { needs?: string }>;
    const environment = `$\{{ inputs.environment }}`;
    expect([preview?.environment, up?.environment]).toEqual([`${environment}-preview`, environment]);
    expect(up?.needs).toBe('preview');
  });

  it('holds the policies before and while it changes something', () => {
    const text = readFileSync(join(FOLDER, 'deploy-environment.yml'), 'utf8');
    expect(text.match(/pulumi (preview|up) .*--policy-pack policies/g)).toHaveLength(2);
    expect(text).not.toMatch(/secrets\.|credentials_json/);
  });
});
