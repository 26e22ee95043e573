import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { dump, loadAll } from 'js-yaml';
import { layerBinary } from '../../bin/kubectl-layer';
import { type UpstreamFiles, versions } from '../../models/versions';
import type { KubernetesObject } from '../../preview/plan';
import { UPSTREAM_VARIABLE } from '../../sandbox/definitions';
import type { Locate, Overlay } from '../../stacks/kubeflow/overlay/kustomization';
import { ROOT } from './environment-file';

/** Where the folder of upstream's manifests keeps each project's, and what of their path it leaves out. */
const FOLDERS: Readonly<Record<string, readonly [folder: string, without: string]>> = {
  [versions.upstream.kubeflowPipelines.repository]: ['kubeflow-pipelines', 'manifests/'],
  [versions.upstream.argoWorkflows.repository]: ['argo-workflows', ''],
  // A checkout of its own.
  [versions.upstream.kubeflowManifests.repository]: ['', ''],
};

/** A checkout of kubeflow/manifests at the commit of versions.json. */
export const MANIFESTS_VARIABLE = 'TRITON_STACK_KUBEFLOW_MANIFESTS';

/** The folder of the whole platform's manifests, or undefined, and a line that says so. */
export function manifestsFolder(what: string): string | undefined {
  const folder = process.env[MANIFESTS_VARIABLE];
  if (folder === undefined) {
    console.log(`Skipped: ${what}: ${MANIFESTS_VARIABLE} is not set`);
    return undefined;
  }
  const { commit } = versions.upstream.kubeflowManifests;
  const found = execFileSync('git', ['-C', folder, 'rev-parse', 'HEAD'], { encoding: 'utf8', timeout: 60_000 }).trim();
  if (found !== commit) throw new Error(`${MANIFESTS_VARIABLE}: ${folder} is at ${found}, versions.json at ${commit}`);
  return folder;
}

/** The folder of upstream's manifests, or undefined, and a line that says so. */
export function upstreamFolder(what: string): string | undefined {
  const folder = process.env[UPSTREAM_VARIABLE];
  if (folder === undefined) console.log(`Skipped: ${what}: ${UPSTREAM_VARIABLE} is not set`);
  return folder;
}

/**
 * Builds the stack's own overlay with kubectl's kustomize, with the folders of upstream that stand on this machine in place
 * of those at GitHub.
 *
 * @param make - the overlay, with upstream where it is told
 */
export function build(upstream: string, make: (locate: Locate) => Overlay): KubernetesObject[] {
  // kustomize takes relative paths alone: others it holds for addresses.
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'triton-stack-overlay-'));
  const locate = ({ repository }: UpstreamFiles, path: string): string => {
    const [project, without] = FOLDERS[repository] ?? [];
    if (project === undefined || without === undefined) throw new Error(`nobody has ${repository} here`);
    return relative(folder, join(realpathSync(upstream), project, path.replace(without, '')));
  };
  mkdirSync(folder, { recursive: true });
  const { kustomization } = make(locate);
  writeFileSync(join(folder, 'kustomization.yaml'), dump(kustomization, { lineWidth: -1, noRefs: true }));
  // As the provider of the engine does it (pulumi-kubernetes, provider/pkg/provider/kustomize/v2/directory.go).
  const output = execFileSync(
    layerBinary(ROOT, 'kubectl'),
    ['kustomize', '--load-restrictor', 'LoadRestrictionsNone', folder],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 240_000 },
  );
  return loadAll(output) as KubernetesObject[];
}
