import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';

/** The project's folder. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** The environments that the project ships. */
export const SHIPPED = ['dev', 'staging', 'prod', 'openshift', 'local'] as const;
export type Shipped = (typeof SHIPPED)[number];

// biome-ignore lint/suspicious/noExplicitAny: a configuration file as it is written
export type Config = Record<string, any>;

/** The values of a shipped environment, without the namespace in front of keys: a fresh copy. */
export function shippedConfig(name: Shipped): Config {
  const { config } = load(readFileSync(join(ROOT, `Pulumi.${name}.yaml`), 'utf8')) as { config: Config };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^triton-stack:/, ''), value]));
}

/** A folder of its own with one environment file. */
export function environmentFolder(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
  writeFileSync(join(folder, `Pulumi.${name}.yaml`), content);
  return folder;
}

/** The text of an environment file with these values. */
export function environmentText(config: Config): string {
  return dump({
    config: Object.fromEntries(Object.entries(config).map(([key, value]) => [`triton-stack:${key}`, value])),
  });
}
