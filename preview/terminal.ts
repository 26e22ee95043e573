import type { Style } from '../bin/command';
import { CHART_TYPE } from '../stacks/chart-resource';
import { byParent, isComponent } from './build-plan';
import { cloudGist, objectGist, resourceLabel } from './gist';
import { addRows, Page, type Row } from './page';
import type { Plan, PlannedChart, PlannedCost, PlannedModel, PlannedResource } from './plan';
import { policyCounts, renderPolicies } from './policies-section';

/** Above this many charts each is one line. */
const CHARTS_IN_FULL = 12;
/** Above this many models, or charts in one line each, the rest is counted. */
const LISTED = 40;

/** The plan as a person reads it, within the width. */
export function renderTerminal(plan: Plan, { width, colours }: Style): string {
  const page = new Page(width, colours);
  const { summary } = plan;
  page.add(
    `${colours.bold(`triton-stack ${plan.environment}`)} · ${summary.platform} · ${summary.cluster} · offline plan`,
  );
  page.heading('Cloud resources and add-ons', `${sum(summary.resources)}`);
  renderTree(page, plan.resources);
  page.heading('Kubernetes objects', `${sum(summary.objects)} in ${plan.charts.length} charts`);
  renderCharts(page, plan.charts);
  page.heading('Models', `${summary.models.length}`);
  for (const model of summary.models.slice(0, LISTED)) renderModel(page, model);
  page.rest(summary.models.length - LISTED, 'models');
  if (summary.cost !== undefined) renderCost(page, summary.cost);
  page.heading('Outputs');
  renderOutputs(page, plan.outputs);
  if (summary.warnings.length > 0) page.heading('Warnings', `${summary.warnings.length}`);
  for (const warning of summary.warnings) page.entry('!', 2, warning);
  renderPolicies(page, summary.policies);
  page.heading('Summary');
  renderSummary(page, plan);
  return page.text();
}

function renderTree(page: Page, resources: readonly PlannedResource[]): void {
  const stack = resources.find(({ parent }) => parent === '');
  if (stack !== undefined) addRows(page, treeRows(byParent(resources), stack.urn, ''));
}

type Children = ReadonlyMap<string, readonly PlannedResource[]>;

function treeRows(children: Children, parent: string, indent: string): Row[] {
  const shown = (children.get(parent) ?? [])
    .filter((child) => isShown(child, children))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return shown.flatMap((resource, index) => {
    const last = index === shown.length - 1;
    const under = `${indent}${last ? '   ' : '│  '}`;
    const label = `${indent}${last ? '└─ ' : '├─ '}${isComponent(resource) ? resource.name : resourceLabel(resource)}`;
    const text = isComponent(resource) ? '' : cloudGist(resource);
    return [{ label, under, text }, ...treeRows(children, resource.urn, under)];
  });
}

/** Charts have a section of their own, and components that hold nothing else go with them. */
function isShown(resource: PlannedResource, children: Children): boolean {
  if (resource.type === CHART_TYPE) return false;
  return !isComponent(resource) || (children.get(resource.urn) ?? []).some((child) => isShown(child, children));
}

function renderCharts(page: Page, charts: readonly PlannedChart[]): void {
  if (charts.length <= CHARTS_IN_FULL) {
    addRows(page, charts.flatMap(chartRows));
    return;
  }
  addRows(
    page,
    charts.slice(0, LISTED).map(({ name, objects }) => ({
      label: name,
      under: '',
      text: `${objects.length}: ${objects.map(({ kind }) => kind).join(', ')}`,
    })),
  );
  page.rest(charts.length - LISTED, 'charts');
}

function chartRows({ name, objects }: PlannedChart): Row[] {
  const rows = objects.map((object, index) => {
    const last = index === objects.length - 1;
    // Most objects have the chart's own name.
    const own = object.metadata.name === name;
    return {
      label: `${last ? '└─ ' : '├─ '}${object.kind}${own ? '' : ` ${object.metadata.name}`}`,
      under: last ? '' : '│',
      text: objectGist(object),
    };
  });
  return [{ label: name, under: '', text: '' }, ...rows];
}

function renderModel(page: Page, model: PlannedModel): void {
  const { backend, gpusPerPod, accelerator, pool, replicas, workload, source, scaledOn } = model;
  page.add(model.name);
  const column = 14;
  page.entry('  backend', column, `${backend} on ${gpusPerPod} x ${accelerator} a pod, in pool ${pool}`);
  page.entry('  repository', column, source);
  page.entry('  runs as', column, `${workload}, ${replicas.min}-${replicas.max} replicas`);
  page.entry(
    '  scales on',
    column,
    scaledOn === undefined ? 'nothing' : `${scaledOn.metric}, ${scaledOn.target} a pod`,
  );
  page.entry('  starts', column, `within ${model.startupSeconds} s of the model's files being there`);
}

function renderCost(page: Page, { idle, serving, most, notCounted, sources }: PlannedCost): void {
  const usd = (amount: number) => `$${amount.toFixed(2)}/h`;
  page.heading('Cost', 'of nodes, their disks and the cluster');
  page.entry('  idle', 14, `${usd(idle)}: every pool at its least size`);
  page.entry('  serving', 14, `${usd(serving)}: with the least replicas of each model`);
  page.entry('  most', 14, `${usd(most)}: every pool fully grown`);
  page.entry('  not counted', 14, notCounted.join('; '));
  page.entry('  prices', 14, sources.join('; '));
}

function renderOutputs(page: Page, outputs: Readonly<Record<string, unknown>>): void {
  const rows = Object.entries(outputs).flatMap(([name, value]): Row[] => {
    if (typeof value !== 'object' || value === null) return [{ label: name, under: '', text: String(value) }];
    if (Array.isArray(value)) return [{ label: name, under: '', text: `${value.length} entries: --json has them` }];
    const entries = Object.entries(value);
    const more = entries.length - LISTED;
    return [
      { label: name, under: '', text: more > 0 ? `${entries.length}, of which ${LISTED} are shown` : '' },
      ...entries.slice(0, LISTED).map(([key, each]) => ({ label: `  ${key}`, under: '', text: String(each) })),
    ];
  });
  addRows(page, rows);
}

function renderSummary(page: Page, { charts, summary }: Plan): void {
  const { models, warnings } = summary;
  const groups = Object.entries(summary.resources).map(([group, count]) => `${group} ${count}`);
  page.entry('resources', 11, `${sum(summary.resources)}: ${groups.join(' · ')}`);
  page.entry('objects', 11, `${sum(summary.objects)} in ${charts.length} charts`);
  page.entry('models', 11, `${models.length}`);
  page.entry('warnings', 11, `${warnings.length}`);
  page.entry('policies', 11, policyCounts(summary.policies));
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
