import fc from 'fast-check';
import { dump, load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { manifestYaml } from '../../preview/manifest-yaml';
import type { KubernetesObject } from '../../preview/plan';

const byJsYaml = (object: object) => `---\n${dump(object, { lineWidth: -1, noRefs: true })}`;

/** Texts that YAML has its own mind about, and texts of many lines. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    'yes',
    'n',
    '~',
    '0x1f',
    '1e3',
    '1:30',
    '2024-01-01',
    '- a',
    'a: b',
    'a #b',
    '---',
    '"',
    "'",
    ' a',
    'a ',
  ),
  fc
    .array(fc.oneof(fc.constantFrom('', ' ', '  a', '\t', '# b', 'c:'), fc.string()), { minLength: 1 })
    .map((lines) => lines.join('\n')),
  fc.string({ unit: 'binary' }),
);
const key = text.filter((each) => !each.includes('\n'));
const scalar = fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
const { object } = fc.letrec<{ object: object; value: unknown }>((tie) => ({
  object: fc.dictionary(key, fc.oneof({ arbitrary: tie('value'), weight: 9 }, fc.constant(undefined)), { maxKeys: 6 }),
  value: fc.oneof({ depthSize: 'small' }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
}));

describe('manifestYaml', () => {
  it('writes what js-yaml writes, byte for byte', () => {
    fc.assert(
      fc.property(object, (spec) => {
        const each = { kind: 'Any', spec } as unknown as KubernetesObject;
        expect(manifestYaml([each])).toBe(byJsYaml(each));
      }),
      { numRuns: 2000 },
    );
  });

  it('indents a text below its key wherever that stands', () => {
    const script = '#!/bin/sh\n\n  echo\n';
    const twice = { first: script, deeper: { list: [{ script }, [script]] } } as unknown as KubernetesObject;
    expect(manifestYaml([twice])).toBe(byJsYaml(twice));
    expect(load(manifestYaml([twice]))).toEqual(twice);
  });

  it('keeps a text and what looks like it apart', () => {
    const looks = { texts: ['true', '8000', 'null'], values: [true, 8000, null] } as unknown as KubernetesObject;
    expect(load(manifestYaml([looks]))).toEqual(looks);
  });
});
