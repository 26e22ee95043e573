import type { Model } from '../models/model';
import type { Problem } from '../models/problem';
import { repositoryDiskGib } from '../models/startup';
import { sourceProblems } from './model-source-problems';
import type { MountedVolumes } from './mounted-source';
import { commonLabels } from './naming';
import { optionProblems } from './triton-option-problems';
import { LOAD_KEY_VARIABLE } from './triton-options';
import { besides, keptVolume, mountedVolumes, podDiskGib } from './triton-pod';
import type { TritonServerProps } from './triton-server-props';

/** What cannot work in a server's props, all of it. */
export function serverProblems(props: TritonServerProps): Problem[] {
  const source = sourceProblems(props.source, props.model, props.platform);
  return [
    ...source,
    ...optionProblems(props, props.model, props.source),
    ...placementProblems(props),
    ...resourceProblems(props),
    // What depends on the source's volumes is told once the source itself is right.
    ...(source.length === 0 ? workloadProblems(props) : []),
    ...nameProblems(props),
    ...platformProblems(props),
  ];
}

function workloadProblems(props: TritonServerProps): Problem[] {
  const { source, model, workload } = props;
  const mounted = mountedVolumes(props);
  const problems = diskProblems(props, mounted);
  const kept = keptVolume(props, mounted);
  if (workload?.kind !== 'statefulset') return problems;
  if (kept !== undefined) return [...problems, ...volumeProblems(workload.volumeGib, model)];
  return [
    ...problems,
    ...(['storageClass', 'volumeGib', 'retention'] as const)
      .filter((key) => workload[key] !== undefined)
      .map((key) => ({
        key: `workload.${key}`,
        value: workload[key],
        reason: `pods keep nothing of their own with a source of kind ${source.kind}`,
        fix: 'leave it out',
      })),
  ];
}

function placementProblems({ placement, model }: TritonServerProps): Problem[] {
  if (placement.podsPerReplica === 1) return [];
  return [
    {
      key: 'placement',
      value: placement.pool.name,
      reason: `${model.name} is spread over ${placement.podsPerReplica} nodes there, and the pods of this server know nothing of each other`,
      fix: 'use MultiNodeServer, or a pool whose nodes have all of its GPUs',
    },
  ];
}

function resourceProblems(props: TritonServerProps): Problem[] {
  const { resources, placement, replicas, sharedMemoryGib, startupSeconds, extendedResources = {} } = props;
  const { allocatable, name } = placement.pool;
  const beside = besides(props, undefined);
  const asked = [
    { key: 'resources.cpus', value: resources?.cpus, offered: allocatable.cpus - beside.cpus, unit: 'cores' },
    {
      key: 'resources.memoryGib',
      value: resources?.memoryGib,
      offered: allocatable.memoryGib - beside.memoryGib,
      unit: 'GiB',
    },
  ];
  const problems: Problem[] = asked
    .filter(({ value, offered }) => value !== undefined && !(value > 0 && value <= offered))
    .map(({ key, value, offered, unit }) => ({
      key,
      value,
      reason: `a node of pool ${name} cannot give that to a pod`,
      allowed: `more than 0, up to ${Math.floor(offered * 10) / 10} ${unit}`,
      fix: 'ask for less, or take a larger machine',
    }));
  const memoryGib = resources?.memoryGib ?? placement.memoryGib;
  if (sharedMemoryGib !== undefined && !(sharedMemoryGib > 0 && sharedMemoryGib < memoryGib)) {
    problems.push({
      key: 'sharedMemoryGib',
      value: sharedMemoryGib,
      reason: "counts against the memory of the server's container",
      allowed: `more than 0, less than ${memoryGib} GiB`,
      fix: 'ask for less, or give the container more memory',
    });
  }
  if (startupSeconds !== undefined && !(startupSeconds >= 1)) {
    problems.push({
      key: 'startupSeconds',
      value: startupSeconds,
      reason: 'is no time that a start can take',
      allowed: '1 or more',
      fix: 'correct it, or leave it out',
    });
  }
  for (const resource of Object.keys(extendedResources)) {
    if (resource.includes('/') && resource !== 'nvidia.com/gpu') continue;
    problems.push({
      key: `extendedResources.${resource}`,
      value: extendedResources[resource],
      reason: 'follows from the model and its placement, or is no extended resource',
      allowed: 'names such as rdma/ib',
      fix: 'leave it out; resources says CPU and memory',
    });
  }
  if (replicas !== undefined && !(Number.isInteger(replicas) && replicas >= 0)) {
    problems.push({
      key: 'replicas',
      value: replicas,
      reason: 'is no number of pods',
      allowed: 'a whole number from 0',
      fix: 'correct it, or leave it to an autoscaler',
    });
  }
  return problems;
}

