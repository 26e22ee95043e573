// Posts the previews of a pull request as one comment, or updates the one that is there. preview-comment.yml runs it with
// a token that may write: what it reads from the artifacts was made by the pull request's code, and is only text here.

import { readFileSync } from 'node:fs';
import { commentBody, MARKER } from './comment-body.mjs';
import { readPreviews } from './read-previews.mjs';

/** Whose comments are looked at: GitHub's own account of workflows. Others can write the marker too. */
const AUTHOR = 'github-actions[bot]';
const PAGE = 100;
const TIMEOUT_MS = 30_000;

const { GITHUB_API_URL, GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_TOKEN } = process.env;

/** Calls GitHub's API, and throws what it says where it refuses. */
async function call(method, path, body) {
  const answer = await fetch(`${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}/${path}`, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${GITHUB_TOKEN}`,
      'content-type': 'application/json',
      'x-github-api-version': '2022-11-28',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${(await answer.text()).slice(0, 500)}`);
  return answer.json();
}

async function* pages(path) {
  for (let page = 1; ; page += 1) {
    const found = await call('GET', `${path}${path.includes('?') ? '&' : '?'}per_page=${PAGE}&page=${page}`);
    yield* found;
    if (found.length < PAGE) return;
  }
}

/**
 * The open pull request that a run was for, by what GitHub says of the run: an artifact could name any. The run's own
 * list is empty for forks. None where the branch has moved on since: the newer commit's run comments.
 */
async function pullRequestOf({ head_sha: sha, head_branch: branch, head_repository: repository }) {
  const head = encodeURIComponent(`${repository.owner.login}:${branch}`);
  const found = [];
  for await (const pull of pages(`pulls?state=open&head=${head}`)) {
    if (pull.head.sha === sha && pull.head.repo?.full_name === repository.full_name) found.push(pull.number);
  }
  return found;
}

async function commentOf(pull) {
  for await (const { id, user, body } of pages(`issues/${pull}/comments`)) {
    if (user?.login === AUTHOR && body?.startsWith(MARKER)) return id;
  }
  return undefined;
}

const [folder] = process.argv.slice(2);
const run = JSON.parse(readFileSync(GITHUB_EVENT_PATH, 'utf8')).workflow_run;
const pulls = await pullRequestOf(run);
if (pulls.length !== 1) {
  // Two from one branch have two bases, and the run does not say for which of them it was.
  const why = pulls.length === 0 ? 'no open pull request has this commit as its newest' : `one of ${pulls.join(', ')}`;
  console.log(`::notice::No comment for ${run.head_sha}: ${why}`);
} else {
  const [pull] = pulls;
  const body = commentBody(readPreviews(folder), { commit: run.head_sha, run: run.html_url });
  const there = await commentOf(pull);
  if (there === undefined) await call('POST', `issues/${pull}/comments`, { body });
  else await call('PATCH', `issues/comments/${there}`, { body });
  console.log(`${there === undefined ? 'Commented on' : 'Updated the comment of'} pull request ${pull}`);
}
