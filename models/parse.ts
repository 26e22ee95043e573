import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { InputError, type Problem } from './problem';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: Problem[] };

/**
 * Checks `input` against `schema` and words each issue as a {@link Problem}.
 *
 * @param root - what stands before the first key in messages, for example `triton-stack:`
 */
export function parse<T>(schema: z.ZodType<T>, input: unknown, root = ''): Parsed<T> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, problems: result.error.issues.flatMap((issue) => toProblems(issue, input, schema, root)) };
}

/**
 * As {@link parse}, for input that has to be right.
 *
 * @param source - what messages call the input
 * @throws InputError with every problem
 */
export function parseAll<T>(source: string, schema: z.ZodType<T>, input: unknown, root = ''): T {
  const parsed = parse(schema, input, root);
  if (!parsed.ok) throw new InputError(source, parsed.problems);
  return parsed.value;
}

/** A key as it is written in messages: `pools.l4.zones[0]`. */
export function keyOf(path: readonly PropertyKey[], root = ''): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return text === '' ? root.replace(/[:.]$/, '') : `${root}${text}`;
}

/** The known word that was probably meant, or undefined where none is near. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(word.toLowerCase(), known as string[]);
  const near = Math.max(1, Math.floor(Math.max(word.length, best.length) / 3));
  return distance(word.toLowerCase(), best.toLowerCase()) <= near ? best : undefined;
}

type Issue = z.core.$ZodIssue;

function toProblems(issue: Issue, input: unknown, schema: z.ZodType, root: string): Problem[] {
  const key = keyOf(issue.path, root);
  const value = valueAt(input, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path, input);
    return issue.keys.map((name) => {
      const meant = didYouMean(name, known);
      return {
        key: keyOf([...issue.path, name], root),
        value: valueAt(input, [...issue.path, name]),
        reason: 'there is no such key',
        ...(known.length > 0 && { allowed: known.join(', ') }),
        fix: meant === undefined ? 'remove it' : `did you mean ${meant}?`,
      };
    });
  }
  if (value === undefined && issue.code !== 'custom') {
    return [{ key, reason: 'is missing', ...allowedOf(issue), fix: 'add it' }];
  }
  return [{ key, value, ...worded(issue, value) }];
}

function worded(issue: Issue, value: unknown): Omit<Problem, 'key' | 'value'> {
  switch (issue.code) {
    case 'invalid_type':
      return { reason: `is ${kindOf(value)}`, ...allowedOf(issue) };
    case 'invalid_value': {
      const meant = typeof value === 'string' ? didYouMean(value, issue.values.map(String)) : undefined;
      return {
        reason: 'is not one of the values that it can have',
        ...allowedOf(issue),
        ...(meant !== undefined && { fix: `did you mean ${meant}?` }),
      };
    }
    case 'invalid_union': {
      const allowed = unionValues(issue);
      const meant = typeof value === 'string' ? didYouMean(value, allowed) : undefined;
      return {
        reason: 'is not one of the choices',
        ...(allowed.length > 0 && { allowed: allowed.join(', ') }),
        ...(meant !== undefined && { fix: `did you mean ${meant}?` }),
      };
    }
    case 'too_small':
    case 'too_big':
      return { reason: issue.code === 'too_small' ? 'is too small' : 'is too large', ...allowedOf(issue) };
    case 'custom':
    case 'invalid_format': {
      const params = paramsOf(issue);
      return { reason: params.reason ?? 'has not the form that it needs', ...allowedOf(issue), ...fixOf(params) };
    }
    default:
      return { reason: issue.message };
  }
}

interface Wording {
  readonly reason?: string;
  readonly allowed?: string;
  readonly fix?: string;
}

/** The words that a schema of ours gave along, as JSON in the message: `wording({...})`. */
function paramsOf(issue: Issue): Wording {
  try {
    return JSON.parse(issue.message) as Wording;
  } catch {
    return {};
  }
}

/** The error text of a schema with words of its own: `z.string().regex(RE, wording({ reason, allowed }))`. */
export function wording(words: Wording): string {
  return JSON.stringify(words);
}

function fixOf(words: Wording): Pick<Problem, 'fix'> {
  return words.fix === undefined ? {} : { fix: words.fix };
}

function allowedOf(issue: Issue): Pick<Problem, 'allowed'> {
  const allowed = allowedText(issue);
  return allowed === undefined ? {} : { allowed };
}

function allowedText(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map(String).join(', ');
    case 'invalid_union':
      return unionValues(issue).join(', ') || undefined;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'custom':
    case 'invalid_format':
      return paramsOf(issue).allowed;
    default:
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};
const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries', map: ' entries' };

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map of keys';
  if (Number.isNaN(value)) return 'no number';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'not a whole number';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

function unionValues(issue: Issue): string[] {
  if (issue.code !== 'invalid_union') return [];
  const options = (issue as { options?: readonly unknown[] }).options;
  if (options !== undefined) return options.map(String);
  return [...new Set(issue.errors.flat().map((nested) => allowedText(nested) ?? ''))].filter((text) => text !== '');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

interface Definition {
  readonly type: string;
  readonly shape?: Record<string, z.core.$ZodType>;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
  readonly values?: readonly unknown[];
}

/** The keys that the schema knows at `path`: what a mistyped one is compared with. */
function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[], input: unknown): string[] {
  const definition = schema._zod.def as unknown as Definition;
  if (definition.type === 'optional' || definition.type === 'default' || definition.type === 'prefault') {
    return definition.innerType === undefined ? [] : knownKeys(definition.innerType, path, input);
  }
  if (definition.type === 'pipe') return definition.in === undefined ? [] : knownKeys(definition.in, path, input);
  if (definition.type === 'union') {
    const chosen = definition.options?.filter((option) => matches(option, definition.discriminator, input)) ?? [];
    return [...new Set(chosen.flatMap((option) => knownKeys(option, path, input)))];
  }
  const [head, ...rest] = path;
  if (head === undefined) return Object.keys(definition.shape ?? {});
  const next = definition.shape?.[String(head)] ?? definition.element ?? definition.valueType;
  return next === undefined ? [] : knownKeys(next, rest, valueAt(input, [head]));
}

function matches(option: z.core.$ZodType, discriminator: string | undefined, input: unknown): boolean {
  if (discriminator === undefined) return true;
  const literal = (option._zod.def as unknown as Definition).shape?.[discriminator]?._zod.def as unknown as
    | Definition
    | undefined;
  return literal?.values?.includes(valueAt(input, [discriminator])) ?? true;
}
