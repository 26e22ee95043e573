import type { Action, Consequence, ObjectChange, PlanDiff, ResourceChange, Rollout } from '../diff/plan-diff';
import { ACTIONS, rolloutText } from '../diff/words';
import { shortType } from '../gist';
import type { Plan } from '../plan';
import { anchor, objectAnchor, resourceAnchor } from './anchor';
import { anchorsByUrn } from './links';

/** A change of either kind, as the list shows it. */
export interface ChangeRow {
  readonly id: string;
  readonly change: ResourceChange | ObjectChange;
  readonly kind: string;
  /** The component or the chart. */
  readonly group: string;
  /** Where it stands in the plan. A deleted one stands nowhere. */
  readonly href?: string;
  /** What comes of it: what the diff says, and the pods that start anew. */
  readonly consequences: readonly Consequence[];
  /** It is replaced or deleted, or something comes of it. */
  readonly consequential: boolean;
}

/** Rows of both kinds, in the order in which they are read. */
export interface ChangeRows {
  readonly resources: readonly ChangeRow[];
  readonly objects: readonly ChangeRow[];
}

/** Prepares the changes of a diff for the page. */
export function changeRows(diff: PlanDiff, plan: Plan): ChangeRows {
  const there = new Set(anchorsByUrn(plan).values());
  return {
    resources: sorted(diff.resources.map((change) => resourceRow(change, there))),
    objects: sorted(diff.objects.map((change) => objectRow(change, there, diff.rollouts))),
  };
}

/** A rename deletes one and creates one: where that matters, a consequence says so. */
const GRAVE: readonly Action[] = ['replace', 'delete'];
/** What cannot be undone or carried out comes first. */
const GRAVEST: readonly Consequence['kind'][] = ['data-loss', 'blocked'];

/** What comes before: what loses data, then by action. Rows of one weight stay in the diff's order. */
export function weight({ change, consequences }: ChangeRow): number {
  const gravest = consequences.some(({ kind }) => GRAVEST.includes(kind));
  return (gravest ? 0 : ACTIONS.length) + ACTIONS.findIndex(([action]) => action === change.action);
}

function sorted(rows: readonly ChangeRow[]): ChangeRow[] {
  return [...rows].sort((a, b) => weight(a) - weight(b));
}

function resourceRow(change: ResourceChange, there: ReadonlySet<string>): ChangeRow {
  const { urn, type, group, action, consequences } = change;
  const target = resourceAnchor(urn);
  return {
    id: anchor('change', 'resource', ...urn.split('::').slice(2)),
    change,
    kind: shortType(type),
    group,
    ...(there.has(target) && { href: `#${target}` }),
    consequences,
    consequential: GRAVE.includes(action) || consequences.length > 0,
  };
}

function objectRow(change: ObjectChange, there: ReadonlySet<string>, rollouts: readonly Rollout[]): ChangeRow {
  const { chart, kind, namespace, name, action } = change;
  const target = objectAnchor(chart, change);
  const rollout = rollouts.find((each) => each.chart === chart && each.kind === kind && each.name === name);
  const told = change.consequences.some((each) => each.kind === 'restart');
  const consequences = [
    ...change.consequences,
    ...(rollout === undefined || told ? [] : [{ kind: 'restart' as const, text: `${rolloutText(rollout)}.` }]),
  ];
  return {
    id: anchor('change', chart, kind, namespace ?? '', name),
    change,
    kind,
    group: chart,
    ...(there.has(target) && { href: `#${target}` }),
    consequences,
    consequential: GRAVE.includes(action) || consequences.length > 0,
  };
}
