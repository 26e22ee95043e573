import { z } from 'zod';
import { MACHINE_TYPES } from './machine-type';
import { parseAll, wording } from './parse';
import data from './prices.json';

/** How a machine is bought. A commitment is resource-based: so many vCPUs, GiB and GPUs of a region for a term. */
export const PURCHASES = ['on-demand', 'spot', 'commitment-1y', 'commitment-3y'] as const;
export type Purchase = (typeof PURCHASES)[number];

/** Zonal persistent disks, and the standard class of a bucket in one region. */
export const STORAGE_KINDS = ['pd-balanced', 'pd-ssd', 'gcs-standard'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

/** Where a price was looked up, and what day it is of. */
export interface Citation {
  readonly source: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
}

/** What was taken off a list price. */
export interface Discount extends Citation {
  readonly percent: number;
}

interface Cited extends Citation {
  /** Left out where the price is the source's own. */
  readonly discount?: Discount;
}

/** A price an hour. GPUs are in a machine's, and so are the local SSDs that a machine type comes with. */
export interface HourlyPrice extends Cited {
  readonly usdPerHour: number;
}

/** A price a GiB and month. */
export interface StoragePrice extends Cited {
  readonly usdPerGibMonth: number;
}

/** There is no such price: which one, and what to do about it. */
export interface Missing {
  readonly missing: string;
}

export function isMissing(price: object): price is Missing {
  return 'missing' in price;
}

const usd = z
  .number()
  .refine(
    (amount) => amount > 0,
    wording({ reason: 'is not a price', allowed: 'USD, more than 0', fix: 'state the price, or remove the key' }),
  );
const date = z.iso.date(wording({ reason: 'is not a date', allowed: 'a date such as 2026-07-30' }));
const byPurchase = {
  'on-demand': usd.optional(),
  spot: usd.optional(),
  'commitment-1y': usd.optional(),
  'commitment-3y': usd.optional(),
} satisfies Record<Purchase, z.ZodType>;

const sourceName = z.enum(Object.keys(data.sources) as (keyof typeof data.sources)[]);
const storageEntry = z.strictObject({ source: sourceName, usdPerGibMonth: usd });

/** The shape of `prices.json`. */
const listSchema = z.strictObject({
  sources: z.record(sourceName, z.strictObject({ source: z.string().min(1), date, note: z.string().optional() })),
  clusterFee: z.strictObject({ source: sourceName, usdPerHour: usd }),
  machines: z.record(z.string(), z.record(z.string(), z.strictObject({ source: sourceName, ...byPurchase }))),
  storage: z.record(z.string(), z.partialRecord(z.enum(STORAGE_KINDS), storageEntry)),
});
type PriceList = z.infer<typeof listSchema>;

const ownPrices = z.strictObject(byPurchase).refine((prices) => Object.keys(prices).length > 0, {
  error: wording({ reason: 'states no price', allowed: PURCHASES.join(', '), fix: 'add one, or remove the entry' }),
  // A mistyped purchase is told as that alone.
  when: ({ issues }) => issues.length === 0,
});

/** What a name that is no machine type may be instead; undefined where it can be one. */
function allowedInPlaceOf(name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/.test(name)) return 'a machine type such as e2-standard-4';
  const family = MACHINE_TYPES.map((type) => type.name).filter((each) => each.startsWith(`${name.split('-')[0]}-`));
  return family.length === 0 || family.includes(name) ? undefined : family.join(', ');
}

/**
 * Prices of one's own, in place of the list's: what a contract says.
 *
 * GPU machine types are those of `machine-type.ts`. Of other families any machine type can be priced, also one that
 * the list has no price of.
 */
