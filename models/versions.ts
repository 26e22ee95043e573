import data from '../versions.json';

/** An OCI image: its tag is what people read, its digest is what is deployed once it has been looked up. */
export interface Image {
  readonly repository: string;
  readonly tag: string;
  /** `sha256:...`, or `unresolved` until `npm run versions -- resolve` has reached the registry. */
  readonly digest: string;
  /** Where the tag was looked up. */
  readonly source: string;
  readonly note?: string;
}

/** A Helm chart in a chart repository. */
export interface HelmChart {
  readonly repository: string;
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly note?: string;
}

/** Files of another project at one commit. */
export interface UpstreamFiles {
  readonly repository: string;
  /** The release or date that people know the commit by. */
  readonly release: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
  readonly source: string;
  readonly note?: string;
}

/** Everything that is deployed and has a version, from the one file that says so. */
export const versions = {
  charts: data.charts satisfies Record<string, HelmChart>,
  images: data.images satisfies Record<string, Image>,
  upstream: data.upstream satisfies Record<string, UpstreamFiles>,
  kubernetes: data.kubernetes,
};

/** The digest of an image that nobody could look up yet. */
export const UNRESOLVED = 'unresolved';

/** What a container's `image` says: by digest where it is known, by tag until then. */
export function imageReference(image: Image): string {
  const tagged = `${image.repository}:${image.tag}`;
  return image.digest === UNRESOLVED ? tagged : `${tagged}@${image.digest}`;
}

/** TensorRT-LLM releases whose engines the images of the versions file run. */
export const TENSORRTLLM_RELEASES = ['1.0'] as const;
export type TensorRtLlmRelease = (typeof TENSORRTLLM_RELEASES)[number];

/** The server image that runs engines of this TensorRT-LLM release. */
export function tensorRtLlmImage(release: TensorRtLlmRelease): Image {
  return { '1.0': versions.images.tritonTensorRtLlm }[release];
}
