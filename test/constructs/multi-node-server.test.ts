import { App, Chart, JsonPatch } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import { DisruptionBudget } from '../../constructs/disruption-budget';
import { ModelSource } from '../../constructs/model-source';
import { MultiNodeServer, type MultiNodeServerProps } from '../../constructs/multi-node-server';
import { QueueAutoscaler } from '../../constructs/queue-autoscaler';
import { ServerNetworkPolicy } from '../../constructs/server-network-policy';
import { TritonServer } from '../../constructs/triton-server';
import { mistralVllm } from '../../models/catalog/mistral-7b-vllm';
import { placeOn } from '../../models/placement';
import { rolloutSeconds } from '../../models/startup';
import { engineModel, gpuPool } from '../support/models';

const architecture = { layers: 6, hidden: 1024, ffn: 4096, heads: 8, kvHeads: 8, headDim: 128, vocab: 32_000 };
const model = engineModel({ deadlineSeconds: 30 }, { architecture, tensorParallel: 2, pipelineParallel: 3 });
const pool = gpuPool({ gpusPerNode: 2, maxNodes: 12 });

function props(changes: Partial<MultiNodeServerProps> = {}): MultiNodeServerProps {
  return {
    model,
    placement: placeOn(model, pool),
    source: ModelSource.gcs({ uri: 'gs://bucket/engine' }),
    platform: 'gke',
    ...changes,
  };
}

/** What a server renders, and what stands around it. */
function objects(changes: Partial<MultiNodeServerProps> = {}): Manifest[] {
  const chart = new Chart(new App(), 'chart', { namespace: 'triton' });
  const server = new MultiNodeServer(chart, 'server', props(changes));
  if (changes.replicas === undefined) new QueueAutoscaler(chart, 'autoscaler', { server });
  new DisruptionBudget(chart, 'budget', { server });
  new ServerNetworkPolicy(chart, 'policy', { server, monitoringNamespace: 'monitoring' });
  return chart.toJson();
}

