import { beforeAll, describe, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import type { Compared } from '../../../preview/diff/plan-diff';
import { changeRows } from '../../../preview/html/change-rows';
import { renderHtml } from '../../../preview/html/render-html';
import { ROOT } from '../../support/environment-file';
import { exampleDiff } from './example-diff';

let example: Required<Compared>;
beforeAll(async () => {
  example = exampleDiff(await buildPlan(ROOT, 'prod'));
});

it('puts what loses data before what is replaced, and what is created last', () => {
  const { resources, objects } = changeRows(example.diff, example.plan);
  expect(resources.map(({ change }) => change.name)).toEqual(['scratch', 'l4', 'gpu-operator']);
  expect(objects.map(({ change, kind }) => `${change.action} ${kind}`)).toEqual([
    'rename ConfigMap',
    'update HorizontalPodAutoscaler',
    'update StatefulSet',
    'create PodMonitor',
  ]);
});

it('leads to what stands in the plan, and nowhere for what is deleted', () => {
  const { resources } = changeRows(example.diff, example.plan);
  expect(resources.map(({ href }) => href)).toEqual([
    undefined,
    '#resource/triton-stack:gke:NodePools$gcp:container_2f_nodePool:NodePool/l4',
    '#resource/triton-stack:gpu:Operator$kubernetes:helm.sh_2f_v3:Release/gpu-operator',
  ]);
});

describe('a rollout', () => {
  it('is a consequence of the change that starts it', () => {
    const { diff, plan } = example;
    const [deployment] = diff.objects.filter(({ kind }) => kind === 'PodMonitor');
    if (deployment === undefined) throw new Error('no PodMonitor');
    const changed = { ...deployment, kind: 'Deployment', action: 'update' as const };
    const { objects } = changeRows({ ...diff, objects: [changed] }, plan);
    expect(objects[0]?.consequences).toEqual([
      {
        kind: 'restart',
        text: '2 pods with 1 GPU each at least: about 3 min, 7 min at most; needs 1 GPU beside for as long, none away.',
      },
    ]);
    expect(objects[0]?.consequential).toBe(true);
  });

  it('is not told twice', () => {
    const { objects } = changeRows(example.diff, example.plan);
    const server = objects.find(({ kind }) => kind === 'StatefulSet');
    expect(server?.consequences.map(({ text }) => text)).toEqual(['2 pods with 2 GPUs start anew, one at a time.']);
  });
});

it('shows the differences of a text once, however many objects hold it', () => {
  const { diff, plan } = example;
  const copies = ['a', 'b', 'c'].flatMap((name) =>
    diff.objects.filter(({ kind }) => kind === 'ConfigMap').map((object) => ({ ...object, name })),
  );
  const html = renderHtml({ plan, diff: { ...diff, objects: copies } });
  expect(html.split('+checkers=32')).toHaveLength(2);
  expect(html.split('as in <a href="#change/triton-llama-3-1-8b/ConfigMap/triton/a">')).toHaveLength(3);
});

it('names the field that forces a replacement first, and not for a rename', () => {
  const { diff, plan } = example;
  const of = (action: 'replace' | 'rename') => {
    const resources = diff.resources.filter(({ name }) => name === 'l4').map((change) => ({ ...change, action }));
    return renderHtml({ plan, diff: { ...diff, resources, objects: [] } });
  };
  const replaced = of('replace');
  expect(replaced.split('forces the replacement')).toHaveLength(2);
  expect(replaced.indexOf('<code>nodeConfig.machineType')).toBeLessThan(
    replaced.indexOf('<code>autoscaling.totalMaxNodeCount'),
  );
  expect(of('rename')).not.toContain('forces the replacement');
});
