import { CHART_TYPE } from '../../stacks/chart-resource';
import { groupOf, isComponent } from '../build-plan';
import { cloudGist } from '../gist';
import { type Plan, type PlannedResource, UNKNOWN } from '../plan';
import { sortedBy } from '../sorted-by';
import { type FieldDifference, fieldChanges } from './field-changes';
import { likeness, type Pair, pairs } from './pairs';
import type { Action, FieldChange, ResourceChange } from './plan-diff';
import { consequencesOf, forcesReplacement } from './replacement';

/** From here on two resources of one type, one new and one gone, are told as one that was renamed. */
const RENAMED = 0.75;

/** What becomes of the resources of the cloud, of Helm releases and of upstream manifests. */
export function resourceChanges(before: Plan | undefined, after: Plan | undefined): ResourceChange[] {
  const old = cloudResources(before);
  const now = cloudResources(after);
  const matched = withRenames(
    pairs(old, now, [
      { before: ({ urn }) => [urn], after: ({ urn }) => [urn] },
      { before: ({ urn, type, name }) => [urn, `${type} ${name}`], after: aliasKeys },
    ]),
  );
  const compared = matched.map((pair): ComparedPair => ({ ...pair, own: differences(pair) }));
  const replaced = replacedResources(compared);
  const groups = new Map([...groupsOf(before), ...groupsOf(after)]);
  const changes = compared.flatMap((pair): ResourceChange[] => {
    const change = changeOf(pair, replaced);
    return change === undefined ? [] : [{ ...change, group: groups.get(change.urn) ?? '' }];
  });
  return sortedBy(changes, ({ group, urn }) => `${group} ${urn}`);
}

/** A resource on both sides, with the fields that differ of its own. */
interface ComparedPair extends Pair<PlannedResource> {
  readonly own: readonly FieldDifference[];
}

function cloudResources(plan: Plan | undefined): PlannedResource[] {
  if (plan === undefined) return [];
  const charts = new Set(plan.resources.filter(({ type }) => type === CHART_TYPE).map(({ urn }) => urn));
  return plan.resources.filter((resource) => !isComponent(resource) && !charts.has(resource.parent));
}

function aliasKeys({ type, options }: PlannedResource): string[] {
  return (options?.aliases ?? []).flatMap((alias) => [alias, `${type} ${alias}`]);
}

/** Joins of each type what is gone with what is new and says nearly the same. */
function withRenames(matched: readonly Pair<PlannedResource>[]): Pair<PlannedResource>[] {
  const gone = new Set(matched.filter(({ after }) => after === undefined));
  const found = new Map<Pair<PlannedResource>, Pair<PlannedResource>>();
  for (const pair of matched.filter(({ before }) => before === undefined)) {
    const [best] = [...gone]
      .filter(({ before }) => before?.type === pair.after?.type)
      .map((other) => ({ other, alike: likeness(other.before?.inputs, pair.after?.inputs) }))
      .filter(({ alike }) => alike >= RENAMED)
      .sort((a, b) => b.alike - a.alike);
    if (best === undefined) continue;
    gone.delete(best.other);
    found.set(pair, { before: best.other.before, after: pair.after });
  }
  const taken = new Set([...found.values()].map(({ before }) => before));
  return matched
    .filter(({ before, after }) => after !== undefined || !taken.has(before))
    .map((pair) => found.get(pair) ?? pair);
}

/** Fields that differ, of which the engine is not told to leave them alone. */
function differences({ before, after }: Pair<PlannedResource>): FieldDifference[] {
  if (before === undefined || after === undefined) return [];
  const ignored = after.options?.ignoreChanges ?? [];
  return fieldChanges(before.inputs, after.inputs).filter(({ steps }) => !ignored.includes(String(steps[0])));
}

/**
 * The URNs of resources that come anew, each with the fields that are why. What comes anew has other outputs: a resource
 * for which such an argument is fixed comes anew with it.
 */
