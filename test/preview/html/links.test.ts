import { beforeAll, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import { anchorsByUrn, treeOf } from '../../../preview/html/links';
import type { Plan } from '../../../preview/plan';
import { ROOT } from '../../support/environment-file';

let plan: Plan;
beforeAll(async () => {
  plan = await buildPlan(ROOT, 'prod');
});

/** URNs without what all of them share. */
const short = (urn: string) => urn.split('::').slice(2).join(' ');

it('has the components that hold resources, and not those that hold charts alone', () => {
  const tree = [...treeOf(plan).keys()].map(short);
  expect(tree).toContain('triton-stack:gke:NodePools pools');
  expect(tree).toContain('triton-stack:gke:NodePools$gcp:container/nodePool:NodePool l4');
  expect(tree.filter((each) => /Serving|kubernetes:Chart|pulumi:Stack/.test(each))).toEqual([]);
});

it('has a place for each resource, and for objects with their chart', () => {
  const anchors = new Map([...anchorsByUrn(plan)].map(([urn, id]) => [short(urn), id]));
  const chart = 'triton-stack:serving:Serving$triton-stack:kubernetes:Chart';
  expect(anchors.get(`${chart} triton-resnet50`)).toBe('chart/triton-resnet50');
  expect(anchors.get(`${chart}$kubernetes:apps/v1:Deployment triton/triton-resnet50`)).toBe(
    'object/triton-resnet50/Deployment/triton/triton-resnet50',
  );
  expect(new Set(anchors.values()).size).toBe(anchors.size);
});
