import { type Image, UNRESOLVED, type UpstreamFiles } from '../../../models/versions';

/** What selects the object that a patch is for. */
export interface PatchTarget {
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly name: string;
}

/** A patch of a kustomization: a strategic merge, or a JSON patch of its target. */
export interface KustomizePatch {
  readonly patch: string;
  readonly target?: PatchTarget;
}

/** An image that a kustomization renames. */
interface KustomizeImage {
  readonly name: string;
  readonly newName: string;
  readonly newTag: string;
  readonly digest?: string;
}

/** A `kustomization.yaml`, as much of it as is used here. */
export interface Kustomization {
  readonly apiVersion: 'kustomize.config.k8s.io/v1beta1';
  readonly kind: 'Kustomization';
  readonly namespace?: string;
  readonly resources: readonly string[];
  readonly labels?: readonly { readonly includeSelectors: boolean; readonly pairs: Readonly<Record<string, string>> }[];
  readonly images?: readonly KustomizeImage[];
  readonly patches?: readonly KustomizePatch[];
}

/** What every kustomization begins with. */
export const KUSTOMIZATION = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' } as const;

/**
 * The annotation with what an object waits for, in the words that Pulumi's kustomize Directory and other tools go by
 * (kubernetes-sigs/cli-utils, "depends-on").
 */
export const DEPENDS_ON = 'config.kubernetes.io/depends-on';

/** A kustomization of ours, and the upstream projects that it is made of. */
export interface Overlay {
  /** Of the folder and of the resource: `pipelines`. */
  readonly name: string;
  readonly sources: readonly UpstreamFiles[];
  readonly kustomization: Kustomization;
}

/** Where a folder of an upstream project is, for kustomize. */
export type Locate = (upstream: UpstreamFiles, folder: string) => string;

/** Seconds that kustomize may take to clone: its default of 27 is too short for these repositories. */
const CLONE_SECONDS = 300;

/** At GitHub, at the commit of `versions.json`. */
export const atGithub: Locate = ({ repository, commit }, folder) =>
  `https://github.com/${repository}//${folder}?ref=${commit}&timeout=${CLONE_SECONDS}s&submodules=false`;

/** An image of upstream's manifests, at the version that `versions.json` says. */
export function imageOverride(name: string, { repository, tag, digest }: Image): KustomizeImage {
  return { name, newName: repository, newTag: tag, ...(digest !== UNRESOLVED && { digest }) };
}

/** Takes an object away. */
export function remove(apiVersion: string, kind: string, name: string): KustomizePatch {
  return { patch: JSON.stringify({ $patch: 'delete', apiVersion, kind, metadata: { name } }) };
}

/** Merges parts into an object: lists by the key that the API gives them, `null` takes away. */
export function merge(apiVersion: string, kind: string, name: string, parts: object): KustomizePatch {
  return { patch: JSON.stringify({ apiVersion, kind, metadata: { name }, ...parts }) };
}

/** A variable of a container in place of what is there, whatever that refers to. */
export function variable(name: string, value: string): object {
  return { name, value, valueFrom: null };
}
