import type { PipelineOptions, Registry } from '../models/pipeline/pipeline-input';
import { InputError, type Problem } from '../models/problem';
import { repositoryAddress } from '../models/repository-address';

/** What `render` and `compile` are given. */
export interface RenderOptions {
  readonly environment?: string;
  readonly store?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly server?: readonly string[];
  readonly loadKey?: string;
  readonly storeSecret?: string;
  readonly hubSecret?: string;
  readonly registry?: string;
  readonly examples?: string;
  readonly servedAt?: string;
  /** `false` with `--no-training`. */
  readonly training?: boolean;
  readonly out?: string;
}

/**
 * What a command line says of a pipeline.
 *
 * @throws InputError with every option that cannot be
 */
export function pipelineOptions(options: RenderOptions): Partial<PipelineOptions> {
  const problems: Problem[] = [];
  const registry = options.registry === undefined ? undefined : registryOf(options.registry, problems);
  const { store, server } = options;
  if (store !== undefined && repositoryAddress(store) === undefined) {
    problems.push({
      key: '--store',
      value: store,
      reason: 'is not the address of a model repository',
      allowed: 's3://bucket/path or gs://bucket/path',
    });
  }
  for (const url of [...(server ?? []), ...(options.endpoint === undefined ? [] : [options.endpoint])]) {
    if (isHttp(url)) continue;
    problems.push({
      key: url === options.endpoint ? '--endpoint' : '--server',
      value: url,
      reason: 'is no HTTP address',
      allowed: 'http://HOST:PORT or https://HOST:PORT',
    });
  }
  if (problems.length > 0) throw new InputError('command line', problems);
  const [secretName, key = 'key'] = options.loadKey?.split('/') ?? [];
  return {
    ...(store !== undefined && { store: store.replace(/\/+$/, '') }),
    ...(server !== undefined && { servers: server.map((url) => url.replace(/\/+$/, '')) }),
    ...(options.region !== undefined && { region: options.region }),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(secretName !== undefined && { loadKey: { secretName, key } }),
    ...(options.storeSecret !== undefined && { storeSecret: options.storeSecret }),
    ...(options.hubSecret !== undefined && { hubSecret: options.hubSecret }),
    ...(options.examples !== undefined && { examples: options.examples.replace(/\/+$/, '') }),
    ...(options.servedAt !== undefined && { servedAt: options.servedAt.replace(/\/+$/, '') }),
    ...(registry !== undefined && { registry }),
    ...(options.training === false && { withoutTraining: true }),
  };
}

function registryOf(text: string, problems: Problem[]): Registry | undefined {
  const [, kind, url = ''] = /^(mlflow|kubeflow)=(.*)$/.exec(text) ?? [];
  if (kind !== undefined && isHttp(url)) return { kind: kind as Registry['kind'], url: url.replace(/\/+$/, '') };
  problems.push({
    key: '--registry',
    value: text,
    reason: 'names no registry',
    allowed: 'mlflow=https://HOST or kubeflow=https://HOST',
  });
  return undefined;
}

function isHttp(url: string): boolean {
  return /^https?:\/\/[^\s/]+/.test(url) && URL.canParse(url);
}
