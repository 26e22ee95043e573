import { at, isOpaque, list, mayBe, type PolicyResource, text } from '../resource';
import type { ResourceRule, Violation } from '../rule';

const BUCKET = 'gcp:storage/bucket:Bucket';
const FOUNDATIONS = 'CIS Google Cloud Platform Foundation Benchmark';

/** Members that stand for everyone, with an account of Google's or without. */
const EVERYONE = ['allUsers', 'allAuthenticatedUsers'];

/** Types that say who may read a bucket, by the argument that names them. */
const GRANTS: Readonly<Record<string, readonly string[]>> = {
  'gcp:storage/bucketIAMMember:BucketIAMMember': ['member'],
  'gcp:storage/bucketIAMBinding:BucketIAMBinding': ['members'],
  'gcp:storage/bucketAccessControl:BucketAccessControl': ['entity'],
  'gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl': ['entity'],
  'gcp:storage/objectAccessControl:ObjectAccessControl': ['entity'],
  'gcp:storage/bucketACL:BucketACL': ['predefinedAcl', 'roleEntities'],
};

const PUBLIC_ACL = /^public|:(allUsers|allAuthenticatedUsers)$/;

export const bucketPrivate: ResourceRule = {
  id: 'bucket-private',
  title: 'no bucket can be made public, and nothing grants it to everyone',
  severity: { development: 'error', production: 'error' },
  reason: 'weights, prompts and training data lie there; one grant to allUsers would hand them to the internet',
  fix: "publicAccessPrevention: 'enforced', and grants to principals that have a name",
  source: `${FOUNDATIONS}, 5.1; Cloud Storage documentation, "Public access prevention"`,
  check: (resource) => {
    const { type, props } = resource;
    if (type === BUCKET) {
      const prevention = at(props, 'publicAccessPrevention');
      if (mayBe(prevention, 'enforced')) return [];
      return [{ path: 'publicAccessPrevention', message: `is ${prevention ?? 'not set'}: a grant can make it public` }];
    }
    return (GRANTS[type] ?? []).flatMap((key): Violation[] => {
      const value = at(props, key);
      const named = Array.isArray(value) ? value : [value];
      const everyone = named.filter((each) => EVERYONE.includes(String(each)) || PUBLIC_ACL.test(text(each) ?? ''));
      return everyone.map((each) => ({ path: key, message: `grants to ${each}` }));
    });
  },
};

export const bucketUniform: ResourceRule = {
  id: 'bucket-uniform',
  title: 'buckets have uniform access: roles alone say who may read an object',
  severity: { development: 'error', production: 'error' },
  reason: 'with access lists of objects nobody can tell from the roles who reads what',
  fix: 'uniformBucketLevelAccess: true',
  source: `${FOUNDATIONS}, 5.2; Cloud Storage documentation, "Uniform bucket-level access"`,
  check: ({ type, props }) => {
    if (type !== BUCKET || mayBe(at(props, 'uniformBucketLevelAccess'), true)) return [];
    return [
      { path: 'uniformBucketLevelAccess', message: 'is not true: each object can have an access list of its own' },
    ];
  },
};

const DAY_SECONDS = 86_400;

/** What was overwritten or deleted by mistake can be had back, and is not kept for ever. */
export const bucketRetention: ResourceRule = {
  id: 'bucket-retention',
  title: 'buckets keep what was replaced or deleted for some days, and for no longer',
  severity: { development: 'warning', production: 'error' },
  reason:
    'servers start from these buckets: a deleted release has to come back; without an end old versions are paid for ever',
  fix: 'versioning, and a lifecycle rule that deletes by daysSinceNoncurrentTime; triton-stack:buckets.keepDays',
  source: 'Cloud Storage documentation, "Object Versioning", "Object Lifecycle Management", "Soft delete"',
  check: (resource, { keepDays }) => (resource.type === BUCKET ? retentionViolations(resource, keepDays) : []),
};

function retentionViolations({ props }: PolicyResource, keepDays: number): Violation[] {
  const held = Math.max(
    Number(at(props, 'retentionPolicy', 'retentionPeriod') ?? 0),
    Number(at(props, 'softDeletePolicy', 'retentionDurationSeconds') ?? 0),
  );
  // What is not known is no number, and may be enough.
  const heldLongEnough = !(held < keepDays * DAY_SECONDS);
  const enabled = at(props, 'versioning', 'enabled');
  const versioned = mayBe(enabled, true);
  if (isOpaque(enabled) && heldLongEnough) return [];
  if (!versioned) {
    return heldLongEnough
      ? []
      : [{ path: 'versioning', message: 'is not enabled: what is replaced or deleted is gone' }];
  }
  const rules = at(props, 'lifecycleRules');
  if (isOpaque(rules)) return [];
  const deletions = list(rules)
    .map((rule, index) => ({ rule, path: `lifecycleRules[${index}].condition` }))
    .filter(({ rule }) => mayBe(at(rule, 'action', 'type'), 'Delete') && !isOpaque(at(rule, 'condition')));
  const opaque = list(rules).some((rule) => isOpaque(rule) || isOpaque(at(rule, 'condition')));
  const days = ({ rule }: { readonly rule: unknown }) => at(rule, 'condition', 'daysSinceNoncurrentTime');
  const early = heldLongEnough ? [] : deletions.filter((each) => Number(days(each)) < keepDays);
  if (early.length > 0) {
    return early.map((each) => ({
      path: `${each.path}.daysSinceNoncurrentTime`,
      message: `old versions are kept for ${days(each)} days, and ${keepDays} are wanted`,
    }));
  }
  if (opaque || deletions.some((each) => days(each) !== undefined)) return [];
  return [{ path: 'lifecycleRules', message: 'nothing ends old versions: they are kept, and paid, for ever' }];
}
