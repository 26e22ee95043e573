import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MARKER } from '../../.github/scripts/comment-body.mjs';
import { ROOT } from '../support/environment-file';

const SHA = '0123456789abcdef0123456789abcdef01234567';
const TOKEN = 'a-token-of-nobody';

interface Comment {
  readonly id: number;
  readonly user: { readonly login: string };
  body: string;
}

interface Pull {
  readonly number: number;
  readonly head: { readonly sha: string; readonly repo: { readonly full_name: string } | null };
}

/** A stand-in for the few calls of GitHub's REST API that the script makes, with its pages. It is not GitHub. */
class GitHubStub {
  readonly pulls: Pull[] = [];
  readonly comments: Comment[] = [];
  readonly calls: string[] = [];
  private server: Server | undefined;

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://stub');
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
        const known = request.headers.authorization === `Bearer ${TOKEN}`;
        const answer = known ? this.answer(request.method ?? '', url, body) : undefined;
        response.writeHead(answer === undefined ? (known ? 404 : 401) : 200).end(JSON.stringify(answer ?? {}));
      });
    });
    await new Promise<void>((done) => this.server?.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise((done) => this.server?.close(done));
  }

  private answer(method: string, { pathname, searchParams }: URL, { body }: { body?: string }): unknown {
    const path = pathname.replace('/repos/acme/serving/', '');
    this.calls.push(`${method} ${path}`);
    const page = <T>(all: readonly T[]) => {
      const size = Number(searchParams.get('per_page') ?? 30);
      const first = (Number(searchParams.get('page') ?? 1) - 1) * size;
      return all.slice(first, first + size);
    };
    if (method === 'GET' && path === 'pulls') {
      return searchParams.get('head') === 'contributor:fix/it' && searchParams.get('state') === 'open'
        ? page(this.pulls)
        : [];
    }
    if (method === 'GET' && path === 'issues/7/comments') return page(this.comments);
    if (method === 'POST' && path === 'issues/7/comments') {
      const comment = { id: 1000 + this.comments.length, user: { login: 'github-actions[bot]' }, body: body ?? '' };
      this.comments.push(comment);
      return comment;
    }
    const [, id] = /^issues\/comments\/(\d+)$/.exec(path) ?? [];
    const there = this.comments.find((comment) => comment.id === Number(id));
    if (method !== 'PATCH' || there === undefined) return undefined;
    there.body = body ?? '';
    return there;
  }
}

describe('the script that comments', () => {
  const github = new GitHubStub();
  let api: string;
  let folder: string;

  beforeEach(async () => {
    api = await github.start();
    github.comments.length = 0;
    github.calls.length = 0;
    github.pulls.splice(0, Infinity, pull(7));
    folder = mkdtempSync(join(tmpdir(), 'previews-'));
    write('prod', { 'preview.md': 'One pool is replaced.', 'exit-code': '0\n' });
  });

  afterEach(() => github.stop());

  function pull(number: number, sha = SHA, repository = 'contributor/serving'): Pull {
    return { number, head: { sha, repo: { full_name: repository } } };
  }

  function write(environment: string, files: Record<string, string>): void {
    mkdirSync(join(folder, environment), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, environment, name), text);
  }

  function run(token = TOKEN): Promise<{ code: number | null; said: string }> {
    const event = join(folder, '..', `event-${Math.random()}.json`);
    const head_repository = { full_name: 'contributor/serving', owner: { login: 'contributor' } };
    const html_url = 'https://github.com/acme/serving/actions/runs/7';
    writeFileSync(
      event,
      JSON.stringify({ workflow_run: { head_sha: SHA, head_branch: 'fix/it', head_repository, html_url } }),
    );
    const child = spawn(process.execPath, [join(ROOT, '.github', 'scripts', 'preview-comment.mjs'), folder], {
      env: {
        PATH: process.env.PATH,
        GITHUB_API_URL: api,
        GITHUB_EVENT_PATH: event,
        GITHUB_REPOSITORY: 'acme/serving',
        GITHUB_TOKEN: token,
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    return new Promise((done) => child.once('close', (code) => done({ code, said })));
  }

  it('makes one comment, and then updates it', async () => {
    expect(await run()).toEqual({ code: 0, said: 'Commented on pull request 7\n' });
    write('prod', { 'preview.md': 'Nothing is replaced.' });
    expect(await run()).toEqual({ code: 0, said: 'Updated the comment of pull request 7\n' });
    expect(github.comments).toHaveLength(1);
    expect(github.comments[0]?.body).toContain('Nothing is replaced.');
    expect(github.comments[0]?.body).not.toContain('One pool');
  });

  it("finds its own comment behind a page of others', and leaves those of other people alone", async () => {
    const others = Array.from({ length: 130 }, (_, id) => ({
      id,
      user: { login: 'somebody' },
      body: `${MARKER} mine`,
    }));
    github.comments.push(...others, { id: 999, user: { login: 'github-actions[bot]' }, body: `${MARKER}\nold` });
    await run();
    expect(github.comments.filter(({ body }) => body.includes('One pool')).map(({ id }) => id)).toEqual([999]);
    expect(github.comments).toHaveLength(131);
  });

  it('says nothing where the branch has moved on, or where it cannot know which pull request is meant', async () => {
    github.pulls.splice(0, Infinity, pull(7, 'f'.repeat(40)));
    expect((await run()).said).toContain('no open pull request has this commit');
    github.pulls.splice(0, Infinity, pull(7), pull(8));
    expect((await run()).said).toContain('one of 7, 8');
    // Another fork of the same owner.
    github.pulls.splice(0, Infinity, pull(7, SHA, 'contributor/other'));
    expect((await run()).code).toBe(0);
    expect(github.comments).toEqual([]);
  });

  it('takes the pull request from GitHub and not from what the artifacts say', async () => {
    write('prod', { 'preview.md': 'x', 'pull-request': '8', number: '8' });
    await run();
    expect(github.calls.filter((call) => !call.startsWith('GET'))).toEqual(['POST issues/7/comments']);
  });

  it('reads plain files of a size alone', async () => {
    const secret = join(folder, '..', `secret-${Math.random()}`);
    writeFileSync(secret, 'of the runner');
    mkdirSync(join(folder, 'dev'));
    symlinkSync(secret, join(folder, 'dev', 'preview.md'));
    write('staging', { 'preview.md': 'xxxx\n'.repeat(60_000) });
    write('..evil', { 'preview.md': 'a name that is none' });
    write('openshift', { 'preview.md': 'fine', 'exit-code': '1; rm -rf /' });
    expect((await run()).code).toBe(0);
    const [{ body } = { body: '' }] = github.comments;
    expect(body).not.toContain('of the runner');
    expect(body).not.toContain('xxxx');
    expect(body).not.toContain('a name that is none');
    expect(body).toContain('<b>openshift</b> · ended before its time');
    expect(body).not.toContain('rm -rf');
  });

  it('comments where the preview found nothing at all', async () => {
    folder = join(folder, 'none');
    expect((await run()).code).toBe(0);
    expect(github.comments[0]?.body).toContain('ended before it found anything');
  });

  it('fails with what GitHub says', async () => {
    const { code, said } = await run('another');
    expect(code).toBe(1);
    expect(said).toContain('401');
    expect(said).not.toContain('another');
  });
});
