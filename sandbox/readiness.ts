import { setTimeout } from 'node:timers/promises';
import type { Progress } from '../bin/progress';
import { SandboxFailure } from './failure';
import type { Kubectl } from './kubectl';

/** A pod, as much of it as is looked at here. */
export interface Pod {
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly {
      readonly name: string;
      readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
    }[];
  };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** A Deployment or StatefulSet. */
interface Workload {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
  };
}

interface Autoscaler {
  readonly kind: 'HorizontalPodAutoscaler';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly minReplicas?: number;
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
  };
}

/** Between looks: each is a process that asks for four lists. */
const LOOK_MS = 1000;

export function isReady({ status }: { readonly status: Pick<Pod['status'], 'conditions'> }): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

export interface ReadinessWait {
  readonly waitMs: number;
  readonly progress: Progress;
  /** Called while there is something to wait for: throws where waiting is no use. */
  readonly check: () => void;
}

/**
 * Waits until every workload of a namespace has all its replicas, at least what its autoscaler asks for, and all are ready.
 *
 * @throws SandboxFailure after `waitMs`, with what each pod waits for
 */
export async function untilReady(kubectl: Kubectl, namespace: string, wait: ReadinessWait): Promise<void> {
  const { waitMs, progress, check } = wait;
  const deadline = Date.now() + waitMs;
  for (;;) {
    const items = await kubectl.list<Workload | Autoscaler | Pod>(
      'deployments,statefulsets,horizontalpodautoscalers,pods',
      namespace,
    );
    const waiting = unready(items);
    if (waiting.length === 0) return;
    check();
    const pods = items.filter((each): each is Pod => each.kind === 'Pod');
    const ready = pods.filter(isReady).length;
    progress.now(`${ready} of ${pods.length} pods ready, waiting for ${waiting.join(', ')}`);
    if (Date.now() > deadline) {
      throw new SandboxFailure(
        [
          `not ready after ${waitMs / 1000} s: ${waiting.join(', ')}`,
          ...pods.filter((pod) => !isReady(pod)).map(why),
        ].join('\n'),
      );
    }
    await setTimeout(LOOK_MS);
  }
}

/** The names of workloads that are not as they should be. */
function unready(items: readonly (Workload | Autoscaler | Pod)[]): string[] {
  const least = new Map<string, number>();
  for (const item of items) {
    if (item.kind !== 'HorizontalPodAutoscaler') continue;
    const { scaleTargetRef: target, minReplicas = 1 } = item.spec;
    least.set(`${target.kind}/${target.name}`, minReplicas);
  }
  return items.flatMap((item) => {
    if (item.kind !== 'Deployment' && item.kind !== 'StatefulSet') return [];
    const { metadata, spec, status } = item;
    const { replicas } = spec;
    const settled =
      status.observedGeneration === metadata.generation &&
      replicas >= (least.get(`${item.kind}/${metadata.name}`) ?? 0) &&
      (status.replicas ?? 0) === replicas &&
      (status.updatedReplicas ?? 0) === replicas &&
      (status.readyReplicas ?? 0) === replicas;
    return settled ? [] : [metadata.name];
  });
}

function why(pod: Pod): string {
  const failed = pod.status.conditions?.find(({ status, message }) => status === 'False' && message);
  return `  ${pod.metadata.name}: ${failed?.message ?? pod.status.phase}`;
}
