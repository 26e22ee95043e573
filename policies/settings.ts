import { z } from 'zod';
import { catalog } from '../models/catalog';
import { machineType } from '../models/machine-type';
import { didYouMean, wording } from '../models/parse';
import type { PriceOverrides } from '../models/price-book';
import { DEFAULT_DEADLINE_SECONDS } from '../models/shutdown';
import { slug } from '../models/slug';
import { startupBudgetSeconds } from '../models/startup';
import { versions } from '../models/versions';
import type { GrantedWaiver, Severity } from './finding';
import type { Profile } from './rule';
import { RULE_IDS } from './rules';

/** A finding that an environment lets stand until a day. */
export interface Waiver extends GrantedWaiver {
  /** The rule's id. */
  readonly rule: string;
  /** What it is for, as findings name it, with `*` for any characters: `NodePool *`. @default everything */
  readonly subject?: string;
}

/** What a server owes, from its model. */
export interface ServerFacts {
  /** Seconds in which a request has to be answered. */
  readonly deadlineSeconds: number;
  /** Seconds that a start may take. */
  readonly startupSeconds: number;
}

/** All that rules go by beside the resources: the environment's own words, and what follows from its other keys. */
export interface PolicySettings {
  readonly profile: Profile;
  /** By rule id, where the environment says other than the profile. */
  readonly severity: Readonly<Record<string, Severity | 'off' | undefined>>;
  readonly waivers: readonly Waiver[];
  /** Registries, or repositories in them, that images may come from. */
  readonly registries: readonly string[];
  /** Regions and multi-regions that resources may lie in, in lower case. Empty: any. */
  readonly regions: readonly string[];
  /** USD that the cluster may cost in a month with every pool fully grown, at most. Left out: nobody has said. */
  readonly monthlyCeilingUsd?: number;
  /** What may be reached from outside, as findings name it, with `*` for any characters: `Route triton/*`. */
  readonly publicEndpoints: readonly string[];
  /** Namespaces whose pods manage nodes. */
  readonly unrestrictedNamespaces: readonly string[];
  /** Keys of labels that what costs money has to carry. */
  readonly labels: readonly string[];
  /** Days that a replaced or deleted object of a bucket has to be kept, at least. */
  readonly keepDays: number;
  /** Labels that nodes with GPUs are known by. */
  readonly gpuNodeLabels: readonly string[];
  /** GPUs of the largest node. */
  readonly gpusPerNode: number;
  /** Priority classes of work that can wait. */
  readonly batchPriorityClasses: readonly string[];
  /** By the instance label of the server's objects. */
  readonly servers: Readonly<Record<string, ServerFacts>>;
  /** Prices of one's own. @default list prices */
  readonly prices?: PriceOverrides;
}

const words = z.array(z.string().min(1));
const ruleId = z.string().superRefine((id, context) => {
  if (RULE_IDS.includes(id)) return;
  const meant = didYouMean(id, RULE_IDS);
  const fix = meant === undefined ? 'take one of those' : `did you mean ${meant}?`;
  context.addIssue({
    code: 'custom',
    message: wording({ reason: 'is no rule', allowed: RULE_IDS.join(', '), fix }),
  });
});

/** A day without quotes is a point in time to some readers of YAML, the engine's among them. */
function dayOf(value: unknown): unknown {
  const text = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
  return typeof text === 'string' ? text.replace(/T00:00:00(\.0+)?Z$/, '') : text;
}

const waiver = z.strictObject({
  rule: ruleId,
  subject: z.string().min(1).optional(),
  /** Who answers for it. */
  owner: z.string().min(1),
  reason: z.string().min(1),
  /** The last day on which it counts. */
  until: z.preprocess(dayOf, z.iso.date(wording({ reason: 'is not a date', allowed: 'a day such as 2027-01-31' }))),
});

const weight = z.enum(['error', 'warning', 'off']).optional();
/** A key for each rule: of one that is none, what was meant is told. */
const severities = z.strictObject(Object.fromEntries(RULE_IDS.map((id) => [id, weight])));