export const priceOverridesSchema = z.strictObject({
  /** Where these prices stand, for example the contract. */
  source: z.string().min(1),
  /** The day they are of. */
  date,
  /**
   * Percent off every list price: machines however they are bought, storage, cluster fee. Prices under `machines` stay
   * as they are stated.
   *
   * @default - list prices
   */
  discountPercent: z
    .number()
    .refine(
      (percent) => percent >= 0 && percent < 100,
      wording({
        reason: 'is not a discount',
        allowed: 'at least 0, less than 100',
        fix: 'state percent off, such as 15',
      }),
    )
    .optional(),
  /**
   * USD an hour of a machine type, by purchase, in any region.
   *
   * @default - list prices
   */
  machines: z
    .record(z.string(), ownPrices)
    .superRefine((machines, context) => {
      for (const name of Object.keys(machines)) {
        const allowed = allowedInPlaceOf(name);
        if (allowed === undefined) continue;
        const words = { reason: 'is not a machine type', allowed, fix: 'mend the name, or remove the entry' };
        context.addIssue({ code: 'custom', path: [name], message: wording(words) });
      }
    })
    .optional(),
});
export type PriceOverrides = z.infer<typeof priceOverridesSchema>;

/** List prices and what an environment changes about them. Read it through the functions of this file. */
export interface PriceBook {
  readonly list: PriceList;
  readonly overrides?: PriceOverrides;
}

/**
 * The price book: `prices.json`, with prices of one's own where there are any.
 *
 * @param overrides - @default - list prices
 * @param where - how messages name the overrides @default - `price overrides`, keys as they stand in them
 * @throws InputError with every problem of the overrides
 */
export function priceBook(overrides?: PriceOverrides, where = { source: 'price overrides', root: '' }): PriceBook {
  const list = parseAll('models/prices.json', listSchema, data);
  if (overrides === undefined) return { list };
  return { list, overrides: parseAll(where.source, priceOverridesSchema, overrides, where.root) };
}

export interface MachineQuery {
  readonly machineType: string;
  readonly region: string;
  readonly purchase: Purchase;
}

/** What a machine costs an hour, or which price is missing: none is ever guessed from another. */
export function machinePrice(book: PriceBook, query: MachineQuery): HourlyPrice | Missing {
  const { machineType, region, purchase } = query;
  const own = book.overrides?.machines?.[machineType]?.[purchase];
  if (book.overrides !== undefined && own !== undefined) {
    return { usdPerHour: own, source: book.overrides.source, date: book.overrides.date };
  }
  const entry = book.list.machines[region]?.[machineType];
  const listed = entry?.[purchase];
  if (entry === undefined || listed === undefined) {
    const known = Object.keys(book.list.machines[region] ?? {});
    const has = known.length === 0 ? `; it has machines of ${Object.keys(book.list.machines).join(', ')}` : '';
    return {
      missing: `models/prices.json has no ${purchase} price of ${machineType} in ${region}${has}. State it in the price overrides: machines.${machineType}.${purchase}`,
    };
  }
  return { usdPerHour: discounted(book, listed), ...cited(book, entry.source) };
}

/** What a GiB of storage costs a month, or which price is missing. */
export function storagePrice(
  book: PriceBook,
  { kind, region }: { readonly kind: StorageKind; readonly region: string },
): StoragePrice | Missing {
  const entry = book.list.storage[region]?.[kind];
  if (entry === undefined) {
    const regions = Object.keys(book.list.storage).join(', ');
    return { missing: `models/prices.json has no price of ${kind} in ${region}; it has storage of ${regions}` };
  }
  return { usdPerGibMonth: discounted(book, entry.usdPerGibMonth), ...cited(book, entry.source) };
}

/** The management fee of one GKE cluster. The free tier, one zonal cluster a billing account, is not taken off. */
export function clusterFee(book: PriceBook): HourlyPrice {
  const { usdPerHour, source } = book.list.clusterFee;
  return { usdPerHour: discounted(book, usdPerHour), ...cited(book, source) };
}

function discounted({ overrides }: PriceBook, price: number): number {
  return price * (1 - (overrides?.discountPercent ?? 0) / 100);
}

function cited({ list, overrides }: PriceBook, name: keyof PriceList['sources']): Cited {
  const { source, date } = list.sources[name];
  const percent = overrides?.discountPercent ?? 0;
  if (overrides === undefined || percent === 0) return { source, date };
  return { source, date, discount: { percent, source: overrides.source, date: overrides.date } };
}