function one(kind: string, changes: Partial<MultiNodeServerProps> = {}): Manifest {
  const found = objects(changes).filter((object) => object.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}

function group(changes: Partial<MultiNodeServerProps> = {}) {
  const { spec } = one('LeaderWorkerSet', changes);
  const { leaderTemplate: leader, workerTemplate: worker, size } = spec.leaderWorkerTemplate;
  return { spec, leader, worker, size, pods: [leader.spec, worker.spec] };
}

describe('a group', () => {
  it('has a pod for each stage, with the GPUs of the stage', () => {
    const { size, pods } = group();
    expect(size).toBe(3);
    for (const pod of pods) expect(pod.containers[0].resources.limits['nvidia.com/gpu']).toBe(2);
  });

  it('is the only workload', () => {
    const kinds = objects().map(({ kind }) => kind);
    expect(kinds).not.toContain('Deployment');
    expect(kinds).not.toContain('StatefulSet');
  });

  it('starts all ranks from the leader: two slots a pod for two times three ranks', () => {
    const [server] = group().leader.spec.containers;
    expect(server.command.slice(0, 5)).toEqual(['python3', '/opt/launch/launch.py', 'leader', '2', 'mpirun']);
    expect(server.command.filter((word: string) => word === 'tritonserver')).toHaveLength(6);
  });

  it('has workers that nobody asks, and that end after the leader', () => {
    const [container] = group().worker.spec.containers;
    expect(container.command).toEqual(['python3', '/opt/launch/launch.py', 'worker']);
    expect(Object.keys(container)).not.toEqual(expect.arrayContaining(['ports']));
    expect(Object.keys(container).filter((key) => /Probe$/.test(key))).toEqual([]);
    expect(container.lifecycle.preStop.exec.command).toEqual(['sleep', '45']);
    expect(group().worker.spec.terminationGracePeriodSeconds).toBeGreaterThan(45);
  });

  it('runs the program that both pods mount', () => {
    const program = objects().find(({ kind, data }) => kind === 'ConfigMap' && data['launch.py'] !== undefined);
    for (const pod of group().pods) {
      expect(pod.volumes).toContainEqual({ name: 'launch', configMap: { name: program?.metadata.name } });
    }
  });

  it('waits for the nodes of its workers before the leader is given up', () => {
    const { startupProbe } = group().leader.spec.containers[0];
    expect(startupProbe.failureThreshold * startupProbe.periodSeconds).toBeGreaterThanOrEqual(rolloutSeconds(model));
  });

  it('has the files in each of its pods', () => {
    for (const pod of group().pods)
      expect(pod.initContainers.map(({ name }: Manifest) => name)).toEqual(['model-sync']);
    const source = ModelSource.claim({ claimName: 'engines' });
    for (const pod of group({ source }).pods) {
      expect(pod.volumes).toContainEqual({
        name: 'models',
        persistentVolumeClaim: { claimName: 'engines', readOnly: true },
      });
    }
  });

  it('goes and comes as a whole', () => {
    const { spec } = group();
    expect(spec.leaderWorkerTemplate.restartPolicy).toBe('RecreateGroupOnPodRestart');
    // The leader is ready only once its workers serve.
    expect(spec.startupPolicy).toBe('LeaderCreated');
  });

  it("has a headless Service of its own, since the common one would have the name of the clients' one", () => {
    expect(group().spec.networkConfig).toEqual({ subdomainPolicy: 'UniquePerReplica' });
  });

  it('stays in one zone where it can, and groups are spread by their leaders', () => {
    const { leader, worker, pods } = group();
    for (const pod of pods) {
      const [{ podAffinityTerm }] = pod.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution;
      expect(podAffinityTerm.matchLabelKeys).toEqual(['leaderworkerset.sigs.k8s.io/group-key']);
      expect(leader.metadata.labels).toMatchObject(podAffinityTerm.labelSelector.matchLabels);
    }
    expect(worker.spec).not.toHaveProperty('topologySpreadConstraints');
    for (const { labelSelector } of leader.spec.topologySpreadConstraints) {
      expect(labelSelector.matchLabels).toMatchObject({ 'leaderworkerset.sigs.k8s.io/worker-index': '0' });
    }
  });

  it('has no key, no token and no right in the cluster', () => {
    const kinds = objects().map(({ kind }) => kind);
    expect(kinds.filter((kind) => /Role|Secret/.test(kind))).toEqual([]);
    for (const pod of group().pods) {
      expect(pod.automountServiceAccountToken).toBe(false);
      for (const { securityContext } of [...pod.containers, ...pod.initContainers]) {
        expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
      }
    }
  });

  it('leaves users to OpenShift', () => {
    const { pods, leader } = group({ platform: 'openshift' });
    expect(JSON.stringify(pods)).not.toMatch(/runAsUser|fsGroup/);
    expect(leader.metadata.annotations['openshift.io/required-scc']).toBe('restricted-v2');
  });
});

describe('a new version', () => {
  it('comes up beside the old one where the pool has nodes for one more group', () => {
    const roomy = placeOn(model, { ...pool, maxNodes: 9 });
    const full = placeOn(model, { ...pool, maxNodes: 6 });
    const update = (placement: typeof roomy) => group({ placement }).spec.rolloutStrategy.rollingUpdateConfiguration;
    expect(update(roomy)).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(update(full)).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  });
});

describe('what stands around it', () => {
  it('is scaled in groups, which are left to the autoscaler', () => {
    expect(one('HorizontalPodAutoscaler').spec.scaleTargetRef).toEqual({
      apiVersion: 'leaderworkerset.x-k8s.io/v1',
      kind: 'LeaderWorkerSet',
      name: 'triton-engine',
    });
    expect(group().spec).not.toHaveProperty('replicas');
    expect(group({ replicas: 2 }).spec.replicas).toBe(2);
  });

  it('reaches leaders alone, by the Service', () => {
    const { leader, worker } = group();
    const { selector } = one('Service').spec;
    const { 'leaderworkerset.sigs.k8s.io/worker-index': index, ...own } = selector;
    expect(index).toBe('0');
    expect(leader.metadata.labels).toMatchObject(own);
    // The controller gives each pod its index: the templates must not.
    for (const template of [leader, worker]) {
      expect(Object.keys(template.metadata.labels).filter((key) => key.startsWith('leaderworkerset'))).toEqual([]);
    }
  });

  it('guards and evicts all pods, and lets them talk to each other', () => {
    const { worker } = group();
    const { spec } = one('NetworkPolicy');
    const pods = { matchLabels: spec.podSelector.matchLabels };
    expect(worker.metadata.labels).toMatchObject(pods.matchLabels);
    expect(one('PodDisruptionBudget').spec.selector).toEqual(pods);
    expect(spec.egress).toContainEqual({ to: [{ podSelector: pods }] });
    expect(spec.ingress).toContainEqual({ from: [{ podSelector: pods }] });
  });

  it('takes patches by the kind that is rendered', () => {
    const patch = { LeaderWorkerSet: [JsonPatch.replace('/spec/startupPolicy', 'LeaderReady')] };
    expect(group({ patch }).spec.startupPolicy).toBe('LeaderReady');
  });
});

describe('it refuses', () => {
  const refused = (changes: Partial<MultiNodeServerProps>) => () => objects(changes);

  it('a placement on one node, and TritonServer the other', () => {
    expect(refused({ placement: placeOn(model, { ...pool, gpusPerNode: 8 }) })).toThrow(/use TritonServer/);
    const chart = new Chart(new App(), 'chart');
    expect(() => new TritonServer(chart, 'server', props())).toThrow(/use MultiNodeServer/);
  });

  it('backends that are not spread over nodes, each with its reason', () => {
    const placement = { ...placeOn(mistralVllm, gpuPool()), podsPerReplica: 2 };
    expect(refused({ model: mistralVllm, placement })).toThrow(/Ray cluster[\s\S]*tensorrtllm/);
  });

  it('a pool that cannot hold one group', () => {
    expect(refused({ placement: placeOn(model, { ...pool, maxNodes: 2 }) })).toThrow(/would wait for\s+ever/);
  });

  it('what a server of one node refuses, with all else', () => {
    const placement = placeOn(model, { ...pool, maxNodes: 2 });
    expect(refused({ placement, flags: ['--http-port=1'] })).toThrow(/2 errors/);
  });
});
