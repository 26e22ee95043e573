/** Files of another project that a resource is made of. */
export interface UpstreamSource {
  /** `owner/name` at GitHub. */
  readonly repository: string;
  readonly commit: string;
}

/**
 * What has to be fetched for a resource: by the address that it names, or by the folder of a kustomization of the stack's
 * own, whose name says what it is made of (stacks/kubeflow/overlay/write-overlay.ts).
 */
export function upstreamSources(address: string): UpstreamSource[] {
  const [, folder] = /\/\.build\/kustomize\/([^/]+)\//.exec(address) ?? [];
  if (folder !== undefined) {
    return folder.split('+').map((part) => {
      const [owner = '', name = '', commit = ''] = part.split('~');
      return { repository: `${owner}/${name}`, commit };
    });
  }
  const raw = /githubusercontent\.com\/([^/]+\/[^/]+)\/([^/]+)/.exec(address);
  const kustomize = /github\.com\/([^/]+\/[^/]+)\/\/.*[?&]ref=([^&]+)/.exec(address);
  const [, repository, commit] = raw ?? kustomize ?? [];
  return repository === undefined || commit === undefined ? [] : [{ repository, commit }];
}
