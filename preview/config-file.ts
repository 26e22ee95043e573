import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { didYouMean } from '../models/parse';
import { InputError, type Problem } from '../models/problem';
import { CONFIG_NAMESPACE } from '../stacks/environment/read';

/** A stack's configuration as its file states it. */
export interface StackConfig {
  /** `Pulumi.dev.yaml` */
  readonly file: string;
  /** Values by their full keys: `triton-stack:platform`, `gcp:project`. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The line of a key as messages write it (`triton-stack:pools.l4.zones[0]`), or of its nearest parent. */
  lineOf(key: string): number | undefined;
}

/**
 * The environments that have a file in `folder`: `dev` for `Pulumi.dev.yaml`.
 *
 * @throws InputError where there is no such folder
 */
export function environmentNames(folder: string): string[] {
  if (!existsSync(folder)) {
    throw new InputError('command line', [{ key: '--folder', value: folder, reason: 'there is no such folder' }]);
  }
  return readdirSync(folder)
    .map((file) => /^Pulumi\.([^.]+)\.yaml$/.exec(file)?.[1])
    .filter((name): name is string => name !== undefined)
    .sort();
}

/**
 * Reads `Pulumi.<name>.yaml`.
 *
 * @throws InputError where there is no such file, or it is no YAML, or it holds no configuration
 */
export function readStackConfig(folder: string, name: string): StackConfig {
  const file = `Pulumi.${name}.yaml`;
  const names = environmentNames(folder);
  if (!names.includes(name)) throw noSuchEnvironment(name, names);
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(join(folder, file), 'utf8'), { lineCounter: lines });
  const refuse = (problems: readonly Problem[]): never => {
    throw new InputError(file, problems);
  };
  if (document.errors.length > 0) {
    refuse(
      document.errors.map((error) => ({
        key: `line ${error.linePos?.[0].line ?? '?'}`,
        reason: `is not YAML: ${error.message.split('\n')[0]?.replace(/ at line .*$/, '')}`,
      })),
    );
  }
  const content: unknown = document.toJS();
  const values = (content as { config?: unknown } | null)?.config;
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    const empty = content === null || content === undefined;
    return refuse([
      {
        key: 'config',
        reason: empty ? 'the file is empty' : 'is missing, or not a map of keys',
        allowed: `a map of keys such as ${CONFIG_NAMESPACE}platform`,
        fix: `start from another environment's file: cp Pulumi.dev.yaml ${file}`,
      },
    ]);
  }
  return {
    file,
    values: values as Record<string, unknown>,
    lineOf: (key) => {
      for (const path of parents(key)) {
        const node = document.getIn(['config', ...path], true) as { range?: [number, number, number] } | undefined;
        if (node?.range) return lines.linePos(node.range[0]).line;
      }
      return undefined;
    },
  };
}

function noSuchEnvironment(name: string, names: readonly string[]): InputError {
  const meant = didYouMean(name, names);
  return new InputError('command line', [
    {
      key: 'environment',
      value: name,
      reason: `there is no Pulumi.${name}.yaml`,
      ...(names.length > 0 && { allowed: names.join(', ') }),
      fix: meant === undefined ? 'take one of those, or write that file' : `did you mean ${meant}?`,
    },
  ]);
}

/** `triton-stack:pools.l4.zones[0]` as paths, longest first. */
function parents(key: string): (string | number)[][] {
  const parts = key.split(/\.|(?=\[)/).map((part) => (part.startsWith('[') ? Number(part.slice(1, -1)) : part));
  return parts.map((_, index) => parts.slice(0, parts.length - index));
}

/** The stack's own values, without the namespace in front. */
export function ownValues(config: StackConfig): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config.values)
      .filter(([key]) => key.startsWith(CONFIG_NAMESPACE))
      .map(([key, value]) => [key.slice(CONFIG_NAMESPACE.length), value]),
  );
}
