/** Things in the order of a text that each has, compared by code units: the same on every machine. */
export function sortedBy<T>(things: Iterable<T>, key: (thing: T) => string): T[] {
  return [...things].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
