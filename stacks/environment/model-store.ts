import { ModelSource } from '../../constructs/model-source';
import type { Model } from '../../models/model';
import { keyOf } from '../../models/parse';
import type { Problem } from '../../models/problem';
import type { ExistingConfig } from './schema';

/** The environment's model store once its bucket is known. */
export type ModelStore = ExistingConfig['modelStore'] | { readonly kind: 'gcs'; readonly bucket: string };

/** Where a model's repository lies: in a folder of the model's own name in the environment's store, unless it says so. */
export function sourceOf(store: ModelStore, model: Model, key: string): ModelSource | Problem {
  const scheme = { s3: 's3', gcs: 'gs', claim: undefined }[store.kind];
  const { repository } = model;
  if (repository !== undefined && !repository.startsWith(`${scheme}://`)) {
    return {
      key,
      value: repository,
      reason: `the model's repository lies elsewhere than the environment's store, which is ${store.kind}: its credentials do not reach there`,
      allowed: scheme === undefined ? 'no repository of its own' : `a repository at ${scheme}://`,
      fix: `remove the model's repository, or change the environment's modelStore`,
    };
  }
  const release = model.release === undefined ? {} : { release: model.release };
  if (store.kind === 'claim' && model.release !== undefined) {
    return {
      key,
      value: model.release,
      reason: 'is a release, and what lies on a claim is what is served: nothing is fetched from there',
      allowed: 'no release',
      fix: "remove the model's release, or change the environment's modelStore",
    };
  }
  switch (store.kind) {
    case 's3':
      return ModelSource.s3({
        uri: repository ?? `s3://${store.bucket}/${model.name}`,
        region: store.region,
        credentials: store.credentials,
        ...(store.endpoint !== undefined && { endpoint: store.endpoint }),
        ...release,
      });
    case 'gcs':
      return ModelSource.gcs({ uri: repository ?? `gs://${store.bucket}/${model.name}`, ...release });
    case 'claim':
      return ModelSource.claim({ claimName: store.claimName, subPath: model.name });
  }
}

/** Stores that cannot be read with the credentials that they name. */
export function storeProblems(store: ModelStore): Problem[] {
  if (store.kind !== 's3' || store.endpoint === undefined || store.credentials.kind !== 'web-identity') return [];
  const { hostname } = new URL(store.endpoint);
  if (/\.amazonaws\.com(\.cn)?$/.test(hostname)) return [];
  return [
    {
      key: keyOf(['modelStore', 'credentials', 'kind'], 'triton-stack:'),
      value: 'web-identity',
      reason: `the token is exchanged at AWS, whose keys ${hostname} does not take`,
      allowed: 'secret',
      fix: 'put the keys of the store into a Secret and name it: `kind: secret, secretName: ...`',
    },
  ];
}
