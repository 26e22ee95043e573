import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldChanges } from '../../../preview/diff/field-changes';

const paths = (before: unknown, after: unknown) => fieldChanges(before, after).map(({ path }) => path);

describe('the fields that differ', () => {
  it('are none where nothing does, in whatever order the keys stand', () => {
    expect(fieldChanges({ a: 1, b: [{ name: 'x' }] }, { b: [{ name: 'x' }], a: 1 })).toEqual([]);
  });

  it('are told with what was and what is', () => {
    expect(fieldChanges({ a: { b: 1, c: 2 } }, { a: { b: 3, d: 4 } })).toEqual([
      { path: 'a.b', steps: ['a', 'b'], before: 1, after: 3 },
      { path: 'a.c', steps: ['a', 'c'], before: 2 },
      { path: 'a.d', steps: ['a', 'd'], after: 4 },
    ]);
  });

  it('keep keys with dots apart from those that lead further', () => {
    expect(paths({ labels: { 'a.b/c': 1 } }, { labels: { 'a.b/c': 2 } })).toEqual(['labels["a.b/c"]']);
  });
});

describe('lists', () => {
  const containers = (...names: string[]) => names.map((name, index) => ({ name, image: `${name}:${index}` }));

  it('are matched by name: what moves does not differ', () => {
    expect(fieldChanges(containers('a', 'b'), [...containers('a', 'b')].reverse())).toEqual([]);
  });

  it('tell a new member as one, and leave its neighbours alone', () => {
    const [a, b] = containers('a', 'b');
    expect(fieldChanges([b], [a, b])).toEqual([{ path: '[name=a]', steps: [0], after: a }]);
  });

  it.each([
    ['ports of containers', [{ containerPort: 80, protocol: 'TCP' }], [{ containerPort: 80, protocol: 'UDP' }], 2],
    [
      'mounts',
      [
        { mountPath: '/a', name: 'x' },
        { mountPath: '/b', name: 'x' },
      ],
      [{ mountPath: '/b', name: 'x' }],
      1,
    ],
    ['taints', [{ key: 'k', effect: 'NO_SCHEDULE', value: 'a' }], [{ key: 'k', effect: 'NO_SCHEDULE', value: 'b' }], 1],
    [
      'secondary ranges',
      [{ rangeName: 'pods', ipCidrRange: '10.0.0.0/16' }],
      [{ rangeName: 'pods', ipCidrRange: '10.0.0.0/15' }],
      1,
    ],
  ])('know what names %s', (_, before, after, changes) => {
    expect(fieldChanges(before, after)).toHaveLength(changes);
    expect(fieldChanges(before, after)[0]?.path).toMatch(/^\[\w+=/);
  });

  it('without names are compared place by place, and as a whole where they grow', () => {
    expect(paths([{ from: [] }], [{ from: [{ a: 1 }] }])).toEqual(['[0].from']);
    expect(paths([{ a: { b: 1 } }], [{ a: { b: 1 } }, { a: { b: 2 } }])).toEqual(['']);
  });

  it('of two members of one name are not matched by it', () => {
    expect(
      paths(
        [
          { name: 'a', v: 1 },
          { name: 'a', v: 2 },
        ],
        [
          { name: 'a', v: 1 },
          { name: 'a', v: 3 },
        ],
      ),
    ).toEqual(['[1].v']);
  });

  it('of plain values are one field', () => {
    expect(fieldChanges({ args: ['a', 'b'] }, { args: ['a', 'c'] })).toEqual([
      { path: 'args', steps: ['args'], before: ['a', 'b'], after: ['a', 'c'] },
    ]);
  });
});

it('tells texts of several lines as a unified diff', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const changed = lines.with(10, 'another');
  const [change] = fieldChanges({ script: lines.join('\n') }, { script: changed.join('\n') });
  expect(change?.text?.split('\n').slice(1)).toEqual([
    ' line 8',
    ' line 9',
    '-line 10',
    '+another',
    ' line 11',
    ' line 12',
  ]);
  expect(change).not.toHaveProperty('before');
});

it('finds nothing in any value against itself, and something against any other', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(fieldChanges(a, structuredClone(a))).toEqual([]);
      expect(fieldChanges(a, b).length === 0).toBe(fieldChanges(b, a).length === 0);
    }),
  );
});
