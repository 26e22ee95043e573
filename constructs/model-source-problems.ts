import type { Model } from '../models/model';
import type { Problem } from '../models/problem';
import { versionProblems } from '../models/release-manifest';
import { repositoryAddress } from '../models/repository-address';
import { fileBytes } from '../models/size';
import { servedVersions } from '../models/spec/version-policy';
import type {
  ClaimSource,
  GcsSource,
  HuggingFaceSource,
  ImageSource,
  ModelSource,
  NodeCacheSource,
  ReleaseChoice,
  S3Source,
} from './model-source';
import type { Platform } from './platform';

/** What Kubernetes lets Secrets and claims be called. */
const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** Of an IAM role. */
export const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/;
const REGION = /^[a-z]{2}(-[a-z]+)+-\d+$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** What cannot work in a source: by itself, with this model, on this platform. All of it. */
export function sourceProblems(source: ModelSource, model: Model, platform: Platform): Problem[] {
  switch (source.kind) {
    case 's3':
      return [...uriProblems(source.uri, 's3'), ...releaseProblems(source), ...s3Problems(source)];
    case 'gcs':
      return [...uriProblems(source.uri, 'gs'), ...releaseProblems(source), ...gcsProblems(source)];
    case 'claim':
      return claimProblems(source);
    case 'model-repository':
      return [
        ...nameProblems('source.claimName', source.claimName),
        ...(source.storage === 'hyperdisk-ml' ? gkeProblems('source.storage', source.storage, platform) : []),
      ];
    case 'node-cache':
      return [...nameProblems('source.claimName', source.claimName), ...nodeCacheProblems(source, platform)];
    case 'gcs-fuse':
      return [...gkeProblems('source.kind', source.kind, platform), ...uriProblems(source.uri, 'gs')];
    case 'image':
      return imageProblems(source);
    case 'hugging-face':
      return huggingFaceProblems(source, model);
  }
}

function uriProblems(uri: string, scheme: 's3' | 'gs'): Problem[] {
  if (repositoryAddress(uri)?.scheme === scheme) return [];
  return [
    {
      key: 'source.uri',
      value: uri,
      reason: 'is not the address of a model repository',
      allowed: `${scheme}://bucket/path, with letters, digits and . _ - = + @ in the path`,
      fix: 'correct it',
    },
  ];
}

function releaseProblems({ release }: ReleaseChoice): Problem[] {
  return release === undefined ? [] : versionProblems('source.release', release);
}

function gcsProblems({ credentials }: GcsSource): Problem[] {
  return credentials?.kind === 'hmac-secret'
    ? nameProblems('source.credentials.secretName', credentials.secretName)
    : [];
}

function s3Problems({ region, endpoint, credentials }: S3Source): Problem[] {
  const problems: Problem[] = [];
  const host = endpoint === undefined ? undefined : hostOf(endpoint);
  if (endpoint !== undefined && host === undefined) {
    problems.push({
      key: 'source.endpoint',
      value: endpoint,
      reason: 'is not the address of a store',
      allowed: 'http://host:port or https://host',
      fix: 'correct it',
    });
  }
  // Stores of other makers call their regions what they like.
  if (endpoint === undefined ? !REGION.test(region) : region === '') {
    problems.push({
      key: 'source.region',
      value: region,
      reason: 'is no region of AWS',
      allowed: 'us-east-1, eu-west-1, ...',
      fix: "the bucket's own region",
    });
  }
  if (credentials.kind === 'secret')
    return [...problems, ...nameProblems('source.credentials.secretName', credentials.secretName)];
  if (credentials.kind === 'web-identity' && !ROLE_ARN.test(credentials.roleArn)) {
    problems.push({
      key: 'source.credentials.roleArn',
      value: credentials.roleArn,
      reason: 'is not the ARN of an IAM role',
      allowed: 'arn:aws:iam::ACCOUNT:role/NAME',
      fix: 'correct it',
    });
  }
  if (host !== undefined && !/\.amazonaws\.com(\.cn)?$/.test(host)) {
    problems.push({
      key: 'source.credentials.kind',
      value: credentials.kind,
      reason: `the token is exchanged at AWS, whose keys ${host} does not take`,
      allowed: 'secret',
      fix: "put the keys of the store into a Secret: credentials: { kind: 'secret', secretName }",
    });
  }
  return problems;
}

function hostOf(endpoint: string): string | undefined {
  try {
    const { protocol, hostname } = new URL(endpoint);
    return protocol === 'http:' || protocol === 'https:' ? hostname : undefined;
  } catch {
    return undefined;
  }
}

