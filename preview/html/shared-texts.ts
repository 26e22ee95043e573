import { createHash } from 'node:crypto';
import type { KubernetesObject, Plan } from '../plan';

/** Texts from this length on stand once in the page, however many objects hold them. */
const LONG = 2000;
const DIGEST = 12;

/** A long text that objects hold: a script in a ConfigMap. */
export interface SharedText {
  /** The start of its SHA-256. */
  readonly digest: string;
  readonly text: string;
  readonly lines: number;
  /** The key that it stands under, where it stands first. */
  readonly key: string;
  /** How many objects hold it. */
  readonly objects: number;
}

/** Long texts by their content. */
export type SharedTexts = ReadonlyMap<string, SharedText>;

/** Collects the long texts of a plan's objects. */
export function sharedTexts({ charts }: Plan): SharedTexts {
  const texts = new Map<string, SharedText>();
  const collect = (value: unknown, key: string): void => {
    if (typeof value === 'string') {
      if (value.length < LONG) return;
      const known = texts.get(value);
      texts.set(value, known === undefined ? described(value, key) : { ...known, objects: known.objects + 1 });
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, each] of Object.entries(value)) collect(each, name);
    }
  };
  for (const { objects } of charts) for (const object of objects) collect(object, object.kind);
  return texts;
}

function described(text: string, key: string): SharedText {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST);
  return { digest, text, lines: text.split('\n').length, key, objects: 1 };
}

/** An object without its long texts, and these. */
export interface WithoutTexts {
  readonly object: KubernetesObject;
  readonly texts: readonly SharedText[];
}

/** Puts a note in place of each long text. */
export function withoutTexts(object: KubernetesObject, texts: SharedTexts): WithoutTexts {
  const found: SharedText[] = [];
  const replaced = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const text = value.length < LONG ? undefined : texts.get(value);
      if (text === undefined) return value;
      found.push(text);
      return `<${text.lines} lines: text ${text.digest}>`;
    }
    if (Array.isArray(value)) return value.map(replaced);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replaced(each)]));
  };
  return { object: replaced(object) as KubernetesObject, texts: found };
}
