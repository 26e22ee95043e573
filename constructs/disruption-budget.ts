import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError, type Problem } from '../models/problem';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';

export interface DisruptionBudgetProps {
  readonly server: InferenceServer;
  /**
   * Replicas that drains may take at a time: a number, or a share such as `25%`, which is rounded up.
   *
   * @default 1
   */
  readonly maxUnavailable?: number | `${number}%`;
  /** @default none */
  readonly patch?: Patches;
}

/**
 * Lets a drain take one replica of a server at a time. By `maxUnavailable`, not `minAvailable`: with one replica the latter
 * would block node upgrades for ever, and it would not follow an autoscaler.
 *
 * A replica of several pods goes with the first of them: LeaderWorkerSet recreates the whole group (kubernetes-sigs/lws,
 * pkg/controllers/pod_controller.go, handleRestartPolicy; it makes no budget of its own). Budgets count pods, and 2 pods
 * may be of 2 groups: only 1 says one group at a time. The next pod then waits until the group's leader is ready again,
 * which it is when the group serves.
 *
 * @throws InputError where the budget allows nothing, or all that is promised at once
 */
export class DisruptionBudget extends Construct {
  constructor(scope: Construct, id: string, props: DisruptionBudgetProps) {
    super(scope, id);
    const { server, maxUnavailable = 1 } = props;
    const problem = budgetProblem(server, maxUnavailable);
    if (problem !== undefined) throw new InputError(`disruption budget of ${server.name}`, [problem]);
    new k8s.KubePodDisruptionBudget(this, 'pdb', {
      metadata: { name: server.name, labels: { ...server.labels } },
      spec: {
        maxUnavailable:
          typeof maxUnavailable === 'number'
            ? k8s.IntOrString.fromNumber(maxUnavailable)
            : k8s.IntOrString.fromString(maxUnavailable),
        selector: { matchLabels: { ...server.selector } },
        // A pod that is not ready serves nobody: it may go at any time, or a broken server would block the drain.
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    });
    applyPatches(this, props.patch);
  }
}

const SHARE = /^[1-9]\d?%$/;

function budgetProblem(
  { placement, scale, replicas = scale.min }: InferenceServer,
  maxUnavailable: number | `${number}%`,
): Problem | undefined {
  const found = { key: 'maxUnavailable', value: maxUnavailable };
  if (placement.podsPerReplica > 1) {
    if (maxUnavailable === 1) return undefined;
    return {
      ...found,
      reason: `counts pods, and one pod takes the ${placement.podsPerReplica} of its replica with it: more of them may be of as many replicas`,
      allowed: '1',
      fix: 'leave it out: one replica goes at a time',
    };
  }
  // With one replica there is none to keep.
  const most = Math.max(1, replicas - 1);
  const allowed = most === 1 ? '1' : `1 to ${most}`;
  const share = typeof maxUnavailable === 'string';
  if (share ? !SHARE.test(maxUnavailable) : !Number.isInteger(maxUnavailable) || maxUnavailable < 1) {
    return {
      ...found,
      reason:
        maxUnavailable === 0 ? 'lets no pod ever go: node upgrades would wait for it' : 'is no number of replicas',
      allowed: `${allowed}, or a share of 1% to 99%`,
      fix: 'leave it out: one replica goes at a time',
    };
  }
  const away = share ? Math.ceil((Number.parseInt(maxUnavailable, 10) / 100) * replicas) : maxUnavailable;
  if (away <= most) return undefined;
  return {
    ...found,
    reason: `leaves none of the replicas that are promised: ${replicas}`,
    allowed,
    fix: 'lower it, or raise the least number of replicas',
  };
}
