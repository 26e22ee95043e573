import { describe, expect, it } from 'vitest';
import { consequencesOf, deletedFirst, type FieldMove } from '../../../preview/diff/consequences';
import type { Action } from '../../../preview/diff/plan-diff';
import type { PlannedResource, ResourceOptions } from '../../../preview/plan';

const CLUSTER = 'gcp:container/cluster:Cluster';
const POOL = 'gcp:container/nodePool:NodePool';
const BUCKET = 'gcp:storage/bucket:Bucket';

function resource(type: string, inputs: Record<string, unknown>, options?: ResourceOptions): PlannedResource {
  return { urn: `urn:${type}`, type, name: 'it', parent: '', dependencies: [], inputs, ...(options && { options }) };
}

function told(action: Action, before: PlannedResource, after?: PlannedResource, fields: FieldMove[] = []): string[] {
  return consequencesOf({ action, type: before.type, before, after, fields }).map(
    ({ kind, text }) => `${kind}: ${text}`,
  );
}

/** A change in place of one argument. */
function updated(type: string, path: string, before: unknown, after: unknown, inputs = {}): string[] {
  const steps = path.split('.');
  return told('update', resource(type, inputs), resource(type, inputs), [{ steps, before, after }]);
}

describe('a node pool', () => {
  it.each(['machineType', 'diskSizeGb', 'diskType', 'imageType', 'containerdConfig'])(
    'brings nodes anew: %s',
    (key) => {
      const inputs = { upgradeSettings: { strategy: 'SURGE', maxSurge: 0, maxUnavailable: 1 } };
      expect(updated(POOL, `nodeConfig.${key}`, 'a', 'b', inputs)).toEqual([
        `restart: every node comes anew for ${key}, 0 more and 1 away at a time`,
      ]);
    },
  );

  it.each(['labels.a', 'taints', 'tags', 'resourceLabels.team'])('keeps its nodes: %s', (key) => {
    expect(updated(POOL, `nodeConfig.${key}`, 'a', 'b')).toEqual([]);
  });

  it('says what GKE leaves open', () => {
    expect(updated(POOL, 'nodeConfig.kubeletConfig.cpuManagerPolicy', 'none', 'static')).toEqual([
      'restart: GKE may bring every node anew for this, 1 more and 0 away at a time',
    ]);
    expect(updated(POOL, 'version', 'a', 'b', { upgradeSettings: { strategy: 'BLUE_GREEN' } })).toEqual([
      'restart: every node comes anew for version, by the strategy BLUE_GREEN',
    ]);
  });

  it('loses the nodes of zones that it leaves, and none for new ones', () => {
    expect(updated(POOL, 'nodeLocations', ['a', 'b'], ['b', 'c'])).toEqual([
      'restart: the nodes in a leave with their pods',
    ]);
    expect(updated(POOL, 'nodeLocations', ['a'], ['a', 'b'])).toEqual([]);
    expect(updated(POOL, 'autoscaling.totalMaxNodeCount', 1, 2)).toEqual([]);
  });

  it('comes before the old one goes where Pulumi makes up its name', () => {
    const old = resource(POOL, {});
    expect(told('replace', old, old)).toEqual([expect.stringMatching(/^restart: the new pool comes first/)]);
    const named = resource(POOL, { name: 'l4' });
    expect(told('replace', named, named)).toEqual([expect.stringMatching(/^downtime: its nodes leave before/)]);
    expect(told('delete', old)).toEqual([expect.stringMatching(/^restart: its nodes leave/)]);
  });
});

describe('a cluster', () => {
  it('is not replaced while its deletion protection is on, be it turned off by the same change', () => {
    const open = resource(CLUSTER, { name: 'triton', deletionProtection: false });
    const closed = resource(CLUSTER, { name: 'triton' });
    const kinds = (before: PlannedResource, after: PlannedResource) =>
      consequencesOf({ action: 'replace', type: CLUSTER, before, after, fields: [] }).map(({ kind }) => kind);
    expect(kinds(closed, open)).toEqual(['blocked', 'data-loss', 'downtime']);
    expect(kinds(open, closed)).toEqual(['data-loss', 'downtime']);
  });

  it('brings its nodes anew for the DNS cache', () => {
    expect(updated(CLUSTER, 'addonsConfig.dnsCacheConfig.enabled', false, true, { location: 'us-central1' })).toEqual([
      'restart: every node of the cluster comes anew: NodeLocal DNSCache is turned on or off',
    ]);
  });

  it('may lose its API where it has one zone', () => {
    const change = (location: string, path: string) => updated(CLUSTER, path, 'a', 'b', { location });
    expect(change('us-central1-a', 'releaseChannel.channel')).toEqual([expect.stringMatching(/^downtime: a zonal/)]);
    expect(change('us-central1', 'releaseChannel.channel')).toEqual([]);
    expect(change('us-central1-a', 'resourceLabels.team')).toEqual([]);
  });
});

describe('a bucket', () => {
  it('loses its objects, or is not deleted', () => {
    expect(told('delete', resource(BUCKET, { forceDestroy: true }))).toEqual([
      'data-loss: all its objects are deleted, with their versions',
    ]);
    expect(told('delete', resource(BUCKET, {}))).toEqual([
      'blocked: forceDestroy is off: it cannot be deleted while it holds objects',
    ]);
    expect(told('delete', resource(BUCKET, { forceDestroy: true }, { retainOnDelete: true }))).toEqual([]);
  });

  it('is not deleted where it is protected, and replaced where the change takes that away', () => {
    const closed = resource(BUCKET, { name: 'a', forceDestroy: true }, { protect: true });
    const open = resource(BUCKET, { name: 'a', forceDestroy: true });
    expect(told('replace', closed, closed)[0]).toBe('blocked: it is protected: Pulumi refuses to replace it');
    expect(told('delete', closed)[0]).toBe('blocked: it is protected: Pulumi refuses to delete it');
    expect(told('rename', closed, open)[0]).toBe('blocked: it is protected: Pulumi refuses to delete it');
    expect(told('replace', closed, open)[0]).toMatch(/^data-loss/);
  });
});

