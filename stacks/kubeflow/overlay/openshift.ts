import type { KustomizePatch } from './kustomization';

/**
 * Takes users and groups away that `restricted-v2` refuses: OpenShift gives each namespace a range of its own. Upstream's
 * `env/openshift` takes the whole security context away, and with it what says that nothing may become root.
 *
 * @param containers - init containers, and those of the pod, by number, that name a user
 */
export function withoutFixedUsers(
  name: string,
  containers: { readonly init: number; readonly main: number; readonly group?: boolean; readonly pod?: boolean },
): KustomizePatch {
  const spec = '/spec/template/spec';
  const remove = (path: string) => ({ op: 'remove', path: `${spec}${path}` });
  const operations = [
    ...Array.from({ length: containers.init }, (_, index) =>
      remove(`/initContainers/${index}/securityContext/runAsUser`),
    ),
    ...Array.from({ length: containers.main }, (_, index) => [
      remove(`/containers/${index}/securityContext/runAsUser`),
      ...(containers.group === false ? [] : [remove(`/containers/${index}/securityContext/runAsGroup`)]),
    ]).flat(),
    ...(containers.pod === true
      ? [remove('/securityContext/fsGroup'), remove('/securityContext/fsGroupChangePolicy')]
      : []),
  ];
  return { patch: JSON.stringify(operations), target: { group: 'apps', kind: 'Deployment', name } };
}
