import type { Problem } from '../models/problem';
import type { Platform } from './platform';

/** A folder below another one, by its plain path. */
const FOLDER = /^(\/(?!\.{1,2}(\/|$))[\w.-]+){2,}$/;

/** What the node itself lives on, what it forgets when it restarts, and what the kubelet cleans up. */
const SYSTEM = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib64',
  '/opt/cni',
  '/proc',
  '/root',
  '/run',
  '/sbin',
  '/sys',
  '/tmp',
  '/usr',
  '/var/lib/cloud',
  '/var/lib/cni',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
  '/var/lib/etcd',
  '/var/lib/google',
  '/var/lib/kubelet',
  '/var/lib/rancher',
  '/var/lib/toolbox',
  '/var/log',
  '/var/run',
  '/var/tmp',
] as const;

/** Container-Optimized OS documentation, "Disks and file system overview": what is writable, and kept. */
const KEPT_ON_GKE = /^\/(var|home|mnt\/stateful_partition|mnt\/disks\/[^/]+)\//;

/** What cannot be a folder of nodes that pods write to. */
export function hostPathProblems(key: string, hostPath: string, platform: Platform): Problem[] {
  const problem = { key, value: hostPath, allowed: 'a folder of its own, such as /var/lib/triton-stack/models/llm' };
  if (!FOLDER.test(hostPath)) {
    return [{ ...problem, reason: 'is no absolute path of a folder below another one', fix: 'correct it' }];
  }
  const system = SYSTEM.find((each) => within(hostPath, each) || within(each, hostPath));
  if (system !== undefined) {
    return [{ ...problem, reason: `would hand over ${system}, which is the node's own`, fix: 'leave it out' }];
  }
  if (platform === 'gke' && !KEPT_ON_GKE.test(hostPath)) {
    return [
      {
        ...problem,
        reason: "is not writable on GKE's nodes, or not kept when they restart",
        allowed: 'below /var, /home, /mnt/stateful_partition, or a disk that is mounted below /mnt/disks',
        fix: 'leave it out',
      },
    ];
  }
  return [];
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
