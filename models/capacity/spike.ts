import { sum } from '../sum';

/** A rise of traffic that stays, met by what is ready and what an autoscaler adds to it. */
export interface Spike {
  /** Requests a second from its beginning on, a like share for each replica that is ready. */
  readonly ratePerSecond: number;
  /** Replicas at its beginning, and at most. */
  readonly from: number;
  readonly most: number;
  /** Requests a second that a replica does. */
  readonly perReplica: number;
  /** Seconds from what full replicas tell until those that are ordered for it are ready. */
  readonly readySeconds: number;
  /** Seconds that a request may wait. */
  readonly waitSeconds: number;
  /** What a replica tells the autoscaler at so many requests a second, in targets; where it cannot do them, it is full. */
  readonly told: (perSecond: number) => number;
}

/** Replicas that are ready from a time on. */
export interface Round {
  readonly seconds: number;
  readonly replicas: number;
}

/** What a spike does to those who come during it. */
export interface SpikeOutcome {
  readonly rounds: readonly Round[];
  /** Requests that wait at most; infinite where more come than is ever done. */
  readonly backlog: number;
  /** Seconds from the beginning of the spike until nothing waits any more; infinite where that never is. */
  readonly goneSeconds: number;
  /** Longest wait; infinite where the backlog never goes. */
  readonly longestWaitSeconds: number;
  /** Requests that wait longer than they may until the backlog is gone; infinite where it never goes. */
  readonly late: number;
  /** Requests that come until it is gone; infinite where it never goes. */
  readonly came: number;
  /** Waiting requests over time, for a picture: each time more is ready, until nothing waits, or half as long again. */
  readonly curve: readonly { readonly seconds: number; readonly waiting: number }[];
}

/** Replicas that got ready at the same time. */
interface Cohort {
  readonly replicas: number;
  /** Requests that wait in each of them. */
  waiting: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/** What an autoscaler leaves alone (`--horizontal-pod-autoscaler-tolerance`). */
const TOLERANCE = 0.1;

/**
 * A spike as a fluid (Newell, Applications of Queueing Theory, 1982, chapter 2), in each replica: requests flow in at one
 * rate and are done at another, first in first out, and what is more waits, there: a new replica takes none of it over.
 * Chance is left out: it is small beside a backlog that grows for minutes.
 *
 * The autoscaler adds replicas in rounds. Full ones ask for as many times their number as they tell targets; while those
 * are not ready they count as idle, so that no more is asked for (kubernetes v1.34.4, replica_calculator.go).
 */
export function spikeOutcome(spike: Spike): SpikeOutcome {
  const { ratePerSecond, most, perReplica, readySeconds, waitSeconds } = spike;
  const cohorts: Cohort[] = [];
  const rounds: Round[] = [];
  const curve = [{ seconds: 0, waiting: 0 }];
  let late = 0;
  let longest = 0;
  for (let replicas = spike.from, now = 0; ; now += readySeconds) {
    cohorts.push({ replicas: replicas - (rounds.at(-1)?.replicas ?? 0), waiting: 0 });
    rounds.push({ seconds: now, replicas });
    const comes = ratePerSecond / replicas;
    const grows = comes - perReplica;
    const oldest = cohorts[0] as Cohort;
    if (grows <= 0 && oldest.waiting === 0) break;
    const next = Math.min(most, asked(spike, cohorts, replicas, comes));
    const gone = grows < 0 ? oldest.waiting / -grows : NEVER;
    const seconds = Math.min(gone, next > replicas ? readySeconds : NEVER);
    if (seconds === NEVER) {
      const shown = now === 0 ? readySeconds : now / 2;
      curve.push({ seconds: now + shown, waiting: total(cohorts) + grows * replicas * shown });
      return { rounds, backlog: NEVER, goneSeconds: NEVER, longestWaitSeconds: NEVER, late: NEVER, came: NEVER, curve };
    }
    for (const cohort of cohorts) {
      const lasts = grows < 0 ? Math.min(seconds, cohort.waiting / -grows) : seconds;
      const after = Math.max(0, cohort.waiting + grows * lasts);
      late += cohort.replicas * comes * lasts * shareAbove(waitSeconds * perReplica, cohort.waiting, after);
      cohort.waiting = after;
      longest = Math.max(longest, after / perReplica);
    }
    curve.push({ seconds: now + seconds, waiting: total(cohorts) });
    if (seconds === gone) break;
    replicas = next;
  }
  const { seconds: goneSeconds } = curve.at(-1) as { seconds: number };
  const backlog = Math.max(...curve.map(({ waiting }) => waiting));
  return { rounds, backlog, goneSeconds, longestWaitSeconds: longest, late, came: ratePerSecond * goneSeconds, curve };
}

/** Replicas that the autoscaler asks for: those in which requests wait are full. */
function asked({ told, perReplica }: Spike, cohorts: readonly Cohort[], replicas: number, comes: number): number {
  const full = comes > perReplica ? replicas : count(cohorts.filter(({ waiting }) => waiting > 0));
  const ratio = (full * told(NEVER) + (full === replicas ? 0 : (replicas - full) * told(comes))) / replicas;
  return ratio <= 1 + TOLERANCE ? replicas : Math.ceil(ratio * replicas - 1e-9);
}

function count(cohorts: readonly Cohort[]): number {
  return sum(cohorts.map(({ replicas }) => replicas));
}

function total(cohorts: readonly Cohort[]): number {
  return sum(cohorts.map(({ replicas, waiting }) => replicas * waiting));
}

/** How much of a line from one value to another lies above a limit. */
function shareAbove(limit: number, from: number, to: number): number {
  const [low, high] = from < to ? [from, to] : [to, from];
  if (high <= limit) return 0;
  return low >= limit ? 1 : (high - limit) / (high - low);
}
