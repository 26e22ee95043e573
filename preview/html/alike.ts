import type { ChangeRow } from './change-rows';

/** Changes that say the same of several things: the first, and the others. */
export interface AlikeRows {
  readonly first: ChangeRow;
  readonly others: readonly ChangeRow[];
}

/** Fewer than this many changes are told one by one. */
const TOGETHER = 4;

/** Puts changes together that differ in names alone: a new image in a hundred servers is read once. */
export function alikeRows(rows: readonly ChangeRow[]): AlikeRows[] {
  const groups = new Map<string, [ChangeRow, ...ChangeRow[]]>();
  for (const row of rows) {
    const key = likenessOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()].flatMap(([first, ...others]) =>
    others.length + 1 < TOGETHER ? [first, ...others].map((row) => ({ first: row, others: [] })) : [{ first, others }],
  );
}

/** What a change is, but for the names of what it is of and of its chart. */
function likenessOf({ change, kind, group, consequences }: ChangeRow): string {
  const { action, fields, gist, name } = change;
  // What is created or deleted has no fields: its gist tells one from the other.
  const told = JSON.stringify([action, kind, fields.length > 0 ? fields : gist, consequences]);
  return told.replaceAll(name, '*').replaceAll(group, '*');
}
