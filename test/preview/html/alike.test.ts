import { beforeAll, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import type { Compared, ObjectChange } from '../../../preview/diff/plan-diff';
import { alikeRows } from '../../../preview/html/alike';
import { changeRows } from '../../../preview/html/change-rows';
import { ROOT } from '../../support/environment-file';
import { exampleDiff } from './example-diff';

let example: Required<Compared>;
beforeAll(async () => {
  example = exampleDiff(await buildPlan(ROOT, 'prod'));
});

/** The change of a server's image, for that many servers; one of them with more of its own. */
function images(servers: number, own: Partial<ObjectChange> = {}): ObjectChange[] {
  return Array.from({ length: servers }, (_, index) => ({
    chart: `triton-m${index}`,
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: `triton-m${index}`,
    gist: '1 GPU',
    action: 'update',
    fields: [{ path: 'spec.image', before: 'a:1', after: `a:2 of triton-m${index}` }],
    consequences: [],
    ...(index === 1 && own),
  }));
}

function alike(objects: readonly ObjectChange[]): string[] {
  const rows = changeRows({ ...example.diff, objects, rollouts: [] }, example.plan).objects;
  return alikeRows(rows).map(({ first, others }) => `${first.change.name} +${others.length}`);
}

it('tells four changes once that differ in their names alone', () => {
  expect(alike(images(4))).toEqual(['triton-m0 +3']);
});

it('tells three one by one', () => {
  expect(alike(images(3))).toEqual(['triton-m0 +0', 'triton-m1 +0', 'triton-m2 +0']);
});

it.each([
  ['another value', { fields: [{ path: 'spec.image', before: 'a:1', after: 'a:3' }] }],
  ['another action', { action: 'replace' as const }],
  ['another consequence', { consequences: [{ kind: 'downtime' as const, text: 'away' }] }],
  ['another kind', { kind: 'StatefulSet' }],
])('keeps apart what has %s', (_, own) => {
  expect(alike(images(5, own)).toSorted()).toEqual(['triton-m0 +3', 'triton-m1 +0']);
});

it('tells apart what is created, by what it is', () => {
  const created = images(5).map((each) => ({ ...each, action: 'create' as const, fields: [] }));
  const [first, ...rest] = created;
  if (first === undefined) throw new Error('none');
  expect(alike([{ ...first, gist: '8 GPU' }, ...rest])).toEqual(['triton-m0 +0', 'triton-m1 +3']);
});