/** The key `triton-stack:policies` of an environment's file. */
export const policiesSchema = z.strictObject({
  /** The safe one where nobody says. */
  profile: z.enum(['development', 'production']).default('production'),
  severity: severities.prefault({}),
  waivers: z.array(waiver).default([]),
  /** Left out: the repositories of `versions.json`. */
  registries: words.optional(),
  /** Left out: the cluster's own region. */
  regions: words.optional(),
  monthlyCeilingUsd: z
    .number()
    .refine((usd) => usd > 0, wording({ reason: 'is not an amount', allowed: 'USD a month, more than 0' }))
    .optional(),
  publicEndpoints: words.default([]),
  /** Beside those of the GPU Operator and of monitoring. */
  unrestrictedNamespaces: words.default([]),
  labels: words.default(['environment', 'managed-by']),
  /** Left out: 30 in production, 7 in development. */
  keepDays: z.int().min(1).optional(),
  batchPriorityClasses: words.default(['triton-batch']),
});

export type PoliciesConfig = z.output<typeof policiesSchema>;

/** The keys of an environment's file that rules go by, checked or as they are written. */
export interface PolicyInput {
  readonly policies: PoliciesConfig;
  readonly platform?: { readonly kind?: string; readonly region?: string };
  readonly pools?: Readonly<Record<string, PoolInput>>;
  readonly serving?: { readonly models?: readonly { readonly model: string; readonly name?: string }[] };
  readonly monitoring?: { readonly kind?: string; readonly namespace?: string };
  readonly prices?: PriceOverrides;
}

interface PoolInput {
  readonly machineType?: string;
  readonly gpusPerNode?: number;
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

/** Where nobody says: GKE's label, and that of GPU feature discovery. */
const GPU_NODE_LABELS = ['cloud.google.com/gke-accelerator', 'nvidia.com/gpu.product'];

/** Labels of nodes that say nothing of GPUs. */
const COMMON_NODE_LABEL = /^(.*\.)?(kubernetes|k8s)\.io\//;

/** Where Prometheus is where nobody says. */
export const MONITORING_NAMESPACE = 'monitoring';

/** Namespaces that others bring, whose pods manage nodes. */
const SYSTEM_NAMESPACES = ['gpu-operator', 'kube-system'];

const KEEP_DAYS: Readonly<Record<Profile, number>> = { development: 7, production: 30 };

/** What an environment's keys mean for the rules. */
export function policySettings({
  policies,
  platform,
  pools = {},
  serving,
  monitoring,
  prices,
}: PolicyInput): PolicySettings {
  const { profile, severity, waivers, registries, regions, monthlyCeilingUsd, unrestrictedNamespaces } = policies;
  const { publicEndpoints, labels, keepDays, batchPriorityClasses } = policies;
  const ownLabels = Object.values(pools).flatMap(({ nodeSelector = {} }) => Object.keys(nodeSelector));
  return {
    profile,
    severity,
    waivers,
    registries: registries ?? ownRegistries(),
    regions: (regions ?? (platform?.region === undefined ? [] : [platform.region])).map((name) => name.toLowerCase()),
    ...(monthlyCeilingUsd !== undefined && { monthlyCeilingUsd }),
    publicEndpoints,
    unrestrictedNamespaces: distinct([
      ...SYSTEM_NAMESPACES,
      // OpenShift brings its own.
      ...(monitoring?.kind === 'openshift' ? [] : [monitoring?.namespace ?? MONITORING_NAMESPACE]),
      ...unrestrictedNamespaces,
    ]),
    labels,
    keepDays: keepDays ?? KEEP_DAYS[profile],
    gpuNodeLabels: distinct([...GPU_NODE_LABELS, ...ownLabels.filter((key) => !COMMON_NODE_LABEL.test(key))]),
    gpusPerNode: Math.max(0, ...Object.values(pools).map(gpusOfNode)),
    batchPriorityClasses,
    servers: serversOf(serving?.models ?? []),
    ...(prices !== undefined && { prices }),
  };
}

function gpusOfNode(pool: PoolInput): number {
  return pool.gpusPerNode ?? machineType(pool.machineType ?? '')?.gpus ?? 0;
}

function serversOf(entries: readonly { readonly model: string; readonly name?: string }[]): PolicySettings['servers'] {
  return Object.fromEntries(
    entries.flatMap(({ model: name, name: served = name }) => {
      const model = catalog.get(name);
      if (model === undefined) return [];
      const { deadlineSeconds = DEFAULT_DEADLINE_SECONDS } = model;
      return [[slug(served), { deadlineSeconds, startupSeconds: startupBudgetSeconds(model) }]];
    }),
  );
}

/** The repositories that the product itself deploys from. */
function ownRegistries(): string[] {
  return distinct(Object.values(versions.images).map(({ repository }) => repository));
}

function distinct(all: readonly string[]): string[] {
  return [...new Set(all)].sort();
}
