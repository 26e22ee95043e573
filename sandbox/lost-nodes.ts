import type { Kubectl } from './kubectl';

/** Milliseconds after which a node that was asked for should long be there: it takes 2 seconds. */
export const LOST_AFTER_MS = 30_000;

interface NodeClaim {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly status?: { readonly nodeName?: string };
}

/**
 * Gives up nodes that were asked for and never came: Karpenter's kwok provider keeps them in mind alone until they are
 * there, and waits 15 minutes for those that it has forgotten.
 */
export async function dropLostNodes(kubectl: Kubectl, olderThanMs: number): Promise<void> {
  const claims = await kubectl.list<NodeClaim>('nodeclaims.karpenter.sh');
  const lost = claims.filter(
    ({ metadata, status }) =>
      status?.nodeName === undefined && Date.now() - Date.parse(metadata.creationTimestamp) >= olderThanMs,
  );
  if (lost.length === 0) return;
  const names = lost.map(({ metadata }) => metadata.name);
  await kubectl.run(['delete', 'nodeclaims.karpenter.sh', ...names, '--ignore-not-found', '--wait=false']);
}
