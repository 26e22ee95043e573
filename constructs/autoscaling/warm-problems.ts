import type { Scale } from '../../models/model';
import type { Problem } from '../../models/problem';
import type { WarmWindow } from './metric-source';

/** Times that KEDA's cron trigger would refuse, or that change nothing. */
export function warmProblems(warm: readonly WarmWindow[], scale: Scale): Problem[] {
  return warm.flatMap((window, index) => {
    const key = `source.warm[${index}]`;
    return [
      ...replicaProblems(window, scale, key),
      ...(['start', 'end'] as const).flatMap((side) => cronProblems(window[side], `${key}.${side}`)),
      ...zoneProblems(window, key),
    ];
  });
}

function replicaProblems({ replicas }: WarmWindow, { min, max }: Scale, key: string): Problem[] {
  if (Number.isInteger(replicas) && replicas > min && replicas <= max) return [];
  return [
    {
      key: `${key}.replicas`,
      value: replicas,
      reason: unfit(replicas, min, max),
      allowed: `a whole number, more than ${min}, at most ${max}`,
      fix: 'correct it, or remove the window',
    },
  ];
}

function unfit(replicas: number, min: number, max: number): string {
  if (!Number.isInteger(replicas)) return 'is no number of replicas';
  return replicas > max ? `is more than scale.max, ${max}` : `changes nothing: ${min} stand ready anyway`;
}

/** Five fields of numbers, names, steps, ranges and lists; what they mean is KEDA's to check. */
const FIELD = String.raw`(\*|[0-9]+|[A-Za-z]{3})([-/,](\*|[0-9]+|[A-Za-z]{3}))*`;
const CRON = new RegExp(String.raw`^${FIELD}(\s+${FIELD}){4}$`);

function cronProblems(value: string, key: string): Problem[] {
  if (CRON.test(value)) return [];
  return [
    {
      key,
      value,
      reason: 'is no time as cron says it',
      allowed: 'minute, hour, day of the month, month, day of the week, as in "0 8 * * 1-5"',
    },
  ];
}

function zoneProblems({ timezone, start, end }: WarmWindow, key: string): Problem[] {
  const problems: Problem[] = [];
  if (!isTimezone(timezone)) {
    problems.push({
      key: `${key}.timezone`,
      value: timezone,
      reason: 'is no time zone',
      allowed: 'a name of the IANA time zone database, as in Europe/Berlin',
    });
  }
  if (start === end) {
    problems.push({ key: `${key}.end`, value: end, reason: 'is when it starts as well: the window is empty' });
  }
  return problems;
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
