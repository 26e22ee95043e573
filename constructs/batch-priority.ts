import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { clusterScoped } from './after-mapping';
import { clusterLabels } from './naming';
import { applyPatches, type Patches } from './patch';

export interface BatchPriorityProps {
  /** @default none */
  readonly patch?: Patches;
}

/**
 * Below 0, which pods have that name no class: any of them takes the GPUs of a server of this class where no others are
 * free. Not below -10, where the cluster autoscaler makes no nodes for a pod and takes its node away without a drain
 * (kubernetes/autoscaler, FAQ.md, "expendable-pods-priority-cutoff").
 */
const PRIORITY = -5;

/**
 * The priority class of servers whose work can wait: one for the whole cluster. Interactive servers need none: a class
 * above 0 would have them take the place of monitoring and whatever else names none.
 */
export class BatchPriority extends Construct {
  /** For the pods' `priorityClassName`. */
  readonly className = 'triton-batch';

  constructor(scope: Construct, id: string, props: BatchPriorityProps = {}) {
    super(scope, id);
    const priority = new ApiObject(this, 'class', {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: this.className, labels: clusterLabels('priority', this.className) },
      value: PRIORITY,
      description: 'Servers whose work can wait: they give their GPUs to any that has no class.',
    });
    clusterScoped(priority);
    applyPatches(this, props.patch);
  }
}
