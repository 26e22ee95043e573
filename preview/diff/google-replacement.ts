import { isDeepStrictEqual } from 'node:util';
import ipaddr from 'ipaddr.js';
import forceNew from './google-force-new.json';
import type { Step } from './property-path';

/**
 * What bin/force-new read from the provider's schema, by Pulumi's type. @pulumi/gcp 9.37.0 has one argument more than that
 * source, of which nothing is known: `nodeConfig.hostMaintenancePolicy.opportunisticMaintenanceStrategy`.
 */
interface Immutable {
  readonly fields: readonly string[];
  readonly blocks: readonly string[];
  readonly kept: readonly string[];
  readonly sets: readonly string[];
  readonly defaults: Readonly<Record<string, unknown>>;
}

const IMMUTABLE: Readonly<Record<string, Immutable>> = forceNew.types;

type Condition = (before: unknown, after: unknown) => boolean;

/**
 * What replaces a resource on a condition: `CustomizeDiff` in the provider's source. Left out: Autopilot's
 * `dnsConfig.additiveVpcScopeDnsDomain`, which depends on another argument; the program makes no Autopilot cluster.
 */
const CONDITIONAL: Readonly<Record<string, Readonly<Record<string, Condition>>>> = {
  'gcp:container/cluster:Cluster': {
    // resource_container_cluster.go, isBeenEnabled: both can be turned on, not off.
    enableL4IlbSubsetting: turnedOff,
    enableFqdnNetworkPolicy: turnedOff,
    // containerClusterEnableK8sBetaApisCustomizeDiffFunc: APIs can be added, not taken away.
    'enableK8sBetaApis.enabledApis': (before, after) =>
      Array.isArray(before) && Array.isArray(after) && before.some((api) => !after.includes(api)),
  },
  'gcp:compute/subnetwork:Subnetwork': {
    // resource_compute_subnetwork.go, IsShrinkageIpCidr: a range can grow around itself.
    ipCidrRange: (before, after) => !contains(after, before),
  },
  'gcp:sql/databaseInstance:DatabaseInstance': {
    // resource_sql_database_instance.go, privateNetworkCustomizeDiff. The size of the disk is left to the instance itself.
    'settings.ipConfiguration.privateNetwork': (before, after) => !isNothing(before) && isNothing(after),
  },
  'gcp:storage/bucket:Bucket': {
    // resource_storage_bucket.go, isPolicyLocked
    'retentionPolicy.isLocked': turnedOff,
  },
};

/**
 * Whether Google's provider replaces a resource for a change of an argument.
 *
 * Values are compared as the provider does: an argument that is left out is its default, or nothing (`false`, `0`,
 * an empty text or list), or what the cloud has made of it where the provider keeps that.
 *
 * @param steps - to the value that differs; all that it holds is looked at
 */
export function googleReplaces(type: string, steps: readonly Step[], before: unknown, after: unknown): boolean {
  const known = IMMUTABLE[type];
  if (known === undefined) return false;
  const path = steps.map((step) => (typeof step === 'number' ? '*' : step)).join('.');
  // A member of a list that comes or goes.
  const [, list] = /^(.*)\.\*$/.exec(path) ?? [];
  if (list !== undefined && known.blocks.includes(list) && (before === undefined) !== (after === undefined))
    return true;
  const above = ancestors(path).find((each) => known.fields.includes(each));
  if (above !== undefined) return true;
  return replaces(type, known, path, before, after);
}

function replaces(type: string, known: Immutable, path: string, before: unknown, after: unknown): boolean {
  if (isDeepStrictEqual(before, after)) return false;
  // A name that is left out is Pulumi's to make up: another than before.
  const kept = known.kept.includes(path) && path !== 'name' && isNothing(after) && after !== false;
  if (kept) return false;
  if (known.fields.includes(path)) return !sameField(known, path, before, after);
  if (CONDITIONAL[type]?.[path]?.(before, after)) return true;
  if (known.blocks.includes(path) && !known.kept.includes(path) && count(before) !== count(after)) return true;
  return members(before, after).some(([step, old, now]) => replaces(type, known, `${path}.${step}`, old, now));
}

function sameField({ sets, defaults }: Immutable, path: string, before: unknown, after: unknown): boolean {
  const old = before ?? defaults[path];
  const now = after ?? defaults[path];
  if (isNothing(old) && isNothing(now)) return true;
  if (sets.includes(path) && Array.isArray(old) && Array.isArray(now)) {
    return isDeepStrictEqual([...old].sort(), [...now].sort());
  }
  return isDeepStrictEqual(old, now);
}

/** What the provider reads where the cloud says nothing (terraform-plugin-sdk: the zero value of the type). */
function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || value === false || value === 0 || value === '';
}

/** Blocks that are there: members of a list, or one. */
function count(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return value === undefined ? 0 : 1;
}

type Members = Readonly<Record<string, unknown>>;

function members(before: unknown, after: unknown): (readonly [step: string, before: unknown, after: unknown])[] {
  if (Array.isArray(before) || Array.isArray(after)) {
    const old = Array.isArray(before) ? before : [];
    const now = Array.isArray(after) ? after : [];
    return Array.from({ length: Math.max(old.length, now.length) }, (_, at) => ['*', old[at], now[at]] as const);
  }
  const old = asMembers(before);
  const now = asMembers(after);
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].map((key) => [key, old[key], now[key]] as const);
}

function asMembers(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

/** `a.b.c`: `a`, `a.b`. */
function ancestors(path: string): string[] {
  const steps = path.split('.');
  return steps.slice(1).map((_, at) => steps.slice(0, at + 1).join('.'));
}

function turnedOff(before: unknown, after: unknown): boolean {
  return before === true && after !== true;
}

/** Whether one range of addresses lies in another. As in the provider, what is no range is not asked about. */
function contains(outer: unknown, inner: unknown): boolean {
  if (!isRange(outer) || !isRange(inner)) return true;
  const [wide, bits] = ipaddr.parseCIDR(outer);
  const [narrow, size] = ipaddr.parseCIDR(inner);
  return wide.kind() === narrow.kind() && size >= bits && narrow.match(wide, bits);
}

function isRange(value: unknown): value is string {
  return typeof value === 'string' && ipaddr.isValidCIDR(value);
}
