import { describe, expect, it } from 'vitest';
import { SandboxFailure } from '../../sandbox/failure';
import { eventually } from './test-sandbox';

/** Answers one after the other, the last of them again and again: errors are thrown. */
function asking(...answers: readonly (number | Error)[]) {
  let asked = 0;
  return async () => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const refused = new SandboxFailure('kubectl get pods failed:\nError from server (NotFound): namespaces "x" not found');
const isTwo = (answer: unknown) => answer === 2;
const WAIT_MS = 60_000;

describe('what comes by itself', () => {
  it('is waited for, while the API server refuses as well', async () => {
    expect(await eventually(asking(1, refused, 2), isTwo, WAIT_MS, 1)).toBe(2);
  });

  it('is told with the last answer where it does not come', async () => {
    await expect(eventually(asking(1), isTwo, 0, 1)).rejects.toThrow('not so after 0 s: 1');
    await expect(eventually(asking(refused), isTwo, 0, 1)).rejects.toThrow(/not so after 0 s: .*\n.*"x" not found/);
  });

  it.each([
    new TypeError('x is not a function'),
    new SandboxFailure('kubectl get pods failed:\nerror: unknown flag: --al'),
    new SandboxFailure('kubectl create failed:\nError from server (BadRequest): unknown field "spec.nonsense"'),
  ])('is not waited for after a mistake: %s', async (mistake) => {
    await expect(eventually(asking(1, mistake, 2), isTwo, WAIT_MS, 1)).rejects.toBe(mistake);
  });

  it('is not waited for where looking at the answer fails', async () => {
    const look = () => {
      throw new TypeError('there are none');
    };
    await expect(eventually(asking(1), look, WAIT_MS, 1)).rejects.toThrow('there are none');
  });
});
