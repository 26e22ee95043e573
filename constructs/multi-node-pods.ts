import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model } from '../models/model';
import { poolReplicas } from '../models/pool-replicas';
import { shutdown } from '../models/shutdown';
import type { Manifest } from './after-mapping';
import type { InferenceServer } from './inference-server';
import { LAUNCH_PROGRAM } from './multi-node-launch';
import { contentHash } from './naming';

/** The label that the LeaderWorkerSet controller gives leaders alone (kubernetes-sigs/lws, api/leaderworkerset/v1). */
export const LEADERS = { 'leaderworkerset.sigs.k8s.io/worker-index': '0' } as const;

/** The label that the pods of one group share, and those of no other. */
const GROUP_LABEL = 'leaderworkerset.sigs.k8s.io/group-key';

const MOUNT = '/opt/launch';
const VOLUME = 'launch';

/** The program that makes one MPI job of a group, in a ConfigMap that is named by its content. */
export class GroupLaunch extends Construct {
  private readonly configMap: string;

  constructor(scope: Construct, id: string, { name, labels }: Pick<InferenceServer, 'name' | 'labels'>) {
    super(scope, id);
    const data = { 'launch.py': LAUNCH_PROGRAM };
    this.configMap = `${name}-launch-${contentHash(data)}`;
    new kplus.ConfigMap(this, 'program', {
      metadata: { name: this.configMap, labels: { ...labels } },
      data,
      immutable: true,
    });
  }

  /**
   * Has the first container started as a part of the job.
   *
   * @param pod - the pod's `spec`, changed in place
   */
  addTo(pod: Manifest, ...part: readonly string[]): void {
    const [server] = pod.containers;
    server.command = ['python3', `${MOUNT}/launch.py`, ...part];
    server.volumeMounts.push({ name: VOLUME, mountPath: MOUNT, readOnly: true });
    pod.volumes.push({ name: VOLUME, configMap: { name: this.configMap } });
  }
}

interface Grouped extends Pick<InferenceServer, 'placement' | 'scale' | 'selector' | 'replicas'> {
  readonly model: Model;
}

/**
 * A LeaderWorkerSet's `spec`.
 *
 * @param stage - the template of a pod that is a server by itself, with the command of all ranks; it is not changed
 */
export function groupSpec(stage: Manifest, server: Grouped, launch: GroupLaunch): Manifest {
  const { placement, replicas, scale } = server;
  // A new group is ready before an old one goes, where the pool has nodes for one more.
  const spare = poolReplicas(placement) > scale.max;
  return {
    ...(replicas !== undefined && { replicas }),
    leaderWorkerTemplate: {
      size: placement.podsPerReplica,
      // A rank that is gone cannot come back to its MPI job.
      restartPolicy: 'RecreateGroupOnPodRestart',
      leaderTemplate: leader(stage, server, launch),
      workerTemplate: worker(stage, server, launch),
    },
    // A leader is ready once its workers are: they cannot wait for it.
    startupPolicy: 'LeaderCreated',
    rolloutStrategy: {
      type: 'RollingUpdate',
      rollingUpdateConfiguration: { maxSurge: spare ? 1 : 0, maxUnavailable: spare ? 0 : 1 },
    },
    // A headless Service for each group: the one for all would have the name of the server's own.
    networkConfig: { subdomainPolicy: 'UniquePerReplica' },
  };
}

/** The pod with the first rank, which serves: all of the job is its command's. */
function leader(stage: Manifest, server: Grouped, launch: GroupLaunch): Manifest {
  const template = structuredClone(stage);
  const { spec } = template;
  launch.addTo(spec, 'leader', String(server.placement.gpusPerPod), ...spec.containers[0].command);
  // Groups are spread by their leaders, and their other pods stay near.
  for (const constraint of spec.topologySpreadConstraints) Object.assign(constraint.labelSelector.matchLabels, LEADERS);
  keepTogether(spec, server);
  return template;
}

/** A pod with the ranks of another stage: no client reaches it, and its container lives as long as its daemon. */
function worker(stage: Manifest, server: Grouped, launch: GroupLaunch): Manifest {
  const template = structuredClone(stage);
  const { spec } = template;
  launch.addTo(spec, 'worker');
  const [container] = spec.containers;
  for (const key of ['ports', 'startupProbe', 'readinessProbe', 'livenessProbe']) delete container[key];
  // The leader goes at the same time, and needs these ranks until it has answered: this ends early, with the daemon.
  const { preStopSeconds, exitTimeoutSeconds } = shutdown(server.model, server.placement.pool.spot);
  container.lifecycle.preStop.exec.command = ['sleep', String(preStopSeconds + exitTimeoutSeconds)];
  delete spec.topologySpreadConstraints;
  keepTogether(spec, server);
  return template;
}

/**
 * Prefers one zone for the pods of a group: each token goes through all of them. A preference, since a zone with nodes for
 * some of them alone would hold up the rest for ever.
 */
function keepTogether(pod: Manifest, { selector }: Grouped): void {
  pod.affinity = {
    ...pod.affinity,
    podAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: {
            topologyKey: 'topology.kubernetes.io/zone',
            labelSelector: { matchLabels: { ...selector } },
            matchLabelKeys: [GROUP_LABEL],
          },
        },
      ],
    },
  };
}
