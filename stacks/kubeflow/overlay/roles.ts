import { type PipelinesSettings, storeSecretName } from '../../../charts/kubeflow/settings';
import { type KustomizePatch, merge } from './kustomization';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  resourceNames?: readonly string[],
): Rule => ({ apiGroups: [group], resources, verbs, ...(resourceNames !== undefined && { resourceNames }) });

/**
 * What steps, the UI and Argo's executor may do in the namespace. Upstream lets a step do anything with pods, Deployments and
 * Jobs, and read every Secret: one step that somebody else wrote would have had them all.
 */
export function rolePatches(settings: PipelinesSettings): KustomizePatch[] {
  const store = storeSecretName(settings);
  const keys = store === undefined ? [] : [rule('', ['secrets'], ['get'], [store])];
  return [
    role('pipeline-runner', [
      ...keys,
      rule('', ['configmaps'], ['get'], ['kfp-launcher']),
      // Volumes that a pipeline asks for (backend/src/v2/driver/k8s.go, kfp-kubernetes CreatePVC).
      rule('', ['persistentvolumeclaims'], ['create', 'get', 'delete']),
      // A step looks itself up (launcher_v2.go).
      rule('', ['pods'], ['get']),
      rule('argoproj.io', ['workflowtaskresults'], ['create', 'patch']),
    ]),
    role('ml-pipeline-ui', [
      ...keys,
      rule('', ['pods', 'pods/log'], ['get']),
      rule('', ['events'], ['list']),
      rule('', ['configmaps'], ['get']),
      rule('argoproj.io', ['workflows'], ['get', 'list']),
    ]),
  ];
}

function role(name: string, rules: readonly Rule[]): KustomizePatch {
  return merge('rbac.authorization.k8s.io/v1', 'Role', name, { rules });
}
