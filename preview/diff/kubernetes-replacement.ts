import { isDeepStrictEqual } from 'node:util';
import { pathContains, type Step } from './property-path';
import { isLess } from './quantity';

/**
 * What pulumi-kubernetes replaces an object for: `forceNew` in provider/pkg/provider/diff.go, read at v4.32.0 (the
 * newest tag that could be had for 4.34.2). By group and version, then by kind.
 *
 * ConfigMaps and Secrets are replaced for their data as long as the provider's `enableConfigMapMutable` and
 * `enableSecretMutable` are off, which the program leaves so.
 */
const REPLACED: Readonly<Record<string, readonly string[]>> = {
  'core/v1:ConfigMap': ['binaryData', 'data'],
  'core/v1:PersistentVolume': [
    'spec.awsElasticBlockStore',
    'spec.azureDisk',
    'spec.azureFile',
    'spec.cephfs',
    'spec.cinder',
    'spec.csi',
    'spec.fc',
    'spec.flexVolume',
    'spec.flocker',
    'spec.gcePersistentDisk',
    'spec.glusterfs',
    'spec.hostPath',
    'spec.iscsi',
    'spec.local',
    'spec.nfs',
    'spec.photonPersistentDisk',
    'spec.portworxVolume',
    'spec.quobyte',
    'spec.rbd',
    'spec.scaleIO',
    'spec.storageos',
    'spec.vsphereVolume',
  ],
  'core/v1:PersistentVolumeClaim': ['spec.accessModes', 'spec.selector', 'spec.storageClassName', 'spec.volumeName'],
  'core/v1:ResourceQuota': ['spec.scopes'],
  'core/v1:Secret': ['type', 'stringData', 'data'],
  'core/v1:Service': ['spec.clusterIP'],
  'apps/v1:DaemonSet': ['spec.selector'],
  'apps/v1:Deployment': ['spec.selector'],
  'apps/v1:StatefulSet': [
    'spec.podManagementPolicy',
    'spec.revisionHistoryLimit',
    'spec.selector',
    'spec.serviceName',
    'spec.volumeClaimTemplates',
  ],
  'batch/v1:Job': ['spec.completions', 'spec.parallelism', 'spec.selector', 'spec.template'],
  'rbac.authorization.k8s.io/v1:ClusterRoleBinding': ['roleRef'],
  'rbac.authorization.k8s.io/v1:RoleBinding': ['roleRef'],
  'storage.k8s.io/v1:StorageClass': ['parameters', 'provisioner'],
};

/** Of every object; of a Pod nearly everything, which nobody but a controller should make. */
const REPLACED_ALWAYS = ['metadata.name', 'metadata.namespace'];

/** `name` and `namespace` of a release (provider/pkg/provider/helm_release.go, Diff). */
const REPLACED_OF_RELEASES = ['name', 'namespace'];
const RELEASE = 'kubernetes:helm.sh/v3:Release';

/**
 * What the API server refuses to change though the provider tries: validation in k8s.io/kubernetes v1.34.4,
 * pkg/apis/GROUP/validation, and apiextensions-apiserver v0.34.4 for definitions. `pulumi up` fails there.
 */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  // spec is immutable but for resources.requests and volumeAttributesClassName; the provider replaces for the others.
  'core/v1:PersistentVolumeClaim': [
    'spec.dataSource',
    'spec.dataSourceRef',
    'spec.volumeMode',
    'spec.resources.limits',
  ],
  'core/v1:PersistentVolume': ['spec.volumeMode'],
  'batch/v1:Job': [
    'spec.backoffLimitPerIndex',
    'spec.completionMode',
    'spec.managedBy',
    'spec.podFailurePolicy',
    'spec.successPolicy',
  ],
  'networking.k8s.io/v1:IngressClass': ['spec.controller'],
  'node.k8s.io/v1:RuntimeClass': ['handler'],
  'scheduling.k8s.io/v1:PriorityClass': ['value', 'preemptionPolicy'],
  'storage.k8s.io/v1:StorageClass': ['reclaimPolicy', 'volumeBindingMode'],
  'apiextensions.k8s.io/v1:CustomResourceDefinition': [
    'spec.group',
    'spec.names.kind',
    'spec.names.plural',
    'spec.scope',
  ],
};

/** Whether a type is an object of the cluster's or a Helm release. */
export function isKubernetes(type: string): boolean {
  return type.startsWith('kubernetes:');
}

/** `kubernetes:apps/v1:Deployment`: `apps/v1:Deployment`. */
function kindOf(type: string): string {
  return type.replace(/^kubernetes:/, '');
}

/**
 * Whether the Kubernetes provider replaces an object, or a Helm release, for a change of a field.
 *
 * @param steps - to the value that differs; all that it holds is looked at
 */
export function kubernetesReplaces(type: string, steps: readonly Step[], before: unknown, after: unknown): boolean {
  const named = type === RELEASE ? REPLACED_OF_RELEASES : [...REPLACED_ALWAYS, ...(REPLACED[kindOf(type)] ?? [])];
  return named.some((path) => differsAt(path, steps, before, after));
}

/** Why the API server would refuse a change in place; undefined where it takes it. */
export function kubernetesRefuses(
  type: string,
  steps: readonly Step[],
  before: unknown,
  after: unknown,
): string | undefined {
  const refused = (REFUSED[kindOf(type)] ?? []).find((path) => differsAt(path, steps, before, after));
  if (refused !== undefined) return `${refused} cannot be changed`;
  return CONDITIONS[kindOf(type)]?.(steps, before, after);
}

/** What is refused on a condition. The same source. */
const CONDITIONS: Readonly<Record<string, typeof refusesUnlocking>> = {
  'core/v1:ConfigMap': refusesUnlocking,
  'core/v1:Secret': refusesUnlocking,
  'core/v1:PersistentVolumeClaim': (steps, before, after) =>
    pathContains('spec.resources.requests.storage', steps) && isLess(after, before)
      ? 'a volume does not shrink'
      : undefined,
};

function refusesUnlocking(steps: readonly Step[], before: unknown, after: unknown): string | undefined {
  return pathContains('immutable', steps) && before === true && after !== true
    ? 'immutable cannot be taken back'
    : undefined;
}

/** Whether the value at `path` differs, where `steps` lead above it, to it, or below it. */
function differsAt(path: string, steps: readonly Step[], before: unknown, after: unknown): boolean {
  if (pathContains(path, steps)) return true;
  const keys = path.split('.');
  if (!steps.every((step, at) => String(step) === keys[at])) return false;
  const below = keys.slice(steps.length);
  return !isDeepStrictEqual(valueAt(before, below), valueAt(after, below));
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined),
    value,
  );
}
