import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalQuantity } from '../../../preview/diff/quantity';

it.each([
  ['1000m', '1'],
  ['9500m', '9500m'],
  ['9.5', '9500m'],
  ['0.1', '100m'],
  [1, '1'],
  ['1.5Gi', '1536Mi'],
  ['1024Mi', '1Gi'],
  ['34.5Gi', '35328Mi'],
  ['1073741824', '1Gi'],
  ['1e3', '1k'],
  ['1E', '1E'],
  ['2000000', '2M'],
  ['0', '0'],
  ['0Gi', '0'],
  ['-1.5', '-1500m'],
  ['100u', '100u'],
  ['0.5n', '1n'],
  ['.5', '500m'],
  ['5.', '5'],
])('%s is told as %s', (written, told) => {
  expect(canonicalQuantity(written)).toBe(told);
});

it.each(['25%', 'abc', '', '1 Gi', '1GiB', true, undefined])('leaves %s alone', (value) => {
  expect(canonicalQuantity(value)).toBe(value);
});

it('tells what it told the same way again, and what is the same alike', () => {
  const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 3 }), (count, unit) => {
      const told = canonicalQuantity(`${count}${binary[unit + 1]}`);
      expect(canonicalQuantity(told)).toBe(told);
      expect(canonicalQuantity(`${count * 1024}${binary[unit]}`)).toBe(told);
    }),
  );
});
