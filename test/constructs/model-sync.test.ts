import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ModelSource } from '../../constructs/model-source';
import { syncEnvironment } from '../../constructs/model-sync';
import { SYNC_SCRIPT } from '../../constructs/model-sync-script';
import { pythonTool } from '../support/python-tools';
import { KEYS, S3Server } from '../support/s3-server';

const BUCKET = 'models';
const SYNC_MS = 60_000;

describe('the sync, with rclone against an S3 server', () => {
  let server: S3Server;
  let work: string;
  let prefix: string;
  beforeAll(async () => {
    server = await S3Server.start();
  });
  afterAll(() => server?.stop());
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), 'triton-stack-sync-'));
    prefix = work.slice(-6).toLowerCase();
    rclone('mkdir', `store:${BUCKET}`);
  });

  /** What the container's environment would be, with keys in place of a role. */
  function environment(): Record<string, string> {
    const source = ModelSource.s3({
      uri: `s3://${BUCKET}/${prefix}`,
      region: 'us-east-1',
      endpoint: server.endpoint,
      credentials: { kind: 'secret', secretName: 'keys' },
    });
    return {
      PATH: `${dirname(pythonTool('rclone'))}:/usr/bin:/bin`,
      ...syncEnvironment(source),
      MODEL_TARGET: join(work, 'models'),
      AWS_ACCESS_KEY_ID: KEYS.accessKey,
      AWS_SECRET_ACCESS_KEY: KEYS.secretKey,
      HOME: work,
      RCLONE_CACHE_DIR: join(work, 'cache'),
      RCLONE_RETRIES_SLEEP: '50ms',
    };
  }

  function rclone(...args: string[]): void {
    const { status, stderr } = spawnSync(pythonTool('rclone'), [...args, '--config', '/notfound'], {
      env: environment(),
      encoding: 'utf8',
      timeout: SYNC_MS,
    });
    if (status !== 0) throw new Error(`rclone ${args.join(' ')}: ${stderr}`);
  }

  /** Puts these files, and only these, below the prefix. */
  function publish(files: Record<string, string>): void {
    const folder = mkdtempSync(join(work, 'publish-'));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    rclone('sync', folder, `store:${BUCKET}/${prefix}`);
  }

  function sync(changes: Record<string, string> = {}) {
    mkdirSync(join(work, 'models'), { recursive: true });
    const script = join(work, 'sync.sh');
    writeFileSync(script, SYNC_SCRIPT);
    const { status, stdout, stderr } = spawnSync('/bin/sh', [script], {
      env: { ...environment(), ...changes },
      encoding: 'utf8',
      timeout: SYNC_MS,
    });
    return { status, said: `${stdout}${stderr}` };
  }

  const served = (name: string) => readFileSync(join(work, 'models', 'repository', name), 'utf8');
  const model = { 'resnet/config.pbtxt': 'max_batch_size: 8', 'resnet/1/model.onnx': 'weights' };

  it('puts a repository in place', () => {
    publish(model);
    expect(sync()).toMatchObject({ status: 0, said: expect.stringContaining('1 models in place') });
    expect(served('resnet/1/model.onnx')).toBe('weights');
    expect(readdirSync(join(work, 'models')).sort()).toEqual(['release', 'repository']);
  });

  it('fetches a file that has changed and kept its size, and drops one that is gone', () => {
    publish({ ...model, 'old/1/model.onnx': 'x' });
    expect(sync().status).toBe(0);
    publish({ ...model, 'resnet/config.pbtxt': 'max_batch_size: 4' });
    expect(sync().status).toBe(0);
    expect(served('resnet/config.pbtxt')).toBe('max_batch_size: 4');
    expect(readdirSync(join(work, 'models', 'repository'))).toEqual(['resnet']);
  });

  it("makes an ensemble's empty version folder, which object stores lose", () => {
    publish({ ...model, 'chain/config.pbtxt': 'platform: "ensemble"' });
    expect(sync()).toMatchObject({ status: 0, said: expect.stringContaining('2 models in place') });
    expect(readdirSync(join(work, 'models', 'repository', 'chain')).sort()).toEqual(['1', 'config.pbtxt']);
  });

  it('fails where there is nothing, and says so', () => {
    expect(sync()).toMatchObject({ status: 10, said: expect.stringContaining(`nothing at s3://${BUCKET}/${prefix}`) });
  });

  it('keeps what was served where the source is no model repository', () => {
    publish(model);
    sync();
    publish({ 'readme.txt': 'hello' });
    expect(sync()).toMatchObject({ status: 12, said: expect.stringContaining('no Triton model repository') });
    expect(served('resnet/1/model.onnx')).toBe('weights');
  });

  it('fails without permission', () => {
    publish(model);
    expect(sync({ AWS_SECRET_ACCESS_KEY: 'wrong' })).toMatchObject({
      status: 11,
      said: expect.stringContaining("can't list"),
    });
  });

  it('starts with what the volume holds where the store does not answer', () => {
    publish(model);
    sync();
    const { status, said } = sync({
      RCLONE_CONFIG_STORE_ENDPOINT: 'http://127.0.0.1:9',
      RCLONE_RETRIES: '1',
      RCLONE_LOW_LEVEL_RETRIES: '1',
    });
    expect({ status, warned: said.includes('WARNING') }).toEqual({ status: 0, warned: true });
    expect(served('resnet/1/model.onnx')).toBe('weights');
  });

  it('starts again after it was killed at any point', () => {
    publish(model);
    sync();
    const models = join(work, 'models');
    // Between the two renames.
    renameSync(join(models, 'repository'), join(models, 'previous'));
    mkdirSync(join(models, 'staging', 'half'), { recursive: true });
    expect(sync().status).toBe(0);
    expect(readdirSync(models).sort()).toEqual(['release', 'repository']);
    expect(served('resnet/1/model.onnx')).toBe('weights');
    expect(existsSync(join(models, 'repository', 'half'))).toBe(false);
  });
});

describe('syncEnvironment', () => {
  it('takes GCS through workload identity, without keys', () => {
    const environment = syncEnvironment(ModelSource.gcs({ uri: 'gs://bucket/models' }));
    expect(environment).toMatchObject({
      MODEL_SOURCE: 'store:bucket/models',
      RCLONE_CONFIG_STORE_TYPE: 'google cloud storage',
      RCLONE_CONFIG_STORE_ENV_AUTH: 'true',
    });
    expect(Object.keys(environment).filter((key) => /KEY|SECRET|TOKEN/.test(key))).toEqual([]);
  });

  it("takes S3 through a role and the pod's own token", () => {
    expect(
      syncEnvironment(
        ModelSource.s3({
          uri: 's3://bucket/models',
          region: 'eu-west-1',
          credentials: { kind: 'web-identity', roleArn: 'arn:aws:iam::111122223333:role/models' },
        }),
      ),
    ).toMatchObject({
      AWS_REGION: 'eu-west-1',
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/models',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/secrets/model-store/token',
      RCLONE_CONFIG_STORE_PROVIDER: 'AWS',
    });
  });
});
