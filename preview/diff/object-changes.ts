import { serverName } from '../../constructs/naming';
import { CHART_TYPE } from '../../stacks/chart-resource';
import { objectGist } from '../gist';
import type { KubernetesObject, Plan, PlannedResource } from '../plan';
import { sortedBy } from '../sorted-by';
import { type FieldDifference, fieldChanges } from './field-changes';
import { normalisedObject } from './kubernetes-defaults';
import { type Pair, pairs } from './pairs';
import type { Action, FieldChange, ObjectChange } from './plan-diff';
import { consequencesOf, forcesReplacement } from './replacement';

/** An object of a chart, as it was registered. */
export interface ChartObject {
  readonly chart: string;
  readonly resource: PlannedResource;
  /** With defaults filled in and quantities in one form. */
  readonly object: KubernetesObject;
}

/** The end of a name that is made of the content: `constructs/naming.ts`, `contentHash`. */
const CONTENT_HASH = /-[0-9a-f]{8}$/;

/** The objects of both sides, each with what it was or will be. */
export function objectPairs(
  before: Plan | undefined,
  after: Plan | undefined,
  renamedModels: ReadonlyMap<string, string>,
): Pair<ChartObject>[] {
  const charts = new Map([...renamedModels].map(([old, now]) => [serverName(old), serverName(now)]));
  const chartNow = ({ chart }: ChartObject) => charts.get(chart) ?? chart;
  const nameNow = (each: ChartObject) => each.object.metadata.name.replace(each.chart, chartNow(each));
  const identity = (named: (each: ChartObject, old: boolean) => string) => ({
    before: (each: ChartObject) => [named(each, true)],
    after: (each: ChartObject) => [named(each, false)],
  });
  return pairs(chartObjects(before), chartObjects(after), [
    identity(({ object }) => `${kindOf(object)} ${object.metadata.namespace} ${object.metadata.name}`),
    identity(
      (each, old) => `${chartNow(each)} ${kindOf(each.object)} ${old ? nameNow(each) : each.object.metadata.name}`,
    ),
    identity(
      (each, old) =>
        `${chartNow(each)} ${kindOf(each.object)} ${(old ? nameNow(each) : each.object.metadata.name).replace(CONTENT_HASH, '')}`,
    ),
  ]);
}

function chartObjects(plan: Plan | undefined): ChartObject[] {
  if (plan === undefined) return [];
  const charts = new Map(
    plan.resources.filter(({ type }) => type === CHART_TYPE).map(({ urn, name }) => [urn, name] as const),
  );
  return plan.resources.flatMap((resource) => {
    const chart = charts.get(resource.parent);
    if (chart === undefined) return [];
    return [{ chart, resource, object: normalisedObject(resource.inputs as KubernetesObject) }];
  });
}

/** Versions of an API are the same objects. */
function kindOf({ apiVersion, kind }: KubernetesObject): string {
  return `${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''}/${kind}`;
}

/** What becomes of the objects in the cluster. */
export function objectChanges(matched: readonly Pair<ChartObject>[]): ObjectChange[] {
  return sortedBy(matched.flatMap(changeOf), ({ chart, kind, name }) => `${chart} ${kind} ${name}`);
}

function changeOf(pair: Pair<ChartObject>): ObjectChange[] {
  const { before, after } = pair;
  const it = after ?? before;
  if (it === undefined) return [];
  const differences = before === undefined || after === undefined ? [] : fieldChanges(before.object, after.object);
  const forcing = differences.filter((field) => forces(it, field));
  const fields = differences.map(
    ({ steps, ...field }): FieldChange => ({
      ...field,
      ...(forcing.some(({ path }) => path === field.path) && { replaces: true }),
    }),
  );
  const action = actionOf(pair, fields);
  if (action === undefined) return [];
  const { apiVersion, kind, metadata } = it.object;
  const formerName = before?.object.metadata.name;
  return [
    {
      action,
      chart: it.chart,
      apiVersion,
      kind,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      name: metadata.name,
      ...(action === 'rename' && { formerName }),
      fields,
      consequences: [
        ...consequencesOf({
          action,
          type: it.resource.type,
          before: before?.resource,
          after: after?.resource,
          fields: differences,
        }),
        ...movedBetweenCharts(pair),
      ],
      gist: objectGist(it.resource.inputs),
    },
  ];
}

function actionOf({ before, after }: Pair<ChartObject>, fields: readonly FieldChange[]): Action | undefined {
  if (before === undefined) return 'create';
  if (after === undefined) return 'delete';
  if (before.object.metadata.name !== after.object.metadata.name) return 'rename';
  if (fields.some(({ replaces }) => replaces)) return 'replace';
  return fields.length > 0 || before.resource.urn !== after.resource.urn ? 'update' : undefined;
}

function forces({ resource }: ChartObject, { steps, before, after }: FieldDifference): boolean {
  return forcesReplacement(resource.type, steps, before, after, resource.options);
}

/** The engine makes the object under its new URN and then deletes the old one: it is the same in the cluster. */
function movedBetweenCharts({ before, after }: Pair<ChartObject>): ObjectChange['consequences'] {
  if (before === undefined || after === undefined) return [];
  if (before.resource.urn === after.resource.urn || before.object.metadata.name !== after.object.metadata.name)
    return [];
  if (before.object.metadata.namespace !== after.object.metadata.namespace) return [];
  return [
    {
      kind: 'downtime',
      text: `moves from chart ${before.chart} to ${after.chart}: Pulumi deletes it under its old URN after it made it under the new one, and it is one object; an alias keeps it`,
    },
  ];
}
