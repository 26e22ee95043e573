import type { KubernetesObject, Plan } from '../preview/plan';
import type { Environment } from '../stacks/environment/environment';
import { OWN_LABEL } from './node-objects';

/** What kwok, under a user name of its own, does to nodes and pods (kwok, kustomize/rbac/role.yaml). */
export const KWOK_RIGHTS: readonly KubernetesObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'kwok', labels: OWN_LABEL },
    rules: [
      rule('', ['events'], ['create', 'patch', 'update']),
      rule('', ['nodes'], ['get', 'list', 'watch']),
      rule('', ['nodes/status', 'pods/status'], ['patch', 'update']),
      rule('', ['pods'], ['delete', 'get', 'list', 'patch', 'update', 'watch']),
      rule('coordination.k8s.io', ['leases'], ['create', 'get', 'list', 'patch', 'update', 'watch']),
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'kwok', labels: OWN_LABEL },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kwok' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'kwok' }],
  },
];

function rule(apiGroup: string, resources: readonly string[], verbs: readonly string[]) {
  return { apiGroups: [apiGroup], resources, verbs };
}

/** Storage classes that GKE brings (GKE documentation, "About the Compute Engine persistent disk CSI driver"). */
const GKE_CLASSES = ['standard-rwo', 'premium-rwo', 'standard'] as const;

/**
 * Storage classes with the names of the environment's: the platform's own, the first of them the default, and those that
 * claims name. Behind each stands the provisioner of folders on this machine.
 */
export function storageClasses(environment: Environment, plan: Plan): KubernetesObject[] {
  const platform = environment.kind === 'gke' ? GKE_CLASSES : ['standard'];
  return [...new Set([...platform, ...namedClasses(plan), ...kubeflowClasses(environment)])].map((name, index) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name,
      labels: OWN_LABEL,
      ...(index === 0 && { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }),
    },
    provisioner: 'kubernetes.io/host-path',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
  }));
}

/** Those of claims that come from upstream's manifests. */
function kubeflowClasses({ kubeflow }: Environment): string[] {
  if (kubeflow.kind !== 'pipelines') return [];
  return [kubeflow.database, kubeflow.artifacts].flatMap((each) =>
    'storageClass' in each && each.storageClass !== undefined ? [each.storageClass] : [],
  );
}

interface ClaimSpec {
  readonly storageClassName?: string;
}
interface WithClaims {
  readonly spec?: ClaimSpec & { readonly volumeClaimTemplates?: readonly { readonly spec: ClaimSpec }[] };
}

function namedClasses(plan: Plan): string[] {
  const claims = plan.charts.flatMap(({ objects }) =>
    objects.flatMap((object): ClaimSpec[] => {
      const { spec } = object as WithClaims;
      if (object.kind === 'PersistentVolumeClaim') return spec ? [spec] : [];
      return (spec?.volumeClaimTemplates ?? []).map((template) => template.spec);
    }),
  );
  return claims.flatMap(({ storageClassName }) => storageClassName ?? []).sort();
}

/** Namespaces that objects of the plan are in and that others bring: upstream's manifests, or the cluster. */
export function missingNamespaces(plan: Plan): KubernetesObject[] {
  const objects = plan.charts.flatMap((chart) => chart.objects);
  const made = new Set(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name));
  const needed = new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []));
  return [...needed]
    .filter((name) => !made.has(name))
    .sort()
    .map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: OWN_LABEL } }));
}

/**
 * Claims that servers read their models from, and that somebody else makes on a real cluster. ReadWriteOnce, which is all
 * that the provisioner of folders has: nothing is written, and nothing here keeps two nodes from sharing it.
 */
export function modelClaims({ models, servingNamespace: namespace }: Environment): KubernetesObject[] {
  const names = models.flatMap(({ source }) => (source.kind === 'claim' ? [source.claimName] : []));
  return [...new Set(names)].sort().map((name) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace, labels: OWN_LABEL },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }));
}
