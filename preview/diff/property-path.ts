/** One step into a value: a key, or a place in a list. */
export type Step = string | number;

/**
 * A path as options of resources name it: `nodeConfig.labels`, `data["server.crt"]`, `rules[0].host`, with `*` for any
 * member (sdk/go/common/resource/property_path.go in pulumi/pulumi).
 */
export function parsePropertyPath(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, key]) => quoted?.replace(/\\(.)/g, '$1') ?? index ?? key ?? '',
  );
}

/** Whether `steps` lead to what `path` names, or below it. */
export function pathContains(path: string, steps: readonly Step[]): boolean {
  const named = parsePropertyPath(path);
  return named.length <= steps.length && agree(named, steps);
}

/** Whether one of the two leads to the other, or below it. */
export function pathsMeet(path: string, steps: readonly Step[]): boolean {
  return agree(parsePropertyPath(path), steps);
}

function agree(named: readonly string[], steps: readonly Step[]): boolean {
  return named.every((step, index) => step === '*' || index >= steps.length || step === String(steps[index]));
}
