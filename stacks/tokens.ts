import { type Input, type Output, output } from '@pulumi/pulumi';

const FORM = /^<token-\d+ of [^>]*>$/;

/**
 * Values that are known only after apply, or that are secret, in a chart: a chart is rendered at once, with a text in place
 * of each, and the value is put back into the text's place before the object is registered. The engine keeps what depends on
 * what, and which fields are secret.
 */
export class Tokens {
  private readonly values = new Map<string, Output<string>>();

  /**
   * The text that stands for a value.
   *
   * @param name - what it is, should the text ever be seen
   */
  of(name: string, value: Input<string>): string {
    const token = `<token-${this.values.size} of ${name}>`;
    this.values.set(token, output(value));
    return token;
  }

  /**
   * A manifest with the values in it.
   *
   * @throws Error where a text stands for nothing: a chart was filled with another's tokens
   */
  fill<T>(part: T): Input<T> {
    if (typeof part === 'string') {
      if (!FORM.test(part)) return part;
      const value = this.values.get(part);
      if (value === undefined) throw new Error(`${part} stands for nothing`);
      return value as unknown as Input<T>;
    }
    if (Array.isArray(part)) return part.map((each) => this.fill(each)) as unknown as Input<T>;
    if (part === null || typeof part !== 'object') return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, this.fill(value)])) as Input<T>;
  }
}
