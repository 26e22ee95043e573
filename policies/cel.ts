/** A text as CEL writes it. */
export function celText(value: string): string {
  return JSON.stringify(value);
}

/** A list of texts as CEL writes it. */
export function celList(values: readonly string[]): string {
  return `[${values.map(celText).join(', ')}]`;
}

/** A map of texts to whole numbers as CEL writes it. */
export function celCounts(counts: Readonly<Record<string, number>>): string {
  return `{${Object.entries(counts)
    .map(([key, count]) => `${celText(key)}: ${Math.ceil(count)}`)
    .join(', ')}}`;
}

/** Characters that mean something in a regular expression of JavaScript or RE2. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) => (character === '/' ? '/' : `\\${character}`));
}

/** The regular expression, of JavaScript and of RE2, for a text in which `*` stands for any characters. */
export function globPattern(glob: string): string {
  return `^${glob.split('*').map(escaped).join('.*')}$`;
}

/** Whether a text is one that a glob stands for. */
export function matchesGlob(text: string, glob: string): boolean {
  return new RegExp(globPattern(glob)).test(text);
}
