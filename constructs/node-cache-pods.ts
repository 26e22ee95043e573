import type { GpuPool } from '../models/placement';
import type { Manifest } from './after-mapping';
import { gpuTolerations } from './gpu-pods';
import type { Platform } from './platform';
import { dropPathLabel } from './rendered-workload';
import { podSecurityContext, SERVER_USER } from './security';
import { MODELS_MOUNT, REPOSITORY_FOLDER } from './sync/model-sync';
import { shell } from './sync/shell';
import { addSyncMetrics } from './sync/sync-metrics';

/** A toleration, as pods have it. */
export interface NodeToleration {
  readonly key?: string;
  /** @default Equal */
  readonly operator?: 'Exists' | 'Equal';
  readonly value?: string;
  /** @default all of them */
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** The nodes that a cache's pods run on. */
export interface CacheNodes {
  readonly pools?: readonly GpuPool[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly NodeToleration[];
}

export interface CachePods extends CacheNodes {
  readonly platform: Platform;
  readonly refreshSeconds: number;
  /** Names of the models that a node has to hold. */
  readonly models: readonly string[];
}

/**
 * The sync again and again, with pauses: `$1` seconds, then the sync's command. Of what runs in the foreground a shell
 * waits for the end before it heeds a signal.
 */
const LOOP = shell`
seconds="$1"
shift
child=
trap '[ -z "$child" ] || { kill "$child" 2>/dev/null; wait "$child"; }; exit 0' TERM INT
run() { "$@" & child=$!; wait "$child"; }
while :; do
  run "$@" || echo "model-cache: the sync failed: the next turn is in $seconds s" >&2
  run sleep "$seconds"
done
`;

/** Whether the node has all models of the arguments. */
const WARM = `for model; do [ -d "${MODELS_MOUNT}/${REPOSITORY_FOLDER}/$model" ] || exit 1; done`;

/**
 * What is held back for a pod that sleeps nearly always; the sync has its core where the node has one left. Servers leave
 * less than a core of a small machine, and a pod without room would leave its node without models.
 */
const IDLE_CPU = '100m';

const SMALL = { cpu: '100m', memory: '32Mi', 'ephemeral-storage': '64Mi' } as const;

/**
 * Makes the pods of a DaemonSet, which have the sync as their container, those of a cache.
 *
 * @param template - the rendered pod template, changed in place
 */
export function completeCachePods(template: Manifest, pods: CachePods): void {
  const { spec } = template;
  dropPathLabel(template);
  spec.securityContext = podSecurityContext(pods.platform);
  Object.assign(spec, nodesOf(pods));
  const [sync] = spec.containers;
  spec.initContainers = [takeFolder(sync)];
  sync.command = ['/bin/sh', '-c', LOOP, 'model-cache', String(pods.refreshSeconds), ...sync.command];
  sync.resources.requests.cpu = IDLE_CPU;
  const exec = { command: ['/bin/sh', '-c', WARM, 'warm', ...pods.models] };
  sync.readinessProbe = { exec, periodSeconds: 10, timeoutSeconds: 5 };
  addSyncMetrics(spec);
}

/** Gives the node's folder, which the kubelet makes as root, to the user who writes to it and to those who read it. */
function takeFolder({ image, imagePullPolicy, volumeMounts, securityContext }: Manifest): Manifest {
  return {
    name: 'take-folder',
    image,
    imagePullPolicy,
    command: ['chown', `${SERVER_USER}:${SERVER_USER}`, MODELS_MOUNT],
    resources: { requests: SMALL, limits: SMALL },
    securityContext: {
      ...securityContext,
      runAsNonRoot: false,
      runAsUser: 0,
      capabilities: { drop: ['ALL'], add: ['CHOWN'] },
    },
    volumeMounts: volumeMounts.filter(({ mountPath }: Manifest) => mountPath === MODELS_MOUNT),
  };
}

/** A node of any of the pools: without labels it can be any, and a term without any is none. */
function nodesOf({ pools = [], nodeSelector, tolerations = [] }: CacheNodes): Manifest {
  const all = distinct(pools.map((pool) => Object.entries(pool.nodeSelector)));
  const terms = (all.some((labels) => labels.length === 0) ? [] : all).map((labels) => ({
    matchExpressions: labels.map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  }));
  const tolerated = distinct([
    ...pools.flatMap((pool) => gpuTolerations({ pool, gpusPerPod: pool.gpusPerNode })),
    ...tolerations,
  ]);
  return {
    ...(nodeSelector !== undefined && { nodeSelector: { ...nodeSelector } }),
    ...(terms.length > 0 && {
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
      },
    }),
    ...(tolerated.length > 0 && { tolerations: tolerated }),
  };
}

function distinct<T>(all: readonly T[]): T[] {
  return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
}
