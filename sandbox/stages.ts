import { slug } from '../constructs/naming';
import { fetchSeconds, loadSeconds } from '../models/startup';
import { manifestYaml } from '../preview/manifest-yaml';
import type { ServedModel } from '../stacks/environment/environment';
import { scaledSeconds } from './pace';

/** What the logs of a simulated pod say, in the format of the container runtime interface. */
export const LOG_TEXT =
  '2026-01-01T00:00:00Z stdout F This pod is simulated: no container runs in the sandbox, so there are no logs.\n';

/** How long the pods of each model take, by the label of the server. */
export interface Delays {
  /** Seconds of the init container that fetches the repository. */
  readonly fetch: Readonly<Record<string, number>>;
  /** Seconds from container start to ready. */
  readonly load: Readonly<Record<string, number>>;
}

/** What the models' files and disks let expect, at the sandbox's pace. */
export function delaysOf(models: readonly ServedModel[]): Delays {
  const seconds = (of: (served: ServedModel) => number) =>
    Object.fromEntries(models.map((served) => [slug(served.model.name), scaledSeconds(of(served))]));
  return {
    fetch: seconds(({ model, source }) => (source.kind === 'claim' ? 0 : fetchSeconds(model))),
    load: seconds(({ model }) => loadSeconds(model)),
  };
}

export interface KwokOptions {
  /** A file with {@link LOG_TEXT}. */
  readonly logFile: string;
  /** The version that nodes show. */
  readonly kubeletVersion: string;
  /** A namespace whose pods somebody else runs. @default none */
  readonly unsimulated?: string | undefined;
}

/**
 * kwok's configuration: how simulated nodes and pods come to be ready, as Stages (kwok.sigs.k8s.io, "Stages
 * Configuration"). A pod fetches in its init containers, then loads, then is ready; pods that are no servers of models
 * are so at once. Pods of a Job complete.
 *
 */
export function kwokConfig(delays: Delays, { logFile, kubeletVersion, unsimulated }: KwokOptions): string {
  const elsewhere = unsimulated === undefined ? [] : [isNot('.metadata.namespace', unsimulated)];
  const podStage = podStages(elsewhere);
  const documents = [
    {
      ...document('Stage', 'node-initialize'),
      spec: {
        resourceRef: { apiGroup: 'v1', kind: 'Node' },
        selector: { matchExpressions: [{ key: condition('Ready'), operator: 'NotIn', values: ['True'] }] },
        next: { statusTemplate: nodeStatus(kubeletVersion) },
      },
    },
    podStage('pod-initialize', [absent('.status.podIP')], INITIALIZE),
    podStage('pod-start', [is('.status.phase', 'Pending'), exists('.status.podIP')], START, delays.fetch),
    podStage('pod-ready', [is('.status.phase', 'Running'), is(condition('Ready'), 'False')], READY, delays.load),
    podStage(
      'pod-complete',
      [is('.status.phase', 'Running'), is(condition('Ready'), 'True'), is('.metadata.ownerReferences.[].kind', 'Job')],
      COMPLETE,
    ),
    {
      ...document('Stage', 'pod-delete'),
      spec: {
        resourceRef: { apiGroup: 'v1', kind: 'Pod' },
        selector: { matchExpressions: [exists('.metadata.deletionTimestamp'), ...elsewhere] },
        next: { finalizers: { empty: true }, delete: true },
      },
    },
    { ...document('ClusterLogs', 'all'), spec: { logs: [{ logsFile: logFile }] } },
  ];
  return manifestYaml(documents);
}

function document(kind: string, name: string) {
  return { apiVersion: 'kwok.x-k8s.io/v1alpha1', kind, metadata: { name } };
}

const absent = (key: string) => ({ key, operator: 'DoesNotExist' });
const exists = (key: string) => ({ key, operator: 'Exists' });
const is = (key: string, value: string) => ({ key, operator: 'In', values: [value] });
const isNot = (key: string, value: string) => ({ key, operator: 'NotIn', values: [value] });
const condition = (type: string) => `.status.conditions.[] | select( .type == "${type}" ) | .status`;

/** How a pod that is not being deleted comes from one state to the next. */
function podStages(always: readonly object[]) {
  return (
    name: string,
    when: readonly object[],
    statusTemplate: string,
    seconds?: Readonly<Record<string, number>>,
  ) => ({
    ...document('Stage', name),
    spec: {
      resourceRef: { apiGroup: 'v1', kind: 'Pod' },
      selector: { matchExpressions: [absent('.metadata.deletionTimestamp'), ...always, ...when] },
      ...(seconds && { delay: delay(seconds) }),
      next: { statusTemplate },
    },
  });
}

/** One table in one stage: a stage a model would have kwok try each of them on each pod. */
function delay(seconds: Readonly<Record<string, number>>) {
  const table = Object.fromEntries(
    Object.entries(seconds).map(([name, each]) => [name, `${Math.round(each * 1000)}ms`]),
  );
  return {
    durationMilliseconds: 0,
    durationFrom: { expressionFrom: `${JSON.stringify(table)}[.metadata.labels["app.kubernetes.io/instance"] // ""]` },
  };
}

/** Ready at once, and alive ever after: kwok renews the leases. */
const nodeStatus = (kubeletVersion: string) => `{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ .metadata.name | Quote }}}
{{ with NodePort }}
daemonEndpoints:
  kubeletEndpoint:
    Port: {{ . }}
{{ end }}
allocatable:
{{ YAML .status.allocatable 1 }}
capacity:
{{ YAML .status.capacity 1 }}
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: kwok://simulated
  kernelVersion: ""
  kubeProxyVersion: ""
  kubeletVersion: ${kubeletVersion}
  machineID: ""
  operatingSystem: linux
  osImage: simulated by kwok
  systemUUID: ""
phase: Running
`;

const INITIALIZE = `{{ $now := Now }}
phase: Pending
conditions:
- {type: Initialized, status: "False", reason: ContainersNotInitialized, lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
initContainerStatuses:
{{ range .spec.initContainers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0, state: {waiting: {reason: PodInitializing}}}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
startTime: {{ $now | Quote }}
`;

const START = `{{ $now := Now }}
phase: Running
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
initContainerStatuses:
{{ range .spec.initContainers }}
{{ if eq ( or .restartPolicy "" ) "Always" }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ else }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
`;

const READY = `{{ $now := Now }}
conditions:
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
`;

const COMPLETE = `{{ $now := Now }}
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}
`;
