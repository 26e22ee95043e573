import { expect, it } from 'vitest';
import { likeness, pairs } from '../../../preview/diff/pairs';

interface Thing {
  readonly id: string;
  readonly kin?: string;
}
const byId = { before: ({ id }: Thing) => [id], after: ({ id }: Thing) => [id] };
const byKin = {
  before: ({ kin }: Thing) => (kin === undefined ? [] : [kin]),
  after: ({ kin }: Thing) => (kin === undefined ? [] : [kin]),
};

it('pairs by the first identity that can', () => {
  const before = [{ id: 'a', kin: 'x' }, { id: 'b', kin: 'y' }, { id: 'gone' }];
  const after = [{ id: 'b', kin: 'x' }, { id: 'c', kin: 'x' }, { id: 'new' }];
  expect(pairs<Thing>(before, after, [byId, byKin])).toEqual([
    { before: before[1], after: after[0] },
    { before: before[0], after: after[1] },
    { before: before[2] },
    { after: after[2] },
  ]);
});

it('pairs nothing where two would do', () => {
  const before = [
    { id: 'a', kin: 'x' },
    { id: 'b', kin: 'x' },
  ];
  const after = [{ id: 'c', kin: 'x' }];
  expect(pairs<Thing>(before, after, [byId, byKin])).toHaveLength(3);
});

it('tells how alike two things are', () => {
  expect(likeness({ a: 1, b: { c: 2 } }, { a: 1, b: { c: 2 } })).toBe(1);
  expect(likeness({ a: 1, b: { c: 2 } }, { a: 1, b: { c: 3 } })).toBeCloseTo(1 / 3);
  expect(likeness({ a: 1 }, { b: 1 })).toBe(0);
});
