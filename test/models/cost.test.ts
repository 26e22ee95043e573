import { describe, expect, it } from 'vitest';
import { type Cost, isUnpriced, poolCost, type ServingCost, type ServingDemand, servingCost } from '../../models/cost';
import { MACHINE_TYPES } from '../../models/machine-type';
import {
  clusterFee,
  type HourlyPrice,
  isMissing,
  type MachineQuery,
  machinePrice,
  type PriceBook,
  type PriceOverrides,
  PURCHASES,
  priceBook,
  type StoragePrice,
  storagePrice,
} from '../../models/price-book';
import data from '../../models/prices.json';
import { InputError } from '../../models/problem';

const LIST = priceBook();
const CONTRACT = { source: 'contract 17', date: '2026-09-01' };
const GCOSTS = { source: data.sources.gcosts.source, date: '2026-07-30' };
const REGIONS = Object.keys(data.machines) as (keyof typeof data.machines)[];
const ENTRIES = REGIONS.flatMap((region) =>
  Object.entries(data.machines[region]).map(([machineType, entry]) => ({ region, machineType, entry })),
);

const g2 = (change: Partial<MachineQuery> = {}): MachineQuery => ({
  machineType: 'g2-standard-8',
  region: 'us-central1',
  purchase: 'on-demand',
  ...change,
});

function usdOf(query: MachineQuery, book: PriceBook = LIST): number {
  const price = machinePrice(book, query);
  if (isMissing(price)) throw new Error(price.missing);
  return price.usdPerHour;
}

function priced<T extends object>(cost: T): Exclude<T, { missing: unknown }> {
  if (isUnpriced(cost)) throw new Error(cost.missing.join());
  return cost as Exclude<T, { missing: unknown }>;
}

