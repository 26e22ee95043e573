import { nimGpuDemand, nimLocalDiskGib } from '../models/nim';
import type { Problem } from '../models/problem';
import { NIM_OWN_VARIABLES } from './nim-pod';
import type { NimServerProps } from './nim-server';

/** What cannot work in the props of a NIM's server, all of it. */
export function nimProblems(props: NimServerProps): Problem[] {
  return [...placementProblems(props), ...diskProblems(props), ...variableProblems(props)];
}

function placementProblems({ nim, placement }: NimServerProps): Problem[] {
  const { total } = nimGpuDemand(nim);
  if (placement.gpusPerPod === total && placement.podsPerReplica === 1) return [];
  return [
    {
      key: 'placement',
      value: placement.pool.name,
      reason: `gives a pod ${placement.gpusPerPod} GPUs, and ${nim.name} runs on ${total} of one node`,
      fix: 'placeNimOn(nim, ...pools)',
    },
  ];
}

/** A pod that fills its node's disk is evicted, and so is the next one. */
function diskProblems({ nim, placement: { pool } }: NimServerProps): Problem[] {
  const needed = nimLocalDiskGib(nim);
  if (pool.localDiskGib === undefined || needed <= pool.localDiskGib) return [];
  return [
    {
      key: 'placement',
      value: pool.name,
      reason: `a node leaves ${pool.localDiskGib} GiB of its disk to pods, and one of ${nim.name} fills up to ${needed} GiB beside its cache`,
      fix: 'a larger diskGb of the pool',
    },
  ];
}

function variableProblems({ environment = {} }: NimServerProps): Problem[] {
  return Object.keys(environment)
    .filter((name) => NIM_OWN_VARIABLES.includes(name))
    .map((name) => ({
      key: `environment.${name}`,
      reason: 'is set already: it follows from the NIM, its key or its volumes',
      fix: 'leave it out; a profile and its GPUs are said by defineNim({ profile, gpus })',
    }));
}
