import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import { clusterLabels } from './naming';
import { applyPatches, type Patches } from './patch';

/** Where a key for NGC comes from: never a text in a manifest. */
export type NgcKey =
  | {
      /** A store that the External Secrets Operator reads. */
      readonly kind: 'external-secret';
      /** The SecretStore or ClusterSecretStore. */
      readonly store: string;
      /** @default SecretStore */
      readonly storeKind?: 'SecretStore' | 'ClusterSecretStore';
      /** The key's name in the store. */
      readonly remoteKey: string;
      /** Where what the store holds has fields: the key's. @default the whole */
      readonly property?: string;
    }
  | {
      /**
       * A placeholder that the key is put in place of when the manifest is deployed, such as a token for a Pulumi secret.
       * The key itself is refused: it would stand in the manifest.
       */
      readonly kind: 'value';
      readonly apiKey: string;
    };

/** What a pod needs of NGC: a key to download with, and the login to pull with. */
export type NgcCredentials =
  | {
      /** Secrets that are there already. */
      readonly kind: 'existing';
      readonly secretName: string;
      /** The key's entry in the Secret. @default NGC_API_KEY */
      readonly secretKey?: string;
      /** The Secret with the login for nvcr.io. @default the same, of type kubernetes.io/dockerconfigjson */
      readonly pullSecretName?: string;
    }
  | NgcKey;

export interface NgcSecretProps {
  readonly name: string;
  readonly key: NgcKey;
  /** @default those of what belongs to no one server */
  readonly labels?: Readonly<Record<string, string>>;
  /** @default none */
  readonly patch?: Patches;
}

/** The entry that holds the key, and the variable that NIMs and the NGC CLI of today read it from. */
export const NGC_API_KEY = 'NGC_API_KEY';

/**
 * A Secret from one key, for all that asks for it: `NGC_API_KEY` and `NGC_CLI_API_KEY` for what downloads, and the login
 * for nvcr.io, which makes it an image pull secret as well: its type asks for that entry, and allows others beside it.
 *
 * Several NIMs of a namespace can share one: `{ kind: 'existing', secretName: ngcSecret.name }`.
 *
 * @throws InputError where a key stands in the input itself
 */
export class NgcSecret extends Construct {
  readonly name: string;

  constructor(
    scope: Construct,
    id: string,
    { name, key, labels = clusterLabels('registry', name), patch }: NgcSecretProps,
  ) {
    super(scope, id);
    this.name = name;
    const metadata = { name, labels: { ...labels } };
    if (key.kind === 'value') {
      refuseKey(name, key.apiKey);
      new k8s.KubeSecret(this, 'secret', { metadata, type: TYPE, stringData: entries(key.apiKey) });
    } else {
      const { store, storeKind = 'SecretStore', remoteKey, property } = key;
      new ApiObject(this, 'secret', {
        apiVersion: 'external-secrets.io/v1',
        kind: 'ExternalSecret',
        metadata,
        spec: {
          secretStoreRef: { name: store, kind: storeKind },
          // A template says all entries: what was read is not one of them by itself.
          target: { name, template: { engineVersion: 'v2', type: TYPE, data: entries('{{ .key }}') } },
          data: [{ secretKey: 'key', remoteRef: { key: remoteKey, ...(property !== undefined && { property }) } }],
        },
      });
    }
    applyPatches(this, patch);
  }
}

const TYPE = 'kubernetes.io/dockerconfigjson';

/**
 * The Secret's entries as texts: a placeholder survives in JSON, and would not in base64. The kubelet takes a login by its
 * user and password, and needs no `auth`, which is the two in base64 (kubernetes, pkg/credentialprovider/config.go).
 */
function entries(key: string): Record<string, string> {
  // The user's name is the same for everyone (NVIDIA/nim-deploy, helm/nim-llm, generatedImagePullSecret).
  const login = { auths: { 'nvcr.io': { username: '$oauthtoken', password: key } } };
  return { [NGC_API_KEY]: key, NGC_CLI_API_KEY: key, '.dockerconfigjson': JSON.stringify(login) };
}

/** Personal keys start with nvapi-; older ones are a long base64 text. */
const KEY = /^(nvapi-.*|[A-Za-z0-9+/]{40,}={0,2})$/;

function refuseKey(name: string, apiKey: string): void {
  if (!KEY.test(apiKey.trim())) return;
  throw new InputError(`NGC secret ${name}`, [
    {
      key: 'apiKey',
      reason: 'is a key: everyone who reads the manifest would have it',
      allowed: 'a placeholder that the key is put in place of when the manifest is deployed',
      fix: "take kind: 'external-secret', or make the Secret beside this program and take kind: 'existing'",
    },
  ]);
}
