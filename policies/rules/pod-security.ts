import { containersOf, type PodView, podsOf } from '../pods';
import { at, entries, isOpaque, isSet, list, mayBe, objectKind, text } from '../resource';
import type { ResourceRule, Violation } from '../rule';

const STANDARD = 'Kubernetes documentation, "Pod Security Standards", restricted';

/** Volumes of the `restricted` standard. */
const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

const ENFORCE = 'pod-security.kubernetes.io/enforce';

/** Pods that cannot become more than themselves. */
export const podRestricted: ResourceRule = {
  id: 'pod-restricted',
  title: 'pods keep the restricted Pod Security Standard',
  severity: { development: 'error', production: 'error' },
  reason: 'a model repository is code: what breaks out of a restricted pod has to break the kernel first',
  fix: 'set what the standard asks for; pods that manage nodes belong into a namespace of unrestrictedNamespaces',
  source: STANDARD,
  check: (resource, { unrestrictedNamespaces }) =>
    podsOf(resource)
      .filter(({ namespace }) => !isOpaque(namespace) && !unrestrictedNamespaces.includes(String(namespace)))
      .flatMap((pod) => [...hostViolations(pod), ...volumeViolations(pod), ...containerViolations(pod)]),
  cluster: 'pod-security',
};

function hostViolations({ path, spec }: PodView): Violation[] {
  return ['hostNetwork', 'hostPID', 'hostIPC']
    .filter((key) => at(spec, key) === true)
    .map((key) => ({ path: `${path}spec.${key}`, message: `${key} is true: the pod shares it with the node` }));
}

function volumeViolations({ path, spec }: PodView): Violation[] {
  return list(at(spec, 'volumes')).flatMap((volume, index) => {
    const kinds = entries(volume).filter(([key, value]) => key !== 'name' && isSet(value));
    return kinds
      .filter(([kind]) => !VOLUMES.includes(kind))
      .map(([kind]) => ({ path: `${path}spec.volumes[${index}]`, message: `volumes of kind ${kind} are not allowed` }));
  });
}

function containerViolations(pod: PodView): Violation[] {
  const { spec } = pod;
  const podContext = at(spec, 'securityContext');
  return containersOf(pod).flatMap(({ path, container }) => {
    const context = at(container, 'securityContext');
    const own = (key: string) => at(context, key) ?? at(podContext, key);
    const wrong: string[] = [];
    if (at(context, 'privileged') === true) wrong.push('is privileged');
    if (!mayBe(at(context, 'allowPrivilegeEscalation'), false)) wrong.push('does not forbid privilege escalation');
    if (!mayBe(own('runAsNonRoot'), true)) wrong.push('may run as root: runAsNonRoot is not true');
    if (own('runAsUser') === 0) wrong.push('runs as user 0');
    const seccomp = own('seccompProfile');
    const profile = at(seccomp, 'type');
    if (!isOpaque(profile) && profile !== 'RuntimeDefault' && profile !== 'Localhost')
      wrong.push('has no seccomp profile');
    wrong.push(...capabilityProblems(at(context, 'capabilities')));
    if (list(at(container, 'ports')).some((port) => Number(at(port, 'hostPort') ?? 0) > 0))
      wrong.push("takes a port of the node's");
    const procMount = at(context, 'procMount');
    if (isSet(procMount) && !mayBe(procMount, 'Default')) wrong.push('sees /proc unmasked');
    return wrong.map((message) => ({ path, message: `container ${text(at(container, 'name')) ?? '?'} ${message}` }));
  });
}

function capabilityProblems(capabilities: unknown): string[] {
  const drop = at(capabilities, 'drop');
  const dropped = isOpaque(drop) || list(drop).some((each) => mayBe(each, 'ALL'));
  const added = list(at(capabilities, 'add')).filter((each) => !mayBe(each, 'NET_BIND_SERVICE'));
  return [
    ...(dropped ? [] : ['keeps capabilities: drop has no ALL']),
    ...(added.length === 0 ? [] : [`adds capabilities: ${added.join(', ')}`]),
  ];
}

/** The API server refuses other pods where the namespace tells it to. */
export const namespaceRestricted: ResourceRule = {
  id: 'namespace-restricted',
  title: 'namespaces tell the API server which pods they admit: restricted ones alone, unless said otherwise',
  severity: { development: 'error', production: 'error' },
  reason: 'without the label the API server admits privileged pods, whoever makes them',
  fix: `label it ${ENFORCE}: restricted; name a namespace whose pods manage nodes in triton-stack:policies.unrestrictedNamespaces`,
  source: 'Kubernetes documentation, "Pod Security Admission"; CIS GKE Benchmark 1.9, 4.2.1',
  check: (resource, { unrestrictedNamespaces }) => {
    if (objectKind(resource) !== 'core/Namespace') return [];
    const level = at(resource.props, 'metadata', 'labels', ENFORCE);
    const name = at(resource.props, 'metadata', 'name');
    const unrestricted = isOpaque(name) || unrestrictedNamespaces.includes(String(name));
    if (isOpaque(level) || level === 'restricted' || (unrestricted && level !== undefined)) return [];
    const message = level === undefined ? 'has no Pod Security level' : `admits pods of level ${level}`;
    return [{ path: `metadata.labels["${ENFORCE}"]`, message }];
  },
};
