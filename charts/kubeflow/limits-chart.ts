import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { clusterScoped } from '../../constructs/after-mapping';
import { STACK_LABELS } from '../../constructs/naming';
import { KUBEFLOW_NAMESPACE, type PipelinesSettings } from './settings';

/** The priority class of steps: {@link PRIORITY}. */
export const STEP_PRIORITY_CLASS = 'kubeflow-steps';

/**
 * Below 0, which servers have: a server that lacks a GPU takes that of a step, and a step never that of a server. Not below
 * -10, where the cluster autoscaler makes no nodes for a pod (kubernetes/autoscaler, FAQ.md,
 * "expendable-pods-priority-cutoff").
 */
const PRIORITY = -8;

/** What steps may take: GPUs of all of them together, memory of each that says nothing, and whose place they take. */
export function kubeflowLimitsChart({ gpuQuota }: Pick<PipelinesSettings, 'gpuQuota'>): Chart {
  const chart = new Chart(new App(), 'kubeflow-limits');
  const labels = { ...STACK_LABELS };
  const quantity = k8s.Quantity.fromString;
  new k8s.KubeResourceQuota(chart, 'gpus', {
    metadata: { name: 'step-gpus', namespace: KUBEFLOW_NAMESPACE, labels },
    spec: { hard: { 'requests.nvidia.com/gpu': quantity(String(gpuQuota)) } },
  });
  new k8s.KubeLimitRange(chart, 'containers', {
    metadata: { name: 'containers', namespace: KUBEFLOW_NAMESPACE, labels },
    spec: {
      limits: [
        {
          type: 'Container',
          // No limit of CPU: it would throttle steps that have a node to themselves.
          defaultRequest: { cpu: quantity('250m'), memory: quantity('512Mi') },
          default: { memory: quantity('4Gi') },
        },
      ],
    },
  });
  const priority = new k8s.KubePriorityClass(chart, 'steps', {
    metadata: { name: STEP_PRIORITY_CLASS, labels },
    value: PRIORITY,
    description: 'Steps of pipelines: servers take their GPUs where no others are free.',
  });
  clusterScoped(priority);
  return chart;
}