function claimProblems({ claimName, subPath }: ClaimSource): Problem[] {
  return [...nameProblems('source.claimName', claimName), ...subPathProblems(subPath)];
}

function nameProblems(key: string, name: string): Problem[] {
  if (OBJECT_NAME.test(name)) return [];
  return [
    {
      key,
      value: name,
      reason: 'is no name of an object',
      allowed: 'lowercase letters, digits, "-" and "."',
      fix: 'correct it',
    },
  ];
}

function subPathProblems(subPath: string | undefined): Problem[] {
  if (subPath === undefined || (/^[^/]/.test(subPath) && !subPath.split('/').includes('..'))) return [];
  return [
    {
      key: 'source.subPath',
      value: subPath,
      reason: 'is no folder of the volume',
      allowed: 'a path from its root, without / in front and without ..',
      fix: subPath === '' ? 'leave it out' : 'correct it',
    },
  ];
}

function nodeCacheProblems({ kind }: NodeCacheSource, platform: Platform): Problem[] {
  if (platform !== 'openshift') return [];
  return [
    {
      key: 'source.kind',
      value: kind,
      reason: `lies in a folder of the node, which keeps the host's SELinux label: no pod of ${platform} may read it`,
      fix: 'a shared ModelRepository serves many pods from one copy',
    },
  ];
}

function gkeProblems(key: string, value: string, platform: Platform): Problem[] {
  if (platform === 'gke') return [];
  return [
    {
      key,
      value,
      reason: `is a service of GKE, and the platform is ${platform}`,
      allowed: 'on every platform: s3, gcs, claim, model-repository (shared), image, hugging-face',
      fix: 'a shared ModelRepository serves many pods from one copy',
    },
  ];
}

function imageProblems({ reference, subPath }: ImageSource): Problem[] {
  const [, tag, digest] = /^[a-z0-9][^\s@]*?(?::([\w][\w.-]*))?(?:@(.*))?$/.exec(reference) ?? [];
  const problems = subPathProblems(subPath);
  const found = { key: 'source.reference', value: reference, allowed: 'registry/repository@sha256:..., or :tag' };
  if (digest !== undefined ? !DIGEST.test(digest) : tag === undefined) {
    problems.push({ ...found, reason: 'names no version of an image', fix: 'add its digest' });
  } else if (digest === undefined && tag === 'latest') {
    problems.push({
      ...found,
      reason: 'is another image tomorrow: pods of one server would serve different models',
      fix: 'its digest, or a tag that is never moved',
    });
  }
  return problems;
}

function huggingFaceProblems(source: HuggingFaceSource, model: Model): Problem[] {
  const { revision, tokenSecret, cacheGib } = source;
  const problems: Problem[] = [];
  const { backend } = model;
  if (backend.kind !== 'vllm') {
    problems.push({
      key: 'source.kind',
      value: source.kind,
      reason: `${model.name} runs under ${backend.kind}, which loads files of its own repository: vLLM alone fetches from the Hub`,
      allowed: 'backend vllm',
      fix: 'publish the repository to a bucket, and take s3 or gcs',
    });
  } else if (servedVersions(model).length > 1) {
    problems.push({
      key: 'source.revision',
      value: revision,
      reason: `is one, and ${model.name} serves versions ${servedVersions(model).join(', ')}`,
      fix: 'describe one version, or publish the repository to a bucket',
    });
  }
  if (!/^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(source.model)) {
    problems.push({
      key: 'source.model',
      value: source.model,
      reason: 'is no model of the Hugging Face Hub',
      allowed: 'organisation/name',
      fix: 'correct it',
    });
  }
  if (!/^[0-9a-f]{40}$/.test(revision)) {
    problems.push({
      key: 'source.revision',
      value: revision,
      reason: 'can be another model tomorrow: pods of one server would serve different ones',
      allowed: 'a commit, 40 hexadecimal digits',
      fix: `the commit that ${source.model} shows under "Files and versions"`,
    });
  }
  if (tokenSecret !== undefined) problems.push(...nameProblems('source.tokenSecret.name', tokenSecret.name));
  const needed = backend.kind === 'vllm' ? Math.ceil(fileBytes(model) / 1024 ** 3) : 1;
  if (cacheGib !== undefined && !(cacheGib >= needed)) {
    problems.push({
      key: 'source.cacheGib',
      value: cacheGib,
      reason: 'does not hold the weights: the pod would be evicted as it starts',
      allowed: `${needed} or more`,
      fix: 'leave it out',
    });
  }
  return problems;
}