describe('an object in the cluster', () => {
  const object = (kind: string, inputs = {}) =>
    resource(`kubernetes:${kind}`, { metadata: { name: 'a', namespace: 'n' }, ...inputs });

  it.each([
    ['core/v1:ConfigMap', /^downtime: deleted before it is made anew: pods that start in between/],
    ['apps/v1:Deployment', /^downtime: .* none of its pods runs/],
    ['core/v1:Service', /^downtime: .* nobody reaches its pods/],
  ])('is deleted before it is made anew: %s', (kind, expected) => {
    expect(told('replace', object(kind), object(kind))).toEqual([expect.stringMatching(expected)]);
  });

  it('is made first in another namespace', () => {
    const moved = object('core/v1:ConfigMap', { metadata: { name: 'a', namespace: 'm' } });
    expect(told('replace', object('core/v1:ConfigMap'), moved)).toEqual([]);
  });

  it.each([
    ['core/v1:Namespace', {}],
    ['core/v1:PersistentVolumeClaim', {}],
    ['apiextensions.k8s.io/v1:CustomResourceDefinition', {}],
    ['apps/v1:StatefulSet', { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } } }],
  ])('takes with it what it holds: %s', (kind, inputs) => {
    expect(told('delete', object(kind, inputs))).toEqual([expect.stringMatching(/^data-loss/)]);
  });

  it('leaves the volumes of a StatefulSet that says so', () => {
    expect(told('delete', object('apps/v1:StatefulSet', { spec: {} }))).toEqual([]);
  });

  it.each([
    ['storage.k8s.io/v1:StorageClass', 'reclaimPolicy', 'Delete', 'Retain', true],
    ['storage.k8s.io/v1:StorageClass', 'allowVolumeExpansion', false, true, false],
    ['scheduling.k8s.io/v1:PriorityClass', 'value', 1, 2, true],
    ['core/v1:PersistentVolumeClaim', 'spec.resources.requests.storage', '10Gi', '9Gi', true],
    ['core/v1:PersistentVolumeClaim', 'spec.resources.requests.storage', '900Mi', '1Gi', false],
    ['core/v1:PersistentVolumeClaim', 'spec.volumeMode', 'Filesystem', 'Block', true],
    ['core/v1:ConfigMap', 'immutable', true, undefined, true],
    ['core/v1:ConfigMap', 'immutable', undefined, true, false],
    ['batch/v1:Job', 'spec.podFailurePolicy.rules', [], [{}], true],
    ['apps/v1:StatefulSet', 'spec.minReadySeconds', 1, 2, false],
  ])('%s %s %j to %j is refused: %s', (kind, path, before, after, refused) => {
    expect(updated(`kubernetes:${kind}`, path, before, after)).toEqual(
      refused ? [expect.stringMatching(/^blocked: .*the API server refuses it/)] : [],
    );
  });
});

describe('which comes first', () => {
  const first = (type: string, inputs: Record<string, unknown>, options?: ResourceOptions) => {
    const it = resource(type, inputs, options);
    return deletedFirst({ action: 'replace', type, before: it, after: it, fields: [] });
  };

  it.each<readonly [string, Record<string, unknown>, ResourceOptions | undefined, boolean]>([
    ['gcp:compute/network:Network', { name: 'triton' }, undefined, true],
    ['gcp:compute/network:Network', {}, undefined, false],
    ['gcp:compute/network:Network', {}, { deleteBeforeReplace: true }, true],
    ['gcp:serviceaccount/account:Account', { accountId: 'nodes' }, undefined, true],
    ['gcp:projects/iAMMember:IAMMember', { role: 'a' }, undefined, true],
    ['gcp:storage/bucketIAMMember:BucketIAMMember', { role: 'a' }, undefined, false],
    ['kubernetes:helm.sh/v3:Release', { name: 'a' }, undefined, false],
    ['kubernetes:core/v1:ConfigMap', { metadata: { name: 'a' } }, undefined, true],
  ])('%s %j %j: the old one goes first: %s', (type, inputs, options, expected) => {
    expect(first(type, inputs, options)).toBe(expected);
  });

  it('is the new one under another URN', () => {
    const it = resource('gcp:compute/network:Network', { name: 'triton' });
    expect(deletedFirst({ action: 'rename', type: it.type, before: it, after: it, fields: [] })).toBe(false);
  });
});

describe('the same under another URN', () => {
  const MEMBER = 'gcp:storage/bucketIAMMember:BucketIAMMember';

  it('finds its name taken', () => {
    const network = resource('gcp:compute/network:Network', { name: 'triton' });
    expect(told('rename', network, network)).toEqual([expect.stringMatching(/^blocked: .* whose name is taken/)]);
    const other = resource('gcp:compute/network:Network', { name: 'other' });
    expect(told('rename', network, other)).toEqual([]);
  });

  it('is taken away as a grant', () => {
    const member = (role: string) => resource(MEMBER, { bucket: 'b', role, member: 'm' });
    expect(told('rename', member('a'), member('a'))).toEqual([expect.stringMatching(/^downtime: the same grant/)]);
    expect(told('rename', member('a'), member('b'))).toEqual([]);
  });
});

describe('what is new', () => {
  it('interrupts nothing', () => {
    expect(consequencesOf({ action: 'create', type: POOL, after: resource(POOL, {}), fields: [] })).toEqual([]);
  });
});
