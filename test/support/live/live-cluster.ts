import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../../models/model';
import type { KubernetesObject } from '../../../preview/plan';
import { isReady } from '../../../sandbox/readiness';
import { environmentFolder, environmentText, shippedConfig } from '../environment-file';
import { isUnschedulable, quiet, TestSandbox } from '../test-sandbox';
import { TritonServer } from '../triton-server';
import { addParameters, writeRepository } from '../written-repository';
import { MetricsStack, type ScrapeTarget } from './metrics-stack';
import { type LivePod, PodRunner } from './pod-runner';

/** Where the servers are. */
export const NAMESPACE = 'triton';
/** The claim that servers read their repositories from, each in a folder of its model's name. */
export const CLAIM = 'models';
export const MACHINE = 'g2-standard-12';

/** A model that real servers serve. */
export interface LiveModel {
  readonly model: Model;
  /** What the stand-in of its backend is told: triton/stand-in/model.py. */
  readonly standIn: Readonly<Record<string, string | number>>;
}

export interface LiveHpa {
  readonly spec: {
    readonly maxReplicas: number;
    readonly metrics: readonly { readonly pods?: { readonly target: { readonly averageValue: string } } }[];
  };
  readonly status?: {
    readonly currentReplicas?: number;
    readonly desiredReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

/** A sandbox in which the pods of one namespace are real servers, and real programs scrape and scale them. */
export class LiveCluster {
  /** Flags of Triton's that the servers of pods get that come from now on. */
  flags: readonly string[] = [];
  readonly pods: PodRunner;

  private constructor(
    readonly on: TestSandbox,
    readonly metrics: MetricsStack,
    private readonly repositories: string,
  ) {
    this.pods = new PodRunner(metrics.api, NAMESPACE, (pod, address) =>
      TritonServer.start({
        repository: join(repositories, modelOf(pod)),
        modelControl: 'none',
        gpuAsCpu: true,
        mountedAt: '/models/repository',
        address,
        flags: this.flags,
      }),
    );
  }

  /**
   * @param maxNodes - of its one pool, which starts with none
   * @param targets - what else is scraped
   */
  static async up(
    models: readonly LiveModel[],
    maxNodes: number,
    targets: readonly ScrapeTarget[],
  ): Promise<LiveCluster> {
    const config = shippedConfig('dev');
    const zones = ['us-central1-a'];
    config.pools = { l4: { accelerator: 'nvidia-l4', machineType: MACHINE, zones, max: maxNodes } };
    config.serving = { models: [] };
    const on = TestSandbox.empty();
    const repositories = mkdtempSync(join(tmpdir(), 'triton-stack-live-'));
    for (const { model, standIn } of models) {
      const folder = join(repositories, model.name);
      writeRepository(folder, model);
      addParameters(folder, model, standIn);
    }
    try {
      const folder = environmentFolder('live', environmentText(config));
      await on.sandbox.up({ name: 'live', folder, bare: true, unsimulated: NAMESPACE }, quiet());
      const metrics = await MetricsStack.start(on, targets);
      await on.apply([
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: CLAIM, namespace: NAMESPACE },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        } as KubernetesObject,
      ]);
      return new LiveCluster(on, metrics, repositories);
    } catch (error) {
      await on.down();
      rmSync(repositories, { recursive: true, force: true });
      throw error;
    }
  }

  /** Applies what constructs emit, with the definitions of its kinds. */
  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    await this.on.define(objects);
    await this.on.kubectl.apply(objects);
  }

  async hpa(name: string): Promise<LiveHpa | undefined> {
    return this.metrics.api.get(`/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers/${name}`);
  }

  /** Replicas that a Deployment is to have. */
  async replicas(name: string): Promise<number> {
    const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}/scale`;
    return (await this.metrics.api.get<{ spec: { replicas?: number } }>(path))?.spec.replicas ?? 0;
  }

  /** What an autoscaler says of whether it has figures: `True`, `False`, or nothing yet. */
  async scales(name: string): Promise<string | undefined> {
    const conditions = (await this.hpa(name))?.status?.conditions;
    return conditions?.find(({ type }) => type === 'ScalingActive')?.status;
  }

  /** Names of pods of a server that are ready. */
  async podNames(instance: string): Promise<string[]> {
    const pods = await this.podsOf(instance);
    return pods.filter((pod) => isReady(pod)).map(({ metadata }) => metadata.name);
  }

  /** Names of pods of a server that no node has room for. */
  async unschedulable(instance: string): Promise<string[]> {
    const pods = await this.podsOf(instance);
    return pods.filter((pod) => isUnschedulable(pod)).map(({ metadata }) => metadata.name);
  }

  private async podsOf(instance: string): Promise<LivePod[]> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app.kubernetes.io/instance=${instance}`;
    const pods = (await this.metrics.api.get<{ items: LivePod[] }>(path))?.items ?? [];
    return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Deletes a pod, and waits until as many are ready again. */
  async replace(pod: string): Promise<void> {
    await this.on.kubectl.run(['delete', 'pod', pod, '--namespace', NAMESPACE, '--wait=true', '--timeout=240s'], {
      timeoutMs: 250_000,
    });
  }

  /** GPU nodes that are there. */
  async nodes(): Promise<number> {
    const path = `/api/v1/nodes?labelSelector=${encodeURIComponent('cloud.google.com/gke-accelerator=nvidia-l4')}`;
    return (await this.metrics.api.get<{ items: unknown[] }>(path))?.items.length ?? 0;
  }

  async down(): Promise<void> {
    await this.pods.end();
    await this.metrics.end();
    await this.on.down();
    rmSync(this.repositories, { recursive: true, force: true });
  }
}

function modelOf({ metadata: { name, labels } }: LivePod): string {
  const model = labels['app.kubernetes.io/instance'];
  if (model === undefined) throw new Error(`the pod ${name} is of no server`);
  return model;
}
