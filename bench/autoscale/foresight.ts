import type { Decide } from './fleet';
import type { Requests } from './requests';

const BIN = 60;

/**
 * Replicas for what will come: at any time enough for each minute until a replica that is ordered now would be ready, so
 * that none is missing, and none is removed that would be ordered again before.
 *
 * @param perReplica - requests a second that one replica is given
 */
export function foresight(
  { count, at }: Requests,
  perReplica: number,
  readySeconds: number,
  { min, max }: { readonly min: number; readonly max: number },
): Decide {
  const bins = new Float64Array(Math.ceil((at[count - 1] as number) / BIN) + 1);
  for (let index = 0; index < count; index += 1) {
    const bin = Math.floor((at[index] as number) / BIN);
    bins[bin] = (bins[bin] as number) + 1;
  }
  const ahead = Math.ceil(readySeconds / BIN) + 1;
  return (now) => {
    const from = Math.floor(now / BIN);
    const most = bins.subarray(from, from + ahead + 1).reduce((a, b) => Math.max(a, b), 0) / BIN;
    return Math.min(max, Math.max(min, Math.ceil(most / perReplica)));
  };
}
