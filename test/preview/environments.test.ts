import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { createColors } from 'picocolors';
import { beforeAll, describe, expect, it } from 'vitest';
import { versions } from '../../models/versions';
import { buildPlan } from '../../preview/build-plan';
import { manifestYaml } from '../../preview/manifest-yaml';
import { type Plan, UNKNOWN } from '../../preview/plan';
import { renderTerminal } from '../../preview/terminal';
import { CHART_TYPE } from '../../stacks/chart-resource';
import { ROOT, SHIPPED } from '../support/environment-file';
import { withoutScripts } from '../support/golden';
import { pythonTool } from '../support/python-tools';

/** Kinds that Kubernetes does not bring. */
const CUSTOM_KINDS = ['PodMonitor', 'PrometheusRule', 'Route'];

describe.each(SHIPPED)('%s', (name) => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await buildPlan(ROOT, name);
  });

  const golden = (file: string) => join(import.meta.dirname, '__goldens__', name, file);

  it('shows what it did before', async () => {
    await expect(renderTerminal(plan, { width: 120, colours: createColors(false) })).toMatchFileSnapshot(
      golden('preview.txt'),
    );
  });

  it('registers the same resources with the same arguments', async () => {
    const charts = new Set(plan.resources.filter(({ type }) => type === CHART_TYPE).map(({ urn }) => urn));
    const resources = plan.resources
      .filter(({ parent }) => !charts.has(parent))
      .map(({ urn, parent, dependencies, inputs }) => ({
        [short(urn)]: { parent: short(parent), dependencies: dependencies.map(short), inputs },
      }));
    await expect(dump(resources, { lineWidth: 120, noRefs: true })).toMatchFileSnapshot(golden('resources.yaml'));
  });

  it('renders the same manifests', async () => {
    for (const { name: chart, objects } of plan.charts) {
      await expect(withoutScripts(manifestYaml(objects))).toMatchFileSnapshot(
        golden(join('manifests', `${chart}.yaml`)),
      );
    }
  });

  it('renders objects that the Kubernetes schema allows, unknown fields included', () => {
    const known = plan.charts.flatMap(({ objects }) => objects).filter(({ kind }) => !CUSTOM_KINDS.includes(kind));
    const file = join(mkdtempSync(join(tmpdir(), 'triton-stack-test-')), 'objects.yaml');
    writeFileSync(file, manifestYaml(known));
    const version = versions.kubernetes.minimumGke.version;
    const output = execFileSync(
      pythonTool('kubernetes-validate'),
      ['--strict', '--kubernetes-version', version, file],
      { encoding: 'utf8', timeout: 240_000 },
    );
    expect(output.match(/passed for resource/g)).toHaveLength(known.length);
  });

  it('renders nothing that is known only after apply, but for generated passwords', () => {
    const objects = plan.charts.flatMap((chart) => chart.objects).filter(({ kind }) => kind !== 'Secret');
    expect(JSON.stringify(objects)).not.toContain(UNKNOWN);
  });
});

it('finds what the schema does not allow', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'triton-stack-test-')), 'object.yaml');
  writeFileSync(
    file,
    manifestYaml([{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { port: [] } }]),
  );
  expect(() =>
    execFileSync(pythonTool('kubernetes-validate'), ['--strict', '--kubernetes-version', '1.34', file], {
      stdio: 'pipe',
    }),
  ).toThrow();
});

/** A URN without what all of them share. */
function short(urn: string): string {
  return urn.replace(/^urn:pulumi:[^:]+::triton-stack::/, '').replaceAll('triton-stack:', '');
}

it('records one plan after the other, however they are asked for', async () => {
  const names = ['dev', 'openshift', 'dev'];
  const plans = await Promise.all(names.map((name) => buildPlan(ROOT, name)));
  const alone = [await buildPlan(ROOT, 'dev'), await buildPlan(ROOT, 'openshift')];
  expect(plans).toEqual([alone[0], alone[1], alone[0]]);
});
