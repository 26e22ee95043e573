import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { loadAll } from 'js-yaml';

/** A task of a pipeline, as far as tests look. */
export interface IrTask {
  readonly cachingOptions?: { readonly enableCache?: boolean };
  readonly dependentTasks?: readonly string[];
  readonly retryPolicy?: {
    readonly maxRetryCount?: number;
    readonly backoffDuration?: string;
    readonly backoffFactor?: number;
  };
  readonly triggerPolicy?: { readonly strategy?: string };
}

/** A compiled pipeline's two documents. */
export interface Ir {
  readonly spec: {
    readonly components: Readonly<
      Record<string, { readonly dag?: { readonly tasks: Readonly<Record<string, IrTask>> } }>
    >;
    readonly root: { readonly dag: { readonly tasks: Readonly<Record<string, IrTask>> } };
    readonly deploymentSpec: {
      readonly executors: Readonly<Record<string, { readonly container: IrContainer }>>;
    };
  };
  readonly platform: {
    readonly platforms: {
      readonly kubernetes: { readonly deploymentSpec: { readonly executors: Readonly<Record<string, IrPod>> } };
    };
  };
}

export interface IrContainer {
  readonly image: string;
  readonly command: readonly string[];
  readonly resources: {
    readonly resourceMemoryLimit?: string;
    readonly accelerator?: { readonly resourceType?: string; readonly resourceCount?: string };
  };
}

export interface IrPod {
  readonly activeDeadlineSeconds?: string;
  readonly nodeSelector?: { readonly labels: Readonly<Record<string, string>> };
  readonly tolerations?: readonly { readonly key: string; readonly operator: string; readonly effect: string }[];
  readonly secretAsEnv?: readonly { readonly secretName: string }[];
}

export function readIr(text: string): Ir {
  const [spec, platform] = loadAll(text) as [Ir['spec'], Ir['platform']];
  return { spec, platform };
}

const ARCHIVE = /__KFP_EMBEDDED_ARCHIVE_B64 = '([A-Za-z0-9+/=\\\s]+?)'/;

/** Names of the files that a step carries with it, and a digest of them. */
export function carried(container: IrContainer): { readonly files: readonly string[]; readonly sha256: string } {
  const archive = container.command.map((part) => ARCHIVE.exec(part)?.[1]).find((each) => each !== undefined) ?? '';
  const tar = gunzipSync(Buffer.from(archive, 'base64'));
  const files: string[] = [];
  for (let at = 0; tar[at] !== undefined && tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    if (!name.endsWith('/') && size > 0) files.push(name.replace(/^\.\//, ''));
    at += 512 * (1 + Math.ceil(size / 512));
  }
  return { files, sha256: createHash('sha256').update(tar).digest('hex') };
}