function replacedResources(compared: readonly ComparedPair[]): ReadonlyMap<string, readonly FieldChange[]> {
  const replaced = new Map<string, FieldChange[]>();
  for (const pair of compared) {
    const { before, after, own } = pair;
    if (before === undefined || after === undefined) continue;
    const forcing = own.filter((field) => forces(after, field));
    if (forcing.length > 0 || isRenamed(pair)) replaced.set(after.urn, forcing);
  }
  for (let more = true; more; ) {
    more = false;
    for (const { before, after } of compared) {
      if (before === undefined || after === undefined || replaced.has(after.urn)) continue;
      const fields = Object.entries(after.uses ?? {}).flatMap(([argument, urns]) => {
        const cause = urns.find((urn) => replaced.has(urn));
        if (cause === undefined) return [];
        const now = `<new ${cause.split('::').at(-1)}>`;
        return unknowns(after.inputs[argument], argument, [argument])
          .map((place): FieldDifference => ({ ...place, before: UNKNOWN, after: now }))
          .filter((field) => forces(after, field));
      });
      if (fields.length === 0) continue;
      replaced.set(after.urn, fields);
      more = true;
    }
  }
  return replaced;
}

/** Where an argument holds what is known only after apply. */
function unknowns(
  value: unknown,
  path: string,
  steps: FieldDifference['steps'],
): Pick<FieldDifference, 'path' | 'steps'>[] {
  if (value === UNKNOWN) return [{ path, steps }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    Array.isArray(value)
      ? unknowns(each, `${path}[${key}]`, [...steps, Number(key)])
      : unknowns(each, `${path}.${key}`, [...steps, key]),
  );
}

function forces({ type, options }: PlannedResource, { steps, before, after }: FieldDifference): boolean {
  return forcesReplacement(type, steps, before, after, options);
}

/** Another URN, and no alias that says so: for the engine one is gone and another is new. */
function isRenamed({ before, after }: Pair<PlannedResource>): boolean {
  if (before === undefined || after === undefined || before.urn === after.urn) return false;
  return !aliasKeys(after).some((key) => key === before.urn || key === `${before.type} ${before.name}`);
}

type Replaced = ReadonlyMap<string, readonly FieldChange[]>;

function changeOf(pair: ComparedPair, replaced: Replaced): Omit<ResourceChange, 'group'> | undefined {
  const resource = pair.after ?? pair.before;
  if (resource === undefined) return undefined;
  const { own } = pair;
  const forcing = replaced.get(resource.urn);
  const fields = [
    ...own.map(({ steps, ...field }) => ({
      ...field,
      ...(forcing?.some(({ path }) => path === field.path) && { replaces: true as const }),
    })),
    ...(forcing ?? [])
      .filter(({ path }) => !own.some((field) => field.path === path))
      .map(({ path, before, after }) => ({ path, before, after, replaces: true as const })),
  ];
  const action = actionOf(pair, fields, forcing !== undefined);
  if (action === undefined) return undefined;
  const { type, name, urn } = resource;
  const formerName = pair.before !== undefined && pair.before.name !== name ? pair.before.name : undefined;
  return {
    action,
    type,
    name,
    urn,
    ...(formerName !== undefined && { formerName }),
    fields,
    consequences: consequencesOf({ action, type, before: pair.before, after: pair.after, fields: own }),
    gist: cloudGist(resource),
  };
}

function actionOf(pair: Pair<PlannedResource>, fields: readonly FieldChange[], anew: boolean): Action | undefined {
  if (pair.before === undefined) return 'create';
  if (pair.after === undefined) return 'delete';
  if (isRenamed(pair)) return 'rename';
  if (anew) return 'replace';
  return fields.length > 0 ? 'update' : undefined;
}

/** The component right below the stack, by URN. */
function groupsOf(plan: Plan | undefined): (readonly [urn: string, group: string])[] {
  const byUrn = new Map(plan?.resources.map((resource) => [resource.urn, resource]));
  return [...byUrn.values()].map((resource) => [resource.urn, groupOf(resource, byUrn)]);
}
