/** Where a model repository lies in object storage. */
export interface RepositoryAddress {
  readonly scheme: 's3' | 'gs';
  /** Bucket and path, without a slash at the end. */
  readonly path: string;
}

/**
 * Reads `s3://bucket/path` or `gs://bucket/path`. Paths have nothing that rclone's remotes and mount options take for
 * something else.
 *
 * @returns undefined for what is none
 */
export function repositoryAddress(uri: string): RepositoryAddress | undefined {
  const [, scheme, path = ''] = /^(s3|gs):\/\/([a-z0-9][a-z0-9._-]+(?:\/[\w.=+@/-]*)?)$/.exec(uri) ?? [];
  return scheme === undefined ? undefined : { scheme: scheme as 's3' | 'gs', path: path.replace(/\/+$/, '') };
}