function problemsOf(make: () => unknown): InputError['problems'] {
  try {
    make();
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  return [];
}

describe('prices.json', () => {
  it('has every GPU machine type and the system pools of us-central1, on demand and spot', () => {
    const names = [...MACHINE_TYPES.map(({ name }) => name), ...[2, 4, 8, 16].map((cpus) => `e2-standard-${cpus}`)];
    for (const machineType of names) {
      for (const purchase of ['on-demand', 'spot'] as const) expect(usdOf(g2({ machineType, purchase }))).above(0);
    }
  });

  it('says of every price where it was looked up and when', () => {
    const prices: object[] = [clusterFee(LIST)];
    for (const { region, machineType, entry } of ENTRIES) {
      for (const purchase of PURCHASES.filter((each) => each in entry)) {
        prices.push(machinePrice(LIST, { machineType, region, purchase }));
      }
    }
    for (const region of REGIONS) {
      for (const kind of ['pd-balanced', 'pd-ssd', 'gcs-standard'] as const) {
        prices.push(storagePrice(LIST, { kind, region }));
      }
    }
    expect(prices.length).above(250);
    for (const price of prices as (HourlyPrice & StoragePrice)[]) {
      expect(price.usdPerHour ?? price.usdPerGibMonth).above(0);
      expect(price.source).not.toBe('');
      expect(price.date).toMatch(/^20\d\d-\d\d-\d\d$/);
    }
  });

  it('takes from its prices the longer one commits', () => {
    for (const { region, machineType, entry } of ENTRIES) {
      const usd = (purchase: MachineQuery['purchase']) => usdOf({ machineType, region, purchase });
      expect(usd('spot'), machineType).below(usd('on-demand'));
      if (!('commitment-1y' in entry)) continue;
      expect(usd('commitment-1y'), machineType).below(usd('on-demand'));
      expect(usd('commitment-3y'), machineType).below(usd('commitment-1y'));
    }
  });

  it('asks more for more GPUs of one kind', () => {
    for (const accelerator of new Set(MACHINE_TYPES.map((type) => type.accelerator))) {
      const types = MACHINE_TYPES.filter((type) => type.accelerator === accelerator);
      for (const few of types) {
        for (const many of types.filter(({ gpus }) => gpus > few.gpus)) {
          const [less, more] = [few, many].map(({ name }) => usdOf(g2({ machineType: name })));
          expect(less, `${few.name}, ${many.name}`).below(more ?? 0);
        }
      }
    }
  });

  it('agrees with another source on an A100: host and GPU are apart there', () => {
    // skypilot-org/skypilot-catalog, catalogs/v8/gcp/vms.csv at 006059e0: the hosts alone.
    const gpu = usdOf(g2({ machineType: 'a2-highgpu-1g' })) - 0.73948;
    expect(usdOf(g2({ machineType: 'a2-megagpu-16g' }))).toBeCloseTo(8.79698 + 16 * gpu, 3);
  });
});

describe('machinePrice', () => {
  it('gives the price, where it is from and its date', () => {
    expect(machinePrice(LIST, g2())).toEqual({ usdPerHour: 0.853624271, ...GCOSTS });
  });

  it.each([
    [
      { region: 'europe-north1' },
      'no on-demand price of g2-standard-8 in europe-north1; it has machines of us-central1',
    ],
    [{ machineType: 'n2-standard-8' }, 'no on-demand price of n2-standard-8 in us-central1. State it'],
    [{ machineType: 'a2-ultragpu-1g', purchase: 'commitment-3y' }, 'no commitment-3y price of a2-ultragpu-1g'],
    [{ machineType: 'a2-highgpu-1g', region: 'us-east4' }, 'no on-demand price of a2-highgpu-1g in us-east4'],
  ] as const)('says which price is missing: %j', (change, text) => {
    expect(machinePrice(LIST, g2(change))).toEqual({ missing: expect.stringContaining(text) });
  });
});

describe('overrides', () => {
  it('put a price in place of the list price, with a source of its own', () => {
    const book = priceBook({ ...CONTRACT, machines: { 'g2-standard-8': { 'on-demand': 0.5 } } });
    expect(machinePrice(book, g2())).toEqual({ usdPerHour: 0.5, ...CONTRACT });
    expect(machinePrice(book, g2({ purchase: 'spot' }))).toEqual(machinePrice(LIST, g2({ purchase: 'spot' })));
  });

  it('price a machine, a purchase or a region that the list does not have', () => {
    const book = priceBook({
      ...CONTRACT,
      machines: { 'n2-standard-8': { 'on-demand': 0.4 }, 'a2-ultragpu-1g': { 'commitment-1y': 3 } },
    });
    expect(usdOf(g2({ machineType: 'n2-standard-8', region: 'europe-north1' }), book)).toBe(0.4);
    expect(usdOf(g2({ machineType: 'a2-ultragpu-1g', purchase: 'commitment-1y' }), book)).toBe(3);
  });

  it('take a discount off list prices, and say so, but not off stated ones', () => {
    const book = priceBook({ ...CONTRACT, discountPercent: 10, machines: { 'g2-standard-8': { spot: 0.4 } } });
    const discount = { percent: 10, ...CONTRACT };
    expect(usdOf(g2(), book)).toBeCloseTo(0.7682618439, 10);
    expect(machinePrice(book, g2())).toMatchObject({ ...GCOSTS, discount });
    expect(machinePrice(book, g2({ purchase: 'spot' }))).toEqual({ usdPerHour: 0.4, ...CONTRACT });
    expect(clusterFee(book)).toMatchObject({ usdPerHour: expect.closeTo(0.09, 10), discount });
    expect(storagePrice(book, { kind: 'gcs-standard', region: 'us-central1' })).toMatchObject({
      usdPerGibMonth: expect.closeTo(0.018, 10),
    });
  });

  it.each<[string, object, object]>([
    [
      'machines.g2-standard-9',
      { machines: { 'g2-standard-9': { spot: 1 } } },
      { allowed: /g2-standard-4, /, fix: /mend/ },
    ],
    ['machines.Big', { machines: { Big: { spot: 1 } } }, { allowed: /such as e2-standard-4/, fix: /mend/ }],
    ['machines.g2-standard-4', { machines: { 'g2-standard-4': {} } }, { allowed: /on-demand, spot/, fix: /add one/ }],
    [
      'machines.g2-standard-4.spott',
      { machines: { 'g2-standard-4': { spott: 1 } } },
      { allowed: /spot/, fix: /spot\?/ },
    ],
    [
      'machines.g2-standard-4.spot',
      { machines: { 'g2-standard-4': { spot: 0 } } },
      { allowed: /more than 0/, fix: /state/ },
    ],
    ['discountPercent', { discountPercent: 100 }, { allowed: /less than 100/, fix: /such as 15/ }],
    ['discountPercent', { discountPercent: -1 }, { allowed: /at least 0/, fix: /such as 15/ }],
    ['date', { date: 'yesterday' }, { allowed: /such as 2026-07-30/ }],
    ['discount', { discount: 5 }, { allowed: /discountPercent/, fix: /remove/ }],
  ])('that cannot be are refused: %s', (key, change, words) => {
    const [problem, ...others] = problemsOf(() => priceBook({ ...CONTRACT, ...change } as PriceOverrides));
    expect(others).toEqual([]);
    expect(problem?.key).toBe(key);
    for (const [name, pattern] of Object.entries(words)) expect(problem?.[name as 'fix']).toMatch(pattern);
  });

  it('are refused with all problems at once, under the keys of their file', () => {
    const overrides = { discountPercent: 200, machines: { 'g2-standard-9': { spot: 1 } } } as unknown as PriceOverrides;
    const where = { source: 'Pulumi.dev.yaml', root: 'triton-stack:prices.' };
    const keys = problemsOf(() => priceBook(overrides, where)).map(({ key }) => key);
    expect(keys.sort()).toEqual(
      ['date', 'discountPercent', 'machines.g2-standard-9', 'source'].map((key) => `triton-stack:prices.${key}`),
    );
  });
});

// Prices that a hand can reckon with: a disk of 730 GiB at the list's 0.1 USD a GiB and month is 0.1 USD an hour.
const ROUND = priceBook({ ...CONTRACT, machines: { 'g2-standard-8': { 'on-demand': 2, 'commitment-1y': 1 } } });
const DEMAND: ServingDemand = {
  ...g2(),
  diskGb: 730,
  diskType: 'pd-balanced',
  leastNodes: 1,
  replicas: 5,
  replicasPerNode: 2,
  utilization: 0.25,
};
const serve = (change: Partial<ServingDemand> = {}, book = ROUND): ServingCost =>
  priced(servingCost(book, { ...DEMAND, ...change }));

describe('poolCost', () => {
  const pool = { ...g2(), nodes: 3, diskGb: 200, diskType: 'pd-ssd' } as const;

  it('is nodes and their disks, each with its price', () => {
    const cost: Cost = priced(poolCost(ROUND, pool));
    expect(cost.parts.map(({ name, quantity, unit }) => [name, quantity, unit])).toEqual([
      ['nodes', 3, 'node'],
      ['node disks', 600, 'GiB'],
    ]);
    // 3 × 2 + 600 × 0.17 / 730
    expect(cost.usdPerHour).toBeCloseTo(6.139726, 6);
    expect(cost.sources).toEqual([CONTRACT, GCOSTS]);
  });

  it('of no nodes costs nothing', () => {
    expect(priced(poolCost(LIST, { ...pool, nodes: 0 })).usdPerHour).toBe(0);
  });

  it('says every price that is missing', () => {
    const cost = poolCost(LIST, { ...pool, region: 'europe-north1' });
    expect(isUnpriced(cost) && cost.missing.map((text) => text.slice(0, 50))).toEqual([
      'models/prices.json has no on-demand price of g2-st',
      'models/prices.json has no price of pd-ssd in europ',
    ]);
  });

  it.each([
    ['nodes', { nodes: 0.5 }],
    ['diskGb', { diskGb: -1 }],
    ['purchase', { purchase: 'lease' as 'spot' }],
  ])('refuses what cannot be: %s', (key, change) => {
    expect(problemsOf(() => poolCost(LIST, { ...pool, ...change }))).toMatchObject([{ key }]);
  });
});

describe('servingCost', () => {
  it('is one node idle and three active, for five replicas by twos', () => {
    const { idle, active } = serve();
    expect([idle.nodes, active.nodes]).toEqual([1, 3]);
    expect(idle.usdPerHour).toBeCloseTo(2.1, 10);
    expect(active.usdPerHour).toBeCloseTo(6.3, 10);
  });

  it('is never active on fewer nodes than it keeps', () => {
    expect(serve({ leastNodes: 4 }).active.nodes).toBe(4);
  });

  it('costs a month its active and its idle hours', () => {
    const { month } = serve();
    // 182.5 h × 6.3 + 547.5 h × 2.1
    expect(month.usd).toBeCloseTo(2299.5, 8);
    expect(month.parts.map(({ name, hours }) => [name, hours])).toEqual([
      ['active', 182.5],
      ['idle', 547.5],
    ]);
    expect(serve({ leastNodes: 0, utilization: 0 }).month.usd).toBe(0);
    expect(serve({ utilization: 1 }).month.usd).toBeCloseTo(730 * 6.3, 8);
  });

  it('pays committed nodes whether they run or not', () => {
    const { idle, active, month } = serve({ purchase: 'commitment-1y' });
    expect(idle.parts[0]).toMatchObject({ name: 'committed nodes', quantity: 3, usdPerHour: 3 });
    expect(idle.usdPerHour).toBeCloseTo(3.1, 10);
    expect(active.usdPerHour).toBeCloseTo(3.3, 10);
    expect(month.usd).toBeCloseTo(182.5 * 3.3 + 547.5 * 3.1, 8);
  });

  it('costs a million tokens less the more of the month is used', () => {
    const { millionTokens } = serve({ tokensPerSecond: 200 });
    // 5 × 200 tokens/s are 3.6 million an hour, and 657 million in 182.5 h
    expect(millionTokens).toEqual({
      tokensPerSecond: 1000,
      active: expect.closeTo(1.75, 10),
      month: expect.closeTo(3.5, 10),
    });
    const always = serve({ tokensPerSecond: 200, utilization: 1 }).millionTokens;
    expect(always?.month).toBeCloseTo(1.75, 10);
  });

  it('has no cost of tokens without a throughput, and none of a month without use', () => {
    expect(serve().millionTokens).toBeUndefined();
    expect(serve({ tokensPerSecond: 200, utilization: 0 }).millionTokens).not.toHaveProperty('month');
  });

  it('counts the control plane only where a share of it is stated', () => {
    const shared = serve({ controlPlaneShare: 0.5 });
    expect(shared.idle.usdPerHour).toBeCloseTo(2.15, 10);
    expect(shared.counted).toContain("control plane: 50 % of the cluster's management fee");
    expect(shared.sources).toContainEqual({ source: data.sources.gke.source, date: data.sources.gke.date });
    expect(serve().notCounted).toContain("control plane: the cluster's management fee");
    expect(serve().sources).toEqual([CONTRACT, GCOSTS]);
  });

  it('names the contract behind a discount among the sources', () => {
    expect(serve({}, priceBook({ ...CONTRACT, discountPercent: 20 })).sources).toEqual([GCOSTS, CONTRACT]);
  });

  it('has parts that add up', () => {
    const { idle, active, month } = serve({ controlPlaneShare: 1 }, LIST);
    for (const { usdPerHour, parts } of [idle, active]) {
      for (const part of parts) expect(part.usdPerHour).toBe(part.quantity * part.usdPerUnitHour);
      expect(parts.reduce((sum, part) => sum + part.usdPerHour, 0)).toBeCloseTo(usdPerHour, 12);
    }
    expect(month.parts.reduce((sum, part) => sum + part.usd, 0)).toBeCloseTo(month.usd, 9);
  });

  it('says which price is missing', () => {
    expect(servingCost(LIST, { ...DEMAND, machineType: 'n2-standard-8' })).toEqual({
      missing: [expect.stringContaining('no on-demand price of n2-standard-8')],
    });
  });

  it('refuses what cannot be, all at once', () => {
    const demand = { ...DEMAND, utilization: 1.5, replicas: 0, controlPlaneShare: -1, tokensPerSecond: 0 };
    const problems = problemsOf(() => servingCost(LIST, demand));
    expect(problems.map(({ key }) => key).sort()).toEqual([
      'controlPlaneShare',
      'replicas',
      'tokensPerSecond',
      'utilization',
    ]);
    expect(problems.find(({ key }) => key === 'utilization')).toMatchObject({ value: 1.5, allowed: 'at most 1' });
  });
});
