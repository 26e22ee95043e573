/** Powers of ten by suffix (k8s.io/apimachinery, pkg/api/resource/suffix.go). */
const DECIMAL: readonly (readonly [suffix: string, power: number])[] = [
  ['E', 18],
  ['P', 15],
  ['T', 12],
  ['G', 9],
  ['M', 6],
  ['k', 3],
  ['', 0],
  ['m', -3],
  ['u', -6],
  ['n', -9],
];
/** Powers of 1024 by suffix. */
const BINARY: readonly (readonly [suffix: string, power: number])[] = [
  ['Ei', 6],
  ['Pi', 5],
  ['Ti', 4],
  ['Gi', 3],
  ['Mi', 2],
  ['Ki', 1],
];
/** The API server keeps nothing below a billionth. */
const NANO = 9;
const PATTERN = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d+)|([EPTGMk]|[munµ]|[KMGTPE]i)?)$/;
/** From here on a decimal count that is whole in this unit is told in it: these are bytes. */
const MEBI = 1024n ** 2n;

/**
 * A quantity in the one form in which the API server tells it: no fractions, the largest suffix that needs none
 * (`1.5Gi` as `1536Mi`, `1000m` as `1`). What is no quantity is returned as it is.
 */
export function canonicalQuantity(value: unknown): unknown {
  const quantity = parsed(value);
  if (quantity === undefined) return value;
  const { nanos, binary } = quantity;
  if (nanos === 0n) return '0';
  return nanos < 0n ? `-${written(-nanos, binary)}` : written(nanos, binary);
}

/** Whether one quantity is less than another; false where one of them is none. */
export function isLess(one: unknown, other: unknown): boolean {
  const [left, right] = [parsed(one), parsed(other)];
  return left !== undefined && right !== undefined && left.nanos < right.nanos;
}

/** A quantity in billionths, and whether it is written in powers of 1024. */
function parsed(value: unknown): { readonly nanos: bigint; readonly binary: boolean } | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const match = PATTERN.exec(String(value));
  if (match === null) return undefined;
  const [, sign, digits = '', exponent, suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const binary = BINARY.find(([each]) => each === suffix)?.[1];
  const power = binary !== undefined ? 0 : decimalPower(exponent, suffix);
  const shift = NANO + power - fraction.length;
  const scaled = BigInt(`${whole}${fraction}` || '0') * 1024n ** BigInt(binary ?? 0);
  // What is smaller than a billionth is rounded up, as there.
  const nanos = shift >= 0 ? scaled * 10n ** BigInt(shift) : ceiling(scaled, 10n ** BigInt(-shift));
  return { nanos: sign === '-' ? -nanos : nanos, binary: binary !== undefined };
}

function decimalPower(exponent: string | undefined, suffix: string): number {
  if (exponent !== undefined) return Number(exponent.slice(1));
  return DECIMAL.find(([each]) => each === suffix.replace('µ', 'u'))?.[1] ?? 0;
}

function written(nanos: bigint, binary: boolean): string {
  const unit = 10n ** BigInt(NANO);
  const units = nanos / unit;
  if (nanos % unit === 0n && (binary || (units >= MEBI && units % MEBI === 0n))) {
    const [suffix, power] = BINARY.find(([, each]) => units % 1024n ** BigInt(each) === 0n) ?? ['', 0];
    return `${units / 1024n ** BigInt(power)}${suffix}`;
  }
  const fitting = DECIMAL.find(([, each]) => nanos % 10n ** BigInt(NANO + each) === 0n) ?? ['n', -NANO];
  return `${nanos / 10n ** BigInt(NANO + fitting[1])}${fitting[0]}`;
}

function ceiling(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
