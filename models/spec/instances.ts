import { z } from 'zod';
import type { Problem } from '../problem';

/** Copies of a model that execute at the same time. */
export interface InstanceGroup {
  /** Instances on each GPU of the group, or on the CPU. */
  readonly count: number;
  /** @default gpu */
  readonly kind?: 'gpu' | 'cpu';
  /** GPUs of the pod, from 0, that each get `count` instances. @default all of the pod's */
  readonly gpus?: readonly number[];
  /** What an execution takes from the rate limiter. @default nothing */
  readonly rateLimiter?: {
    readonly resources?: readonly {
      readonly name: string;
      readonly count: number;
      /** One pool for all devices. @default false */
      readonly global?: boolean;
    }[];
    /** 1 goes first, 2 gets half of its chances, and so on. @default 1 */
    readonly priority?: number;
  };
}

const positive = z.int().min(1);

export const instanceGroupSchema = z.strictObject({
  count: positive.max(128),
  kind: z.enum(['gpu', 'cpu']).optional(),
  gpus: z.array(z.int().min(0).max(15)).min(1).optional(),
  rateLimiter: z
    .strictObject({
      resources: z
        .array(z.strictObject({ name: z.string().min(1), count: positive, global: z.boolean().optional() }))
        .min(1)
        .optional(),
      priority: positive.optional(),
    })
    .optional(),
});

/** The instances of a backend: one where nothing is said. */
export function instancesOf({
  instances = [{ count: 1 }],
}: {
  readonly instances?: readonly InstanceGroup[];
}): readonly InstanceGroup[] {
  return instances;
}

/** Groups on the CPU that name GPUs, and GPUs that are named twice. */
export function instanceProblems(groups: readonly InstanceGroup[], key: string): Problem[] {
  return groups.flatMap(({ kind, gpus = [] }, index): Problem[] => {
    if (kind === 'cpu' && gpus.length > 0) {
      return [
        { key: `${key}[${index}].gpus`, value: gpus, reason: 'a group on the CPU has no GPUs', fix: 'remove it' },
      ];
    }
    const twice = gpus.find((gpu, at) => gpus.indexOf(gpu) !== at);
    if (twice === undefined) return [];
    return [
      { key: `${key}[${index}].gpus`, value: gpus, reason: `names GPU ${twice} twice`, fix: 'raise count instead' },
    ];
  });
}

/** GPUs that the groups need in one pod: up to the last that is named. */
export function gpusOfInstances(groups: readonly InstanceGroup[]): number {
  return groups.reduce((most, { gpus = [] }) => gpus.reduce((last, gpu) => Math.max(last, gpu + 1), most), 1);
}

/** Instances of all groups in a pod with this many GPUs. */
export function instanceCount(groups: readonly InstanceGroup[], gpusOfPod: number): number {
  return groups.reduce(
    (sum, { count, kind, gpus }) => sum + count * (kind === 'cpu' ? 1 : (gpus?.length ?? gpusOfPod)),
    0,
  );
}
