import type * as kplus from 'cdk8s-plus-28';
import { Capability, ImagePullPolicy, SeccompProfileType } from 'cdk8s-plus-28';
import type { Manifest } from './after-mapping';
import type { Platform } from './platform';

/** A container's security context under the `restricted` pod security standard, on a read-only root file system. */
export const HARDENED_CONTAINER: kplus.ContainerSecurityContextProps = {
  ensureNonRoot: true,
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: [Capability.ALL] },
  seccompProfile: { type: SeccompProfileType.RUNTIME_DEFAULT },
};

/**
 * A user that no node has: 1000 is the first one of most of them. The images do not need theirs: what is in them can be
 * read by everyone (triton-inference-server/server, build.py).
 */
export const SERVER_USER = 10_001;

/**
 * The pod's security context. On OpenShift users and groups come from the namespace's range: `restricted-v2` refuses
 * fixed ones.
 */
export function podSecurityContext(platform: Platform): Manifest {
  const common = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
  if (platform === 'openshift') return common;
  return {
    ...common,
    runAsUser: SERVER_USER,
    runAsGroup: SERVER_USER,
    fsGroup: SERVER_USER,
    fsGroupChangePolicy: 'OnRootMismatch',
  };
}

/**
 * How a node gets at an image. A digest is the same bytes wherever they come from; of a tag the registry is asked, which
 * also asks for the credentials of private images anew.
 */
export function pullPolicy(image: string): kplus.ImagePullPolicy {
  return image.includes('@') ? ImagePullPolicy.IF_NOT_PRESENT : ImagePullPolicy.ALWAYS;
}

/** The label that makes the API server refuse pods beyond the `restricted` standard in a namespace. */
export const RESTRICTED_NAMESPACE = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
  'pod-security.kubernetes.io/audit': 'restricted',
} as const;
