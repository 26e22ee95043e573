import { at, entries, isOpaque, list, mayBe, objectKind, type PolicyResource, text } from './resource';

/** A pod, or what pods are made from, inside of a resource. */
export interface PodView {
  /** Where it lies in the resource: empty, or `spec.template.`. */
  readonly path: string;
  readonly spec: unknown;
  readonly labels: unknown;
  readonly namespace: unknown;
  /** The kind that makes the pod: `Deployment`; of a pod that nobody makes, empty. */
  readonly controller: string;
}

/** Looks at each object once, however many rules ask. */
function once<T extends object, R>(look: (object: T) => R): (object: T) => R {
  const known = new WeakMap<T, R>();
  return (object) => {
    const found = known.get(object) ?? look(object);
    known.set(object, found);
    return found;
  };
}

type Path = readonly string[];

/** Where pods lie in the kinds that make them. Workers of a group are no servers: they have no ports. */
const TEMPLATES: Readonly<Record<string, readonly Path[]>> = {
  'core/Pod': [[]],
  'apps/Deployment': [['spec', 'template']],
  'apps/ReplicaSet': [['spec', 'template']],
  'apps/StatefulSet': [['spec', 'template']],
  'apps/DaemonSet': [['spec', 'template']],
  'batch/Job': [['spec', 'template']],
  'batch/CronJob': [['spec', 'jobTemplate', 'spec', 'template']],
  'leaderworkerset.x-k8s.io/LeaderWorkerSet': [
    ['spec', 'leaderWorkerTemplate', 'leaderTemplate'],
    ['spec', 'leaderWorkerTemplate', 'workerTemplate'],
  ],
};

/** The pods that a resource is or makes. */
export const podsOf = once(lookForPods);

function lookForPods(resource: PolicyResource): readonly PodView[] {
  const kind = objectKind(resource);
  const paths = kind === undefined ? undefined : TEMPLATES[kind];
  if (paths === undefined || kind === undefined) return [];
  const { props } = resource;
  return paths.map((path) => ({
    path: path.map((key) => `${key}.`).join(''),
    spec: at(props, ...path, 'spec'),
    labels: at(props, ...path, 'metadata', 'labels'),
    namespace: at(props, 'metadata', 'namespace'),
    controller: kind === 'core/Pod' ? ownerOf(props) : (kind.split('/')[1] as string),
  }));
}

function ownerOf(props: unknown): string {
  const owner = list(at(props, 'metadata', 'ownerReferences')).find((each) => at(each, 'controller') === true);
  return text(at(owner, 'kind')) ?? '';
}

export interface ContainerView {
  readonly path: string;
  readonly container: unknown;
  readonly kind: 'containers' | 'initContainers' | 'ephemeralContainers';
}

/** All containers of a pod, of whatever kind. */
export const containersOf = once(lookForContainers);

function lookForContainers({ path, spec }: PodView): readonly ContainerView[] {
  return (['containers', 'initContainers', 'ephemeralContainers'] as const).flatMap((kind) =>
    list(at(spec, kind)).map((container, index) => ({ path: `${path}spec.${kind}[${index}]`, container, kind })),
  );
}

/**
 * The names that NVIDIA's device plugin offers GPUs by, whole and in parts (NVIDIA/k8s-device-plugin, README): a regular
 * expression of JavaScript and of RE2.
 */
export const GPU_RESOURCE = '^nvidia[.]com/(gpu|mig-)';

/** Whether nobody can tell yet what the pod asks for. */
export function isUnknownDemand(pod: PodView): boolean {
  return (
    isOpaque(pod.spec) ||
    isOpaque(at(pod.spec, 'containers')) ||
    containersOf(pod).some(({ container }) => isOpaque(at(container, 'resources', 'limits')))
  );
}

/** Whether a container of the pod asks for a GPU or a part of one. */
export function asksForGpu(pod: PodView): boolean {
  return containersOf(pod).some(({ container }) =>
    entries(at(container, 'resources', 'limits')).some(
      ([name, value]) => new RegExp(GPU_RESOURCE).test(name) && value !== 0 && value !== '0',
    ),
  );
}

/**
 * Whole GPUs of a pod as the scheduler counts them: of what runs at a time, or of the init container that asks for the
 * most. Those that are not known count as none.
 */
export function gpusOf(pod: PodView): number {
  const gpus = (container: unknown) => {
    const count = Number(at(container, 'resources', 'limits', 'nvidia.com/gpu') ?? 0);
    return Number.isFinite(count) ? count : 0;
  };
  const inits = list(at(pod.spec, 'initContainers'));
  const sidecars = inits.filter((each) => at(each, 'restartPolicy') === 'Always');
  const together = [...list(at(pod.spec, 'containers')), ...sidecars].reduce(
    (sum: number, each) => sum + gpus(each),
    0,
  );
  return Math.max(together, ...inits.map(gpus));
}

/** Kinds whose pods run until they are told to stop. */
export const LASTING = ['Deployment', 'ReplicaSet', 'StatefulSet', 'LeaderWorkerSet'];

/** The label of a server's pods, by its value. */
export const COMPONENT_LABEL = 'app.kubernetes.io/component';
export const SERVER_COMPONENT = 'inference-server';

/** Whether the pod serves requests: it says so, or it holds GPUs for as long as it is let. */
export function isServer(pod: PodView): boolean {
  return at(pod.labels, COMPONENT_LABEL) === SERVER_COMPONENT || (asksForGpu(pod) && LASTING.includes(pod.controller));
}

/** Whether the pod is one of a group whose first pod serves for all. */
export function isGroupWorker({ path }: PodView): boolean {
  return path.endsWith('workerTemplate.');
}

/** The label by which the objects of one server know each other. */
export const INSTANCE_LABEL = 'app.kubernetes.io/instance';

/** Whether the pod may go to nodes with this taint because it says so by name. */
export function tolerates({ spec }: PodView, key: string): boolean {
  return list(at(spec, 'tolerations')).some((each) => at(each, 'key') === key);
}

/** Whether the pod goes to nodes with one of these labels alone. */
export function selectsNodesBy({ spec }: PodView, labels: readonly string[]): boolean {
  const selector = at(spec, 'nodeSelector');
  if (isOpaque(selector) || entries(selector).some(([key]) => labels.includes(key))) return true;
  const terms = at(
    spec,
    'affinity',
    'nodeAffinity',
    'requiredDuringSchedulingIgnoredDuringExecution',
    'nodeSelectorTerms',
  );
  if (isOpaque(terms)) return true;
  return list(terms).length > 0 && list(terms).every((term) => requires(at(term, 'matchExpressions'), labels));
}

function requires(expressions: unknown, labels: readonly string[]): boolean {
  if (isOpaque(expressions)) return true;
  return list(expressions).some((each) => {
    const [key, operator] = [at(each, 'key'), at(each, 'operator')];
    return (isOpaque(key) || labels.includes(String(key))) && (mayBe(operator, 'In') || operator === 'Exists');
  });
}
