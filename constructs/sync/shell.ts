/** A shell script as it stands, with `\${` for `${`. */
export function shell({ raw }: TemplateStringsArray): string {
  return raw.join('').trimStart().replaceAll('\\${', '${');
}
