import { Random } from './random';
import type { Replica } from './replica';
import { type Requests, requestsOf } from './requests';

/** Requests whose gaps and work vary by these coefficients of variation. */
export function steadyTraffic(
  seed: number,
  count: number,
  ratePerSecond: number,
  { arrivalCv = 1, workCv }: { readonly arrivalCv?: number; readonly workCv: number },
): Requests {
  const random = new Random(seed);
  const at = new Float64Array(count);
  let now = 0;
  for (let index = 0; index < count; index += 1) {
    now += random.gamma(1 / ratePerSecond, arrivalCv);
    at[index] = now;
  }
  return requestsOf(at, () => random.gamma(1, workCv));
}

/** Lets one replica answer all requests. */
export function runSingle(requests: Requests, replica: Replica): void {
  for (let index = 0; index < requests.count; index += 1) {
    const now = requests.at[index] as number;
    while (replica.nextAt <= now) replica.answer();
    replica.take(index, now);
  }
  while (replica.nextAt < Number.POSITIVE_INFINITY) replica.answer();
}

/** Figures of what was simulated, without the requests that came before the queue had settled. */
export function waitFigures({ count, at, started, done }: Requests, warmUp = 0.1) {
  const from = Math.floor(count * warmUp);
  const waits: number[] = [];
  let inside = 0;
  for (let index = from; index < count; index += 1) {
    waits.push((started[index] as number) - (at[index] as number));
    inside += (done[index] as number) - (at[index] as number);
  }
  waits.sort((a, b) => a - b);
  const sum = waits.reduce((total, each) => total + each, 0);
  return {
    meanWaitSeconds: sum / waits.length,
    p95WaitSeconds: waits[Math.floor(waits.length * 0.95)] as number,
    waitShare: waits.filter((each) => each > 0).length / waits.length,
    meanInFlight: inside / ((at[count - 1] as number) - (at[from] as number)),
  };
}