function volumeProblems(volumeGib: number | undefined, model: Model): Problem[] {
  const least = repositoryDiskGib(model);
  if (volumeGib === undefined || volumeGib >= least) return [];
  return [
    {
      key: 'workload.volumeGib',
      value: volumeGib,
      reason: `does not hold the files of ${model.name}`,
      allowed: `${least} or more; twice as much for a new release beside the one that is served`,
      fix: 'leave it out, or raise it',
    },
  ];
}

/** A pod that fills its node's disk is evicted, and so is the next one. */
function diskProblems(props: TritonServerProps, mounted: MountedVolumes | undefined): Problem[] {
  const { placement, model } = props;
  const { pool } = placement;
  if (pool.localDiskGib === undefined) return [];
  const needed = podDiskGib(props, mounted) + besides(props, mounted).diskGib;
  if (needed <= pool.localDiskGib) return [];
  return [
    {
      key: 'placement',
      value: pool.name,
      reason: `a node leaves ${pool.localDiskGib} GiB of its disk to pods, and one of ${model.name} fills up to ${needed} GiB`,
      fix: "a larger diskGb of the pool, or workload: { kind: 'statefulset' }, whose pods have volumes of their own",
    },
  ];
}

function platformProblems(props: TritonServerProps): Problem[] {
  return [...grpcTlsProblems(props), ...sccProblems(props)];
}

function sccProblems({ platform, scc }: TritonServerProps): Problem[] {
  if (scc === undefined || platform === 'openshift') return [];
  return [
    { key: 'scc', value: scc.name, reason: `is OpenShift's, and the platform is ${platform}`, fix: 'leave it out' },
  ];
}

function grpcTlsProblems({ platform, grpcTls }: TritonServerProps): Problem[] {
  if (grpcTls?.kind !== 'openshift-service-ca' || platform === 'openshift') return [];
  return [
    {
      key: 'grpcTls.kind',
      value: grpcTls.kind,
      reason: `is OpenShift's, and the platform is ${platform}`,
      allowed: 'secret',
      fix: "name a Secret with a certificate, which cert-manager makes: { kind: 'secret', secretName }",
    },
  ];
}

/** Of the server's container: what follows from other props. */
const OWN_VARIABLES: readonly string[] = [
  ...['HOME', 'USER', LOAD_KEY_VARIABLE],
  ...['HF_HOME', 'HF_TOKEN', 'HF_XET_CHUNK_CACHE_SIZE_BYTES'],
];

/** Of the pods: what follows from other props. */
const OWN_ANNOTATIONS =
  /^(kubectl\.kubernetes\.io\/default-container|cluster-autoscaler\.kubernetes\.io\/safe-to-evict.*|openshift\.io\/required-scc|gke-gcsfuse\/.*)$/;

function nameProblems({ environment = {}, podLabels = {}, podAnnotations = {} }: TritonServerProps): Problem[] {
  const variables = Object.keys(environment).flatMap((name): Problem[] => {
    const key = `environment.${name}`;
    if (OWN_VARIABLES.includes(name)) {
      return [{ key, reason: 'is set already', fix: 'leave it out; HOME lies where the pod may write' }];
    }
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return [];
    return [
      { key, reason: 'is no name of a variable', allowed: 'letters, digits and _, no digit first', fix: 'correct it' },
    ];
  });
  const labels = Object.keys(podLabels)
    .filter((name) => name in commonLabels(''))
    .map((name) => ({
      key: `podLabels.${name}`,
      reason: 'is set already: pods are selected by it',
      fix: 'leave it out',
    }));
  const annotations = Object.keys(podAnnotations)
    .filter((name) => OWN_ANNOTATIONS.test(name))
    .map((name) => ({ key: `podAnnotations.${name}`, reason: 'is set already', fix: 'leave it out, or use patch' }));
  return [...variables, ...labels, ...annotations];
}
