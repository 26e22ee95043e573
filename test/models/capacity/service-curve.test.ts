import { describe, expect, it } from 'vitest';
import { bestTogether, serviceSeconds } from '../../../models/capacity/service-curve';

const POINTS = [
  { requests: 2, seconds: 4 },
  { requests: 6, seconds: 6 },
];

describe('serviceSeconds', () => {
  it('is what was measured at the points, and on a line between them', () => {
    expect([2, 4, 6].map((requests) => serviceSeconds(POINTS, requests))).toEqual([4, 5, 6]);
  });

  it('hopes for nothing below the first point and does no more a second above the last', () => {
    expect(serviceSeconds(POINTS, 1)).toBe(4);
    expect(serviceSeconds(POINTS, 12)).toBe(12);
  });

  it('takes a single point for a rate that batching does not raise', () => {
    expect(8 / serviceSeconds([{ requests: 1, seconds: 0.5 }], 8)).toBe(2);
  });
});

describe('bestTogether', () => {
  it('is the largest number while more at once is more a second', () => {
    expect(bestTogether(POINTS, 6)).toBe(6);
  });

  it('is the point after which a second holds fewer', () => {
    const worse = [...POINTS, { requests: 12, seconds: 20 }];
    expect(bestTogether(worse, 12)).toBe(6);
  });
});
