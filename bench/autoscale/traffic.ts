import { readFileSync } from 'node:fs';
import { Random } from './random';
import { type Requests, requestsOf } from './requests';

/** A day of requests. */
export interface DayOptions {
  readonly seed: number;
  /** Requests a second over the whole day, without bursts. */
  readonly meanPerSecond: number;
  /** Coefficient of variation of the work of requests. */
  readonly workCv: number;
  /** @default a day */
  readonly seconds?: number;
}

const DAY = 86_400;

/** Bursts of a day, how many times as many requests they bring at most, and how long they last at most, seconds. */
const BURSTS = 12;
const BURST_TIMES = 2;
const BURST_SECONDS = 1200;

/**
 * A day that is quiet at night and busy in the afternoon, five times as much at its peak as at its least, with a dozen
 * bursts at any time, each up to twice as much for up to twenty minutes, rising within one minute.
 */
export function day({ seed, meanPerSecond, workCv, seconds = DAY }: DayOptions): Requests {
  const random = new Random(seed);
  const bursts = Array.from({ length: BURSTS }, () => ({
    at: random.uniform() * seconds,
    lasts: BURST_SECONDS * (0.1 + 0.9 * random.uniform()),
    times: 1 + (BURST_TIMES - 1) * random.uniform(),
  }));
  const rate = (at: number) => {
    const daily = 1 - (2 / 3) * Math.cos((2 * Math.PI * at) / seconds);
    return bursts.reduce((product, burst) => {
      const since = at - burst.at;
      if (since < 0 || since > burst.lasts) return product;
      return product * (1 + (burst.times - 1) * Math.min(1, since / 60));
    }, meanPerSecond * daily);
  };
  // Poisson arrivals of a rate that changes, by thinning (Lewis and Shedler, 1979).
  const most = meanPerSecond * (5 / 3) * BURST_TIMES ** 3;
  const at: number[] = [];
  for (let now = random.exponential(1 / most); now < seconds; now += random.exponential(1 / most)) {
    if (random.uniform() * most < rate(now)) at.push(now);
  }
  return requestsOf(at, () => random.gamma(1, workCv));
}

/**
 * Requests of a published trace: `TIMESTAMP,ContextTokens,GeneratedTokens`, as of Azure's LLM inference traces, whose work is
 * what they generate.
 *
 * @param times - how many times as fast they come
 */
export function azureTrace(file: string, times = 1): Requests {
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  const stamps = rows.map(([stamp = '']) => Date.parse(`${stamp.slice(0, 23).replace(' ', 'T')}Z`) / 1000);
  const tokens = rows.map(([, , generated]) => Number(generated));
  if (stamps.some(Number.isNaN) || tokens.some(Number.isNaN)) {
    throw new Error(`${file} is no trace of TIMESTAMP,ContextTokens,GeneratedTokens`);
  }
  const mean = tokens.reduce((sum, each) => sum + each, 0) / tokens.length;
  const first = stamps[0] as number;
  return requestsOf(
    stamps.map((stamp) => (stamp - first) / times),
    (index) => Math.max(1e-3, (tokens[index] as number) / mean),
  );
}
