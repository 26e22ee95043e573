import { isDeepStrictEqual } from 'node:util';
import { createTwoFilesPatch } from 'diff';
import { sortedBy } from '../sorted-by';
import type { FieldChange } from './plan-diff';

/** A field that differs, with the steps that lead to it in the value before, or where it is new in the one after. */
export interface FieldDifference extends FieldChange {
  /** Keys, and places in lists. */
  readonly steps: readonly (string | number)[];
}

type Place = { readonly path: string; readonly steps: readonly (string | number)[] };

/**
 * What names a member of a list, the first that all members have, each another value. As Kubernetes merges lists
 * (`patchMergeKey` in k8s.io/api), and as Google's arguments name theirs.
 */
const KEYS = [
  ['name'],
  ['metadata.name'],
  ['containerPort', 'protocol'],
  ['port', 'protocol'],
  ['mountPath'],
  ['devicePath'],
  ['key', 'effect'],
  ['key', 'operator'],
  ['key'],
  ['rangeName'],
  ['topologyKey'],
  ['metricName'],
  ['alert'],
  ['record'],
  ['ip'],
  ['host'],
  ['type'],
] as const;

/** Lines of a text that are shown around a change. */
const CONTEXT_LINES = 2;

/** Fields that differ, sorted by path. What lists hold is matched by what names it, not by its place. */
export function fieldChanges(before: unknown, after: unknown): FieldDifference[] {
  return sortedBy(compare(before, after, { path: '', steps: [] }), ({ path }) => path);
}

function compare(before: unknown, after: unknown, place: Place): FieldDifference[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isMap(before) && isMap(after)) return compareMaps(before, after, place);
  if (Array.isArray(before) && Array.isArray(after)) return compareLists(before, after, place);
  if (isText(before) && isText(after) && (before.includes('\n') || after.includes('\n'))) {
    return [{ ...place, text: unified(before, after) }];
  }
  return [{ ...place, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
}

type Map = Readonly<Record<string, unknown>>;

function compareMaps(before: Map, after: Map, place: Place): FieldDifference[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => compare(before[key], after[key], below(place, key)));
}

function compareLists(before: readonly unknown[], after: readonly unknown[], place: Place): FieldDifference[] {
  const key = keyOf(before, after);
  if (key !== undefined) {
    const old = new Map(before.map((member, index) => [nameOf(member, key), { member, index }]));
    const now = new Map(after.map((member, index) => [nameOf(member, key), { member, index }]));
    const names = new Set([...old.keys(), ...now.keys()]);
    return [...names].flatMap((name) => {
      const index = (old.get(name) ?? now.get(name))?.index ?? 0;
      return compare(old.get(name)?.member, now.get(name)?.member, {
        path: `${place.path}[${name}]`,
        steps: [...place.steps, index],
      });
    });
  }
  const nested = [...before, ...after].every((member) => typeof member === 'object' && member !== null);
  if (nested && before.length === after.length) {
    return before.flatMap((member, index) =>
      compare(member, after[index], { path: `${place.path}[${index}]`, steps: [...place.steps, index] }),
    );
  }
  return [{ ...place, before, after }];
}

type Key = (typeof KEYS)[number];

function keyOf(before: readonly unknown[], after: readonly unknown[]): Key | undefined {
  if (before.length + after.length === 0) return undefined;
  return KEYS.find((key) => names(before, key) && names(after, key));
}

/** Whether every member has the key's first part, and no two have the same key. */
function names(members: readonly unknown[], key: Key): boolean {
  const found = members.map((member) => (isScalar(partOf(member, key[0])) ? nameOf(member, key) : undefined));
  return !found.includes(undefined) && new Set(found).size === found.length;
}

/** `name=triton`, `containerPort=8000,protocol=TCP`. */
function nameOf(member: unknown, key: Key): string {
  return key
    .filter((part) => partOf(member, part) !== undefined)
    .map((part) => `${part.replace(/^metadata\./, '')}=${partOf(member, part)}`)
    .join(',');
}

function partOf(member: unknown, part: Key[number]): unknown {
  if (!isMap(member)) return undefined;
  return part === 'metadata.name' ? partOf(member.metadata, 'name') : member[part];
}

function below({ path, steps }: Place, key: string): Place {
  const plain = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key);
  const step = plain ? `${path === '' ? '' : '.'}${key}` : `["${key}"]`;
  return { path: `${path}${step}`, steps: [...steps, key] };
}

function unified(before: string, after: string): string {
  return createTwoFilesPatch('', '', before, after, undefined, undefined, {
    context: CONTEXT_LINES,
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: false },
  }).trimEnd();
}

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}
