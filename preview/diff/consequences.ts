import { isDeepStrictEqual } from 'node:util';
import type { PlannedResource } from '../plan';
import { isKubernetes, kubernetesRefuses } from './kubernetes-replacement';
import { interruptedNodes } from './node-interruptions';
import type { Action, Consequence } from './plan-diff';
import type { Step } from './property-path';

/** A change of one resource, or of an object in the cluster. */
export interface ResourceMove {
  readonly action: Action;
  /** Pulumi's type token. */
  readonly type: string;
  /** Left out where it is new. */
  readonly before?: PlannedResource | undefined;
  /** Left out where it is gone. */
  readonly after?: PlannedResource | undefined;
  readonly fields: readonly FieldMove[];
}

/** A value that differs, and the keys and places in lists that lead to it. */
export interface FieldMove {
  readonly steps: readonly Step[];
  readonly before?: unknown;
  readonly after?: unknown;
}

const CLUSTER = 'gcp:container/cluster:Cluster';
const NODE_POOL = 'gcp:container/nodePool:NodePool';
const BUCKET = 'gcp:storage/bucket:Bucket';
const SERVICE = 'gcp:projects/service:Service';
const RELEASE = 'kubernetes:helm.sh/v3:Release';

/**
 * What is gone or interrupted while a change is made, and what keeps it from being made at all. Nothing is said of what
 * goes on unnoticed.
 */
export function consequencesOf(move: ResourceMove): Consequence[] {
  const { action, before, after, type, fields } = move;
  if (before === undefined) return [];
  if (action === 'update') {
    return [
      ...fields.flatMap(({ steps, before, after }) => refused(kubernetesRefuses(type, steps, before, after))),
      ...(after === undefined ? [] : interruptedNodes(type, after, fields)),
    ];
  }
  // Something new takes the place of what is deleted.
  const again = action !== 'delete';
  return [...blocked(move, before), ...lost(before), ...away(move, before, again)];
}

function refused(why: string | undefined): Consequence[] {
  return why === undefined
    ? []
    : [{ kind: 'blocked', text: `${why}: the API server refuses it, and so pulumi up fails; delete the object first` }];
}

/** What keeps Pulumi or the provider from deleting the old one. The provider asks how it was made, not how it will be. */
function blocked({ action, after }: ResourceMove, { type, inputs, options }: PlannedResource): Consequence[] {
  const out: Consequence[] = [];
  const add = (text: string) => out.push({ kind: 'blocked', text });
  // pulumi/pulumi, pkg/resource/deploy: step_generator.go refuses to replace what was protected and still is, step.go
  // to delete what was.
  if (options?.protect && (action !== 'replace' || after?.options?.protect)) {
    add(`it is protected: Pulumi refuses to ${action === 'replace' ? 'replace' : 'delete'} it`);
  }
  // resource_container_cluster.go, resourceContainerClusterDelete: on unless said otherwise.
  if (type === CLUSTER && inputs.deletionProtection !== false) {
    add('deletionProtection is on: the provider refuses to delete it until an update before has turned it off');
  }
  // tpgresource/utils.go, DeletionPolicyPreDelete
  if (type.startsWith('gcp:') && inputs.deletionPolicy === 'PREVENT') {
    add('deletionPolicy is PREVENT: the provider refuses to delete it until an update before has changed that');
  }
  // resource_storage_bucket.go, resourceStorageBucketDelete
  if (type === BUCKET && !inputs.forceDestroy) add('forceDestroy is off: it cannot be deleted while it holds objects');
  return out;
}

/** What it holds, and what goes with it. */
function lost(before: PlannedResource): Consequence[] {
  const { type, inputs, options } = before;
  if (options?.retainOnDelete || inputs.deletionPolicy === 'ABANDON') return [];
  const text = textOfLoss(type, inputs);
  return text === undefined ? [] : [{ kind: 'data-loss', text }];
}

type Inputs = PlannedResource['inputs'];

function textOfLoss(type: string, inputs: Inputs): string | undefined {
  switch (type) {
    case BUCKET:
      return inputs.forceDestroy ? 'all its objects are deleted, with their versions' : undefined;
    case CLUSTER:
      return 'every object in the cluster goes with it; volumes are no longer bound to their claims';
    case 'kubernetes:core/v1:Namespace':
      return 'every object in the namespace goes with it, volume claims included';
    case 'kubernetes:core/v1:PersistentVolumeClaim':
      return 'its volume is deleted with what it holds, unless its storage class says Retain';
    case 'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition':
      return 'every object of its kind goes with it';
    case 'kubernetes:apps/v1:StatefulSet':
      return claimsGo(inputs) ? 'the volume claims of its pods are deleted with it (whenDeleted: Delete)' : undefined;
    default:
      return undefined;
  }
}

