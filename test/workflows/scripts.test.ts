import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/environment-file';

interface Job {
  readonly steps: readonly { readonly name?: string; readonly run?: string }[];
}

/** The script of a step, as it stands in a workflow. */
function scriptOf(workflow: string, job: string, step: string): string {
  const file = join(ROOT, '.github', 'workflows', workflow);
  const { jobs } = load(readFileSync(file, 'utf8')) as { readonly jobs: Readonly<Record<string, Job>> };
  const run = jobs[job]?.steps.find(({ name }) => name === step)?.run;
  if (run === undefined) throw new Error(`${workflow} has no step ${step}`);
  return run;
}

describe.each([0, 1, 2])('a step whose program ends with %i', (code) => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'step-'));
  });

  /** Runs a script as GitHub does with `shell: bash`, with a stand-in for a program that tells its arguments. */
  function run(script: string, program: string, stand: string): number | null {
    mkdirSync(join(folder, 'bin'));
    const path = join(folder, 'bin', program);
    writeFileSync(path, `#!/bin/bash\necho "$*" >> "$CALLS"\n${stand}\nexit ${code}\n`);
    chmodSync(path, 0o755);
    const env = {
      PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter),
      CALLS: join(folder, 'calls'),
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
      ENVIRONMENT: 'prod',
      BASE: 'release/1.0',
      PULUMI_STATE: 'gs://acme-pulumi',
    };
    const shell = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script];
    return spawnSync('bash', shell, { cwd: folder, env, encoding: 'utf8', timeout: 120_000 }).status;
  }

  const file = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');

  it('keeps what a preview found, and ends as it did', () => {
    const stand = 'echo "{}"; echo "a policy fails" >&2; echo "Changed." > out/prod/preview.md';
    expect(run(scriptOf('preview.yml', 'preview', 'Preview'), 'npm', stand)).toBe(code);
    expect(file('calls')).toMatch(/^run -s preview -- prod --base origin\/release\/1\.0 --markdown .* --json\n$/);
    expect(file('out', 'prod', 'exit-code')).toBe(`${code}\n`);
    expect(file('out', 'prod', 'plan.json')).toBe('{}\n');
    expect(file('out', 'prod', 'errors.txt')).toBe('a policy fails\n');
    expect(file('summary')).toBe('Changed.\n');
  });

  it('tells of a preview that wrote nothing', () => {
    expect(run(scriptOf('preview.yml', 'preview', 'Preview'), 'npm', ':')).toBe(code);
    expect(file('out', 'prod', 'exit-code')).toBe(`${code}\n`);
    expect(existsSync(join(folder, 'summary'))).toBe(false);
  });

  it("shows what Pulumi's preview says, and ends as it did", () => {
    const stand = 'case $1 in login) exit 0;; esac; echo "3 to replace"';
    expect(run(scriptOf('deploy-environment.yml', 'preview', 'Preview'), 'pulumi', stand)).toBe(code);
    expect(file('calls')).toMatch(/^login gs:\/\/acme-pulumi\npreview --stack prod --policy-pack policies /);
    expect(file('summary')).toBe('### prod\n````text\n3 to replace\n\n````\n');
  });

  it('updates nothing where it cannot log in', () => {
    expect(run(scriptOf('deploy-environment.yml', 'up', 'Up'), 'pulumi', ':')).toBe(code);
    expect(file('calls').includes('up --stack prod --policy-pack policies --yes')).toBe(code === 0);
  });
});

describe("GitLab's note", () => {
  const script = scriptOfGitLab();
  const notes: { id: number; author: { id: number }; body: string }[] = [];
  let server: Server;
  let api: string;
  let folder: string;

  // A stand-in for the three calls of GitLab's API that are made. It is not GitLab.
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://stub');
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { body } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { body: string };
        const page = Number(searchParams.get('page'));
        const [, id] = /\/notes\/(\d+)$/.exec(pathname) ?? [];
        let answer: unknown = {};
        if (pathname === '/user') answer = { id: 1 };
        else if (request.method === 'GET') answer = notes.slice((page - 1) * 100, page * 100);
        else if (request.method === 'POST') notes.push({ id: 500, author: { id: 1 }, body });
        else for (const note of notes.filter((each) => each.id === Number(id))) note.body = body;
        response.writeHead(request.headers['private-token'] === 'token' ? 200 : 401).end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  beforeEach(() => {
    notes.splice(0, Infinity, ...Array.from({ length: 120 }, (_, id) => ({ id, author: { id: 2 }, body: 'a note' })));
    folder = mkdtempSync(join(tmpdir(), 'note-'));
    mkdirSync(join(folder, 'out', 'prod'), { recursive: true });
    writeFileSync(join(folder, 'out', 'prod', 'preview.md'), 'Replaced, @acme/owners');
  });

  function run(): Promise<number | null> {
    const child = spawn('bash', ['-eo', 'pipefail', '-c', script], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        CI_API_V4_URL: api,
        CI_PROJECT_ID: '3',
        CI_MERGE_REQUEST_IID: '7',
        CI_PIPELINE_URL: 'https://gitlab.com/acme/serving/-/pipelines/1',
        PREVIEW_TOKEN: 'token',
      },
    });
    return new Promise((done) => child.once('close', done));
  }

  it('is made once, and then updated', async () => {
    expect(await run()).toBe(0);
    expect(notes).toHaveLength(121);
    expect(notes[120]?.body).toContain('<summary><b>prod</b></summary>\n\nReplaced, @\u200Bacme/owners');
    writeFileSync(join(folder, 'out', 'prod', 'preview.md'), 'Nothing.');
    expect(await run()).toBe(0);
    expect(notes).toHaveLength(121);
    expect(notes[120]?.body).toContain('Nothing.');
  });

  it('has nothing of the runner', async () => {
    writeFileSync(join(folder, 'secret'), 'of the runner');
    mkdirSync(join(folder, 'out', 'dev'));
    symlinkSync(join(folder, 'secret'), join(folder, 'out', 'dev', 'preview.md'));
    expect(await run()).toBe(0);
    expect(notes[120]?.body).not.toContain('of the runner');
    expect(notes[120]?.body).toContain('<b>dev</b>');
  });
});

function scriptOfGitLab(): string {
  const file = readFileSync(join(ROOT, 'docs', 'ci', 'gitlab-ci.yml'), 'utf8');
  return (load(file) as { readonly comment: { readonly script: readonly string[] } }).comment.script.join('\n');
}
