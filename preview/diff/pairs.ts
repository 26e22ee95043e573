/** A thing before and after; one of the two is left out where it is new or gone. */
export interface Pair<T> {
  readonly before?: T;
  readonly after?: T;
}

/** Tells of two things of the two sides whether they are one, by a key: undefined where it has none. */
export interface Identity<T> {
  readonly before: (thing: T) => readonly string[];
  readonly after: (thing: T) => readonly string[];
}

/**
 * Pairs what is the same on both sides: by the first identity all that it can, then of the rest by the next. Nothing is
 * in two pairs; what no identity pairs is a pair of its own.
 */
export function pairs<T>(before: readonly T[], after: readonly T[], identities: readonly Identity<T>[]): Pair<T>[] {
  const old = new Set(before);
  const now = new Set(after);
  const found: Pair<T>[] = [];
  for (const identity of identities) {
    const byKey = new Map<string, T>();
    const twice = new Set<string>();
    for (const thing of old) {
      for (const key of identity.before(thing)) {
        if (byKey.has(key)) twice.add(key);
        byKey.set(key, thing);
      }
    }
    for (const thing of now) {
      const match = identity
        .after(thing)
        .filter((key) => !twice.has(key))
        .map((key) => byKey.get(key))
        .find((each) => each !== undefined && old.has(each));
      if (match === undefined) continue;
      old.delete(match);
      now.delete(thing);
      found.push({ before: match, after: thing });
    }
  }
  return [...found, ...[...old].map((thing) => ({ before: thing })), ...[...now].map((thing) => ({ after: thing }))];
}

/** Share of what two things say that both say, 0 to 1: the Jaccard index of their fields with values. */
export function likeness(a: unknown, b: unknown): number {
  const left = new Set(leaves(a, ''));
  const right = new Set(leaves(b, ''));
  const common = [...left].filter((leaf) => right.has(leaf)).length;
  const all = left.size + right.size - common;
  return all === 0 ? 1 : common / all;
}

function leaves(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}=${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, `${path}.${key}`));
}
