import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatManifest,
  manifestKey,
  parseManifest,
  pathProblems,
  type Release,
  totalBytes,
  versionProblems,
} from '../../models/release-manifest';

const name = fc.stringMatching(/^[A-Za-z0-9_.äλ][A-Za-z0-9_. äλ-]{0,10}[A-Za-z0-9_äλ]$/);
const path = fc.array(name, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('/'));
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const releases: fc.Arbitrary<Release> = fc.record({
  version: fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}$/),
  files: fc
    .uniqueArray(fc.record({ path, bytes: fc.nat(), sha256 }), { selector: (file) => file.path, maxLength: 20 })
    .map((files) => files.sort((a, b) => (a.path < b.path ? -1 : 1))),
  folders: fc.uniqueArray(path, { maxLength: 5 }).map((folders) => folders.sort()),
});

describe('the manifest of a release', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(releases, (release) => {
        expect(parseManifest(formatManifest(release))).toEqual(release);
      }),
    );
  });

  it('is none where any byte is missing at its end, or another anywhere', () => {
    fc.assert(
      fc.property(releases, fc.nat(), (release, at) => {
        const text = formatManifest(release);
        const cut = text.slice(0, at % (text.length - 1));
        expect(parseManifest(cut)).toBeUndefined();
        const place = at % (text.length - 1);
        const other = `${text.slice(0, place)}${text[place] === 'x' ? 'y' : 'x'}${text.slice(place + 1)}`;
        // The counts of the last line are for people: what counts is its digest.
        const [, end = ''] = /\nend ([^\n]*)\n$/.exec(text) ?? [];
        if (place < text.length - end.length - 5) expect(parseManifest(other)).toBeUndefined();
      }),
    );
  });

  it('stands as the documentation shows it', () => {
    const files = [
      { path: 'b/1/x', bytes: 2, sha256: 'b'.repeat(64) },
      { path: 'a/1/x', bytes: 3, sha256: 'a'.repeat(64) },
    ];
    const lines = formatManifest({ version: '1.0', files, folders: ['chain/1'] }).split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'triton-stack-release 1',
      'version 1.0',
      'dir chain/1',
      `file ${'a'.repeat(64)} 3 a/1/x`,
      `file ${'b'.repeat(64)} 2 b/1/x`,
    ]);
    expect(lines[5]).toMatch(/^end 2 5 [0-9a-f]{64}$/);
    expect([totalBytes(files), manifestKey('1.0')]).toEqual([5, 'releases/1.0/manifest']);
  });
});

it.each(['1.4.0', 'v2', '20261121T164500Z', 'a_b-c', '4f1c2d3e'])('%s is a version', (version) => {
  expect(versionProblems('--release', version)).toEqual([]);
});
it.each(['', '.', '..', '.hidden', 'a/b', 'a b', 'ä', 'x'.repeat(64)])('%j is no version', (version) => {
  expect(versionProblems('--release', version)).toMatchObject([{ key: '--release', value: version }]);
});

it.each(['m/1/a b.bin', 'm/1/ä.bin', 'm/1/.keep', 'm/1/a,b;c'])('%j can be published', (path) => {
  expect(pathProblems(path)).toEqual([]);
});
it.each(['m/1/a*', 'm/[1]/a', 'm/1/a\nb', 'm/1/a\\b', ' m/1/a', 'm/1/a ', 'm/ 1/a', '-m/1/a'])('%j can not', (path) => {
  expect(pathProblems(path)).toHaveLength(1);
});
