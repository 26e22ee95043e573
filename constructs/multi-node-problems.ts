import { poolReplicas } from '../models/pool-replicas';
import type { Problem } from '../models/problem';
import type { Backend } from '../models/spec/backend';
import type { MultiNodeServerProps } from './multi-node-server';
import { serverProblems } from './triton-server-problems';

/** What cannot work in a server over several nodes, all of it. */
export function multiNodeProblems(props: MultiNodeServerProps): Problem[] {
  const { placement } = props;
  return [
    ...stageProblems(props),
    ...backendProblems(props),
    ...poolProblems(props),
    ...serverProblems({ ...props, placement: { ...placement, podsPerReplica: 1 } }),
  ];
}

function stageProblems({ model, placement }: MultiNodeServerProps): Problem[] {
  if (placement.podsPerReplica > 1) return [];
  return [
    {
      key: 'placement',
      value: placement.pool.name,
      reason: `${model.name} is on one node there`,
      allowed: 'a pool whose nodes have the GPUs of one pipeline stage, and not of all',
      fix: 'use TritonServer',
    },
  ];
}

/** Why a backend is not spread over nodes. */
const REASONS: Readonly<Record<Exclude<Backend['kind'], 'tensorrtllm'>, string>> = {
  llmapi: "its documentation starts it over nodes with Slurm's srun alone (tensorrtllm_backend, docs/llmapi.md)",
  vllm: "vLLM spreads over nodes by a Ray cluster, of which the documentation of Triton's backend says nothing, and Ray runs what anyone sends it",
  ensemble: 'its members share the GPUs of one pod',
  onnxruntime: 'a model of this backend has no stages',
  pytorch: 'a model of this backend has no stages',
  tensorrt: 'a model of this backend has no stages',
  python: 'a model of this backend has no stages',
};

function backendProblems({ model: { backend } }: MultiNodeServerProps): Problem[] {
  if (backend.kind === 'tensorrtllm') return [];
  return [
    {
      key: 'model.backend.kind',
      value: backend.kind,
      reason: REASONS[backend.kind],
      allowed: 'tensorrtllm',
      fix: 'use TritonServer, on a pool whose nodes have all GPUs of the model',
    },
  ];
}

function poolProblems({ model, placement }: MultiNodeServerProps): Problem[] {
  const { pool, podsPerReplica, gpusPerPod } = placement;
  const groups = poolReplicas(placement);
  const needed = Math.max(1, model.scale.min);
  if (groups >= needed) return [];
  return [
    {
      key: 'placement',
      value: pool.name,
      reason: `${needed} groups of ${podsPerReplica} pods with ${gpusPerPod} GPUs do not fit on ${pool.maxNodes} nodes of ${pool.gpusPerNode}: they would wait for ever`,
      fix: `raise maxNodes of pool ${pool.name}`,
    },
  ];
}
