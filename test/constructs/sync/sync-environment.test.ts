import { describe, expect, it } from 'vitest';
import { ModelSource, type SyncedSource } from '../../../constructs/model-source';
import { servedSelection, syncEnvironment } from '../../../constructs/sync/sync-environment';
import type { Model } from '../../../models/model';
import { engineModel, tensorModel } from '../../support/models';

const model = engineModel();
const role = { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' } as const;
const s3 = { uri: 's3://bucket/models/', region: 'eu-west-1', credentials: role } as const;

const environmentOf = (source: SyncedSource) => syncEnvironment({ source, models: [model], target: '/models' });

/** Names of variables that could hold a key. */
const keys = (source: SyncedSource) => Object.keys(environmentOf(source)).filter((key) => /KEY|SECRET/.test(key));

describe('what the sync reads from the environment', () => {
  it('takes GCS through workload identity, without keys', () => {
    const source = ModelSource.gcs({ uri: 'gs://bucket/models' });
    expect(environmentOf(source)).toMatchObject({
      MODEL_STORE: 'store:bucket/models',
      MODEL_SOURCE_NAME: 'gs://bucket/models',
      RCLONE_CONFIG_STORE_TYPE: 'google cloud storage',
      RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    });
    expect(keys(source)).toEqual([]);
  });

  it('takes GCS through its XML API where an HMAC key is chosen', () => {
    const credentials = { kind: 'hmac-secret', secretName: 'hmac' } as const;
    expect(environmentOf(ModelSource.gcs({ uri: 'gs://bucket/models', credentials }))).toMatchObject({
      MODEL_STORE: 'store:bucket/models',
      MODEL_SOURCE_NAME: 'gs://bucket/models',
      RCLONE_CONFIG_STORE_TYPE: 's3',
      RCLONE_CONFIG_STORE_PROVIDER: 'GCS',
      RCLONE_CONFIG_STORE_ENDPOINT: 'https://storage.googleapis.com',
    });
  });

  it("takes S3 through a role and the pod's own token, with either tool", () => {
    const token = {
      AWS_REGION: 'eu-west-1',
      AWS_ROLE_ARN: role.roleArn,
      AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/secrets/model-store/token',
    };
    const rclone = ModelSource.s3(s3);
    expect(environmentOf(rclone)).toMatchObject({
      ...token,
      MODEL_STORE: 'store:bucket/models',
      RCLONE_CONFIG_STORE_PROVIDER: 'AWS',
    });
    const aws = ModelSource.s3({ ...s3, tool: 'aws-cli' });
    expect(environmentOf(aws)).toMatchObject({ ...token, MODEL_STORE: 's3://bucket/models', HOME: '/tmp' });
    expect(Object.keys(environmentOf(aws)).filter((key) => key.startsWith('RCLONE'))).toEqual([]);
    expect([...keys(rclone), ...keys(aws)]).toEqual([]);
  });

  it('takes a store of its own by its address, with either tool', () => {
    const credentials = { kind: 'secret', secretName: 'minio' } as const;
    const minio = { ...s3, endpoint: 'http://minio.storage.svc:9000', credentials };
    expect(environmentOf(ModelSource.s3(minio))).toMatchObject({
      RCLONE_CONFIG_STORE_PROVIDER: 'Other',
      RCLONE_CONFIG_STORE_ENDPOINT: minio.endpoint,
    });
    expect(environmentOf(ModelSource.s3({ ...minio, tool: 'aws-cli' }))).toMatchObject({
      AWS_ENDPOINT_URL: minio.endpoint,
    });
  });

  it('names a release where the source does, and what is not said it leaves out', () => {
    expect(environmentOf(ModelSource.s3({ ...s3, release: '1.4.0' })).MODEL_RELEASE).toBe('1.4.0');
    const names = Object.keys(environmentOf(ModelSource.s3(s3)));
    for (const name of ['MODEL_RELEASE', 'MODEL_LIMIT_KIB', 'MODEL_FALLBACK', 'MODEL_KEEP'])
      expect(names).not.toContain(name);
    const all = syncEnvironment({
      source: ModelSource.s3(s3),
      models: [model],
      target: '/models',
      limitGib: 2,
      fallback: true,
      keepLast: true,
    });
    expect(all).toMatchObject({ MODEL_LIMIT_KIB: '2097152', MODEL_FALLBACK: '1', MODEL_KEEP: '1' });
  });
});

describe('what a pod fetches', () => {
  const versions = [{ version: 1 }, { version: 2 }, { version: 3 }];
  it.each<[string, Parameters<typeof tensorModel>[1], string]>([
    ['the latest version, as Triton loads it', {}, 'engine=latest:1'],
    ['the latest of several, which the release decides', { versions }, 'engine=latest:1'],
    ['as many as the policy says', { versions, versionPolicy: { kind: 'latest', count: 2 } }, 'engine=latest:2'],
    ['those that the policy names', { versions, versionPolicy: { kind: 'specific', versions: [1, 3] } }, 'engine=1,3'],
    ['all', { versions, versionPolicy: { kind: 'all' } }, 'engine=all'],
  ])('is %s', (_name, changes, selection) => {
    expect(servedSelection([tensorModel('engine', changes)])).toBe(selection);
  });

  it('is each model once, all of its versions where two of a name differ', () => {
    const all = tensorModel('draft', { versions, versionPolicy: { kind: 'all' } });
    const latest: Model = tensorModel('draft');
    expect(servedSelection([model, latest, latest])).toBe('engine=latest:1 draft=latest:1');
    expect(servedSelection([latest, all])).toBe('draft=all');
  });
});
