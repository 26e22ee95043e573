/** A model's name as part of an object's name: a DNS label has no dots. */
export function slug(name: string): string {
  return name.replaceAll('.', '-');
}
