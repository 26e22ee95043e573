import type { Problem } from '../models/problem';

const NAME = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;

/**
 * What is wrong with the name of what holds models, which goes by the name of its only one where it has none of its own.
 *
 * @param holder - what people call it
 * @param longest - characters that its objects leave it
 */
export function ownNameProblems(
  { name, models }: { readonly name?: string; readonly models: readonly unknown[] },
  holder: string,
  longest: number,
): Problem[] {
  if (name === undefined) {
    if (models.length <= 1) return [];
    const reason = `is missing: the ${holder} holds ${models.length} models`;
    return [{ key: 'name', reason, fix: 'give it a name of its own' }];
  }
  if (NAME.test(name) && name.length <= longest) return [];
  return [
    {
      key: 'name',
      value: name,
      reason: 'is no name of its objects',
      allowed: `lowercase letters, digits and "-", a letter first, at most ${longest} characters`,
      fix: 'correct it',
    },
  ];
}
