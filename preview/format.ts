import { HOURS_A_MONTH } from '../models/cost';

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const CENTS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** `1,234` */
export function whole(amount: number): string {
  return WHOLE.format(amount);
}

/** USD an hour: `$5.06`. */
export function usdAnHour(amount: number): string {
  return `$${CENTS.format(amount)}`;
}

/** USD a month, of USD an hour: `$3,691`. */
export function usdAMonth(hourly: number): string {
  return `$${WHOLE.format(hourly * HOURS_A_MONTH)}`;
}

/** The difference of two costs, USD a month: `+$1,200`, `-$80`, `as before`. */
export function usdAMonthMore(before: number, after: number): string {
  const more = Math.round((after - before) * HOURS_A_MONTH);
  if (more === 0) return 'as before';
  return `${more > 0 ? '+' : MINUS}$${WHOLE.format(Math.abs(more))}`;
}

/** A minus of the width of a plus. */
const MINUS = '\u2212';

/** GiB: `10.81`. */
export function gib(amount: number): string {
  return CENTS.format(amount);
}

/** `1 pod`, `2 pods`. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : several}`;
}

/** `2-12`, or `2` where both are the same. */
export function range(least: number, most: number): string {
  return least === most ? whole(least) : `${whole(least)}\u2013${whole(most)}`;
}

/** A sentence's first letter large. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** Seconds up to two minutes, minutes up to two hours: `45 s`, `10.6 min`, `2.5 h`. */
export function duration(seconds: number): string {
  const [amount, unit] =
    seconds < 120 ? [seconds, 's'] : seconds < 7200 ? [seconds / 60, 'min'] : [seconds / 3600, 'h'];
  return `${Number(amount.toPrecision(3))} ${unit}`;
}