function claimsGo(inputs: Inputs): boolean {
  const { spec } = inputs as { spec?: { persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string } } };
  return spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete';
}

function away(move: ResourceMove, before: PlannedResource, again: boolean): Consequence[] {
  const { type } = move;
  if (before.options?.retainOnDelete) return [];
  if (type === NODE_POOL) return [poolAway(move, again)];
  if (type === SERVICE) return before.inputs.disableOnDestroy === true ? [apiAway()] : [];
  if (!again) return [];
  if (type === RELEASE) {
    // provider/pkg/provider/helm_release.go, Diff: DeleteBeforeReplace false
    const text =
      'the new release is installed before the old one goes: Helm refuses what both bring outside a namespace';
    return [{ kind: 'blocked', text }];
  }
  if (move.action === 'rename') return clashes(move);
  if (!deletedFirst(move)) return [];
  const text = `deleted before it is made anew${WHILE_AWAY[type] ?? ''}`;
  return [{ kind: 'downtime', text }];
}

/**
 * What is registered under another URN is made before the old one is deleted: where both are one thing in the cloud, that
 * goes wrong.
 */
function clashes({ type, before, after }: ResourceMove): Consequence[] {
  const same = (key: string) => before?.inputs[key] !== undefined && before.inputs[key] === after?.inputs[key];
  if (!type.startsWith('gcp:')) return [];
  if (type.endsWith('IAMMember')) {
    // tpgiamresource: creating adds the member to the policy, deleting takes it out, whoever put it there.
    const text = 'the same grant is made again, and then taken away with the old one: an alias keeps it';
    return isDeepStrictEqual(before?.inputs, after?.inputs) ? [{ kind: 'downtime', text }] : [];
  }
  const text = 'made before the old one is deleted, whose name is taken: an alias keeps it';
  return AUTONAMED.some(same) ? [{ kind: 'blocked', text }] : [];
}

const WHILE_AWAY: Readonly<Record<string, string>> = {
  [CLUSTER]: ': all that runs in it stops until the new cluster, its nodes and its workloads are there',
  'kubernetes:apps/v1:Deployment': ': none of its pods runs until new ones are ready',
  'kubernetes:apps/v1:StatefulSet': ': none of its pods runs until new ones are ready',
  'kubernetes:apps/v1:DaemonSet': ': none of its pods runs until new ones are ready',
  'kubernetes:core/v1:Service': ': nobody reaches its pods, and it gets another address',
  'kubernetes:core/v1:ConfigMap': ': pods that start in between wait for it',
  'kubernetes:core/v1:Secret': ': pods that start in between wait for it',
};

function poolAway(move: ResourceMove, again: boolean): Consequence {
  if (!again) return { kind: 'restart', text: 'its nodes leave, and their pods have to find room elsewhere' };
  return deletedFirst(move)
    ? { kind: 'downtime', text: 'its nodes leave before those of the new pool come: their pods wait meanwhile' }
    : {
        kind: 'restart',
        text: 'the new pool comes first, then the old one goes and all its pods start anew: both need quota at a time',
      };
}

function apiAway(): Consequence {
  return { kind: 'downtime', text: 'the API is disabled for the whole project (disableOnDestroy)' };
}

/**
 * Whether the old one is deleted before the new one is made.
 *
 * Google: where the name is said and not generated, be it another than before (pulumi-terraform-bridge,
 * pkg/tfbridge/schema.go, nameRequiresDeleteBeforeReplace), and members of a project's policy (pulumi-gcp,
 * provider/resources.go). Kubernetes: where name and namespace stay (pulumi-kubernetes, provider/pkg/provider/provider.go,
 * Diff). Something under another URN is made first in any case.
 */
export function deletedFirst({ action, type, before, after }: ResourceMove): boolean {
  if (action !== 'replace' || before === undefined || after === undefined) return false;
  if (after.options?.deleteBeforeReplace) return true;
  if (type === RELEASE) return false;
  if (isKubernetes(type)) return nameOf(before) === nameOf(after);
  if (type === 'gcp:projects/iAMMember:IAMMember') return true;
  return type.startsWith('gcp:') && AUTONAMED.some((key) => after.inputs[key] !== undefined);
}

/** Arguments that Pulumi makes up where they are left out (pulumi-gcp, provider/resources.go). */
const AUTONAMED = ['name', 'accountId'];

function nameOf({ inputs }: PlannedResource): string {
  const { metadata } = inputs as { metadata?: { name?: string; namespace?: string } };
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
