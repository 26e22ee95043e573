import { celList } from '../cel';
import {
  asksForGpu,
  gpusOf,
  isServer,
  isUnknownDemand,
  type PodView,
  podsOf,
  selectsNodesBy,
  tolerates,
} from '../pods';
import { at, mayBe } from '../resource';
import type { ResourceRule, Violation } from '../rule';

const GPU_TAINT = 'nvidia.com/gpu';
const SPOT_TAINT = 'cloud.google.com/gke-spot';

/** A GPU node is paid for its GPUs: what goes there asks for them, and what asks for them says which. */
export const gpuRequest: ResourceRule = {
  id: 'gpu-request',
  title: 'pods on GPU nodes ask for GPUs, and pods that ask for GPUs say of which kind',
  severity: { development: 'warning', production: 'error' },
  reason:
    'a pod without a request holds a GPU node that no other can use; one without a kind lands on whichever GPUs are free',
  fix: 'set limits["nvidia.com/gpu"] and select the nodes by their GPU; or remove selector and toleration',
  source: 'Kubernetes documentation, "Schedule GPUs"; GKE documentation, "Run GPUs in GKE Standard node pools"',
  check: (resource, { gpuNodeLabels }) =>
    podsOf(resource)
      // A DaemonSet has a pod on every node, to manage it.
      .filter((pod) => pod.controller !== 'DaemonSet' && !isUnknownDemand(pod))
      .flatMap((pod): Violation[] => {
        const asks = asksForGpu(pod);
        const placed = selectsNodesBy(pod, gpuNodeLabels);
        const path = `${pod.path}spec`;
        if (!asks && (placed || tolerates(pod, GPU_TAINT))) {
          return [{ path, message: 'goes to GPU nodes and asks for no GPU' }];
        }
        return asks && !placed ? [{ path, message: 'asks for GPUs and does not say of which kind' }] : [];
      }),
  cluster: {
    targets: 'pods',
    variables: ({ gpuNodeLabels }) => ({
      terms:
        'variables.pod.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])',
      placed: [
        `variables.pod.?nodeSelector.orValue({}).exists(k, k in ${celList(gpuNodeLabels)})`,
        `(variables.terms.size() > 0 && variables.terms.all(t, t.?matchExpressions.orValue([]).exists(e, e.key in ${celList(gpuNodeLabels)} && e.operator in ['In', 'Exists'])))`,
      ].join(' || '),
      tolerating: `variables.pod.?tolerations.orValue([]).exists(t, t.?key.orValue('') == '${GPU_TAINT}')`,
    }),
    validations: () => [
      {
        expression: `variables.controller == 'DaemonSet' || variables.asks || !(variables.placed || variables.tolerating)`,
        message: `'goes to GPU nodes and asks for no GPU'`,
      },
      {
        expression: `variables.controller == 'DaemonSet' || !variables.asks || variables.placed`,
        message: `'asks for GPUs and does not say of which kind'`,
      },
    ],
  },
};

/** Pods for which there is a node. */
export const gpuFit: ResourceRule = {
  id: 'gpu-fit',
  title: 'no pod asks for more GPUs than a node has',
  severity: { development: 'error', production: 'error' },
  reason: 'it would wait for ever, and say so in its events alone',
  fix: 'split the model over pods, or add a pool of larger nodes',
  source: 'Kubernetes documentation, "Schedule GPUs": a pod is on one node',
  check: (resource, { gpusPerNode }) =>
    podsOf(resource).flatMap((pod) => {
      const gpus = gpusOf(pod);
      if (gpus <= gpusPerNode) return [];
      return [{ path: `${pod.path}spec`, message: `no node has ${gpus} GPUs: the largest has ${gpusPerNode}` }];
    }),
  cluster: {
    targets: 'pods',
    validations: ({ gpusPerNode }) => [
      {
        expression: `variables.gpus <= ${gpusPerNode}`,
        message: `'no node has ' + string(variables.gpus) + ' GPUs: the largest has ${gpusPerNode}. Split the model over pods, or add a pool of larger nodes'`,
      },
    ],
  },
};

function isOnSpot(pod: PodView): boolean {
  return tolerates(pod, SPOT_TAINT) || at(pod.spec, 'nodeSelector', SPOT_TAINT) === 'true';
}

/** Spot nodes are taken away with a notice that is shorter than most answers. */
export const spotInteractive: ResourceRule = {
  id: 'spot-interactive',
  title: 'servers that somebody waits for are not on spot nodes',
  severity: { development: 'warning', production: 'error' },
  reason: 'preemption takes all of its pods of a zone at a time, and leaves each 15 s for what is in flight',
  fix: 'place the model on a pool with spot: false; or give a server whose work can wait the priority class of batch work',
  source: 'GKE documentation, "Spot VMs": graceful node shutdown',
  check: (resource, { batchPriorityClasses }) =>
    podsOf(resource)
      .filter((pod) => isServer(pod) && isOnSpot(pod))
      .filter(({ spec }) => !batchPriorityClasses.some((name) => mayBe(at(spec, 'priorityClassName'), name)))
      .map((pod) => ({ path: `${pod.path}spec.tolerations`, message: 'serves requests on spot nodes' })),
  cluster: {
    targets: 'pods',
    variables: () => ({
      spot: `variables.pod.?tolerations.orValue([]).exists(t, t.?key.orValue('') == '${SPOT_TAINT}') || variables.pod.?nodeSelector[?'${SPOT_TAINT}'].orValue('') == 'true'`,
    }),
    validations: ({ batchPriorityClasses }) => [
      {
        expression: `!(variables.server && variables.spot) || variables.pod.?priorityClassName.orValue('') in ${celList(batchPriorityClasses)}`,
        message: `'serves requests on spot nodes'`,
      },
    ],
  },
};
