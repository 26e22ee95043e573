import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commentBody, LIMIT, MARKER, shares } from '../../.github/scripts/comment-body.mjs';

const OF = {
  commit: '0123456789abcdef0123456789abcdef01234567',
  run: 'https://github.com/acme/serving/actions/runs/7',
};

const preview = (environment: string, markdown: string, exitCode: 0 | 1 | 2 = 0) => ({
  environment,
  exitCode,
  markdown,
  errors: undefined,
});

/** Folds that are opened, and closed. */
function folds(text: string): [number, number] {
  return [text.match(/<details>/g)?.length ?? 0, text.match(/<\/details>/g)?.length ?? 0];
}

describe('the comment', () => {
  it('begins with its marker, and folds each environment', () => {
    const body = commentBody([preview('dev', 'No change.'), preview('prod', 'Two replaced.', 1)], OF);
    expect(body).toBe(
      [
        MARKER,
        '## What this changes',
        '',
        `0123456789ab · [reports as HTML](${OF.run}#artifacts)`,
        '',
        '<details><summary><b>dev</b></summary>',
        '',
        'No change.',
        '',
        '</details>',
        '',
        '<details><summary><b>prod</b> · a policy or a limit fails</summary>',
        '',
        'Two replaced.',
        '',
        '</details>',
        '',
      ].join('\n'),
    );
  });

  it('shows what went wrong where there is no preview', () => {
    const failed = { environment: 'dev', exitCode: 2 as const, markdown: undefined, errors: 'Pulumi.dev.yaml: ```\n' };
    const body = commentBody([failed], OF);
    expect(body).toContain('<b>dev</b> · cannot be evaluated');
    // The fence is longer than what is in it.
    expect(body).toContain('````text\nPulumi.dev.yaml: ```\n````');
    expect(commentBody([{ ...failed, exitCode: undefined, errors: undefined }], OF)).toContain('ended before its time');
    expect(commentBody([], OF)).toContain('ended before it found anything');
  });

  it('calls nobody', () => {
    const body = commentBody([preview('dev', 'nvcr.io/a@sha256:0 @acme/owners a@b\u0007')], OF);
    expect(body).not.toMatch(/@[\w-]/);
    expect(body).toContain('nvcr.io/a@\u200Bsha256:0');
    expect(body).not.toContain('\u0007');
  });

  it('keeps the limit, and says where the rest is', () => {
    const long = Array.from({ length: 5000 }, (_, at) => `- line ${at} of many`).join('\n');
    const body = commentBody([preview('dev', 'Short.'), preview('prod', long), preview('staging', long)], OF);
    expect(body.length).toBeLessThanOrEqual(LIMIT);
    expect(body.length).toBeGreaterThan(LIMIT - 200);
    expect(body).toContain('Short.');
    expect(body).toContain(`artifact \`preview-prod\` of [the run](${OF.run}#artifacts)`);
    expect(body).not.toContain('artifact `preview-dev`');
    expect(folds(body)).toEqual([3, 3]);
  });

  it('closes what the cut leaves open', () => {
    const inner = `<details>\n<summary>more</summary>\n\n\`\`\`diff\n${'+ a line\n'.repeat(9000)}\`\`\`\n</details>\n`;
    const body = commentBody([preview('prod', inner)], OF);
    expect(body.length).toBeLessThanOrEqual(LIMIT);
    expect(folds(body)).toEqual([2, 2]);
    expect(body.match(/^```/gm)).toHaveLength(2);
  });

  it('keeps the limit whatever there is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 200 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 2000 }),
        (texts, times) => {
          const body = commentBody(
            texts.map((text, at) => preview(`env-${at}`, `${text}\n`.repeat(times))),
            OF,
          );
          expect(body.length).toBeLessThanOrEqual(LIMIT);
          expect(body.startsWith(MARKER)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('room', () => {
  it('is left to those that need it', () => {
    expect(shares([10, 100, 100], 110)).toEqual([10, 50, 50]);
    expect(shares([10, 20], 100)).toEqual([10, 20]);
    expect(shares([], 100)).toEqual([]);
  });
});
