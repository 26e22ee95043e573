import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { parseAll } from '../../models/parse';
import { type PolicyInput, type PolicySettings, policiesSchema, policySettings } from '../settings';

/** What a stack's keys start with: the name of the project. */
const NAMESPACE = 'triton-stack:';

/** What the rules of a stack go by, and where that was found. */
export interface StackSettings {
  readonly settings: PolicySettings;
  /** Why the settings are not those of a stack. */
  readonly missing?: string;
}

/**
 * The settings of the stack that the engine works on.
 *
 * The engine hands over the stack's name and its configuration in the environment of a policy pack that runs on Node.js
 * (pulumi, sdk/go/common/resource/plugin/analyzer_plugin.go, constructEnv): structured values as JSON. Where there is no
 * configuration, the stack's file is read; where there is none either, the rules of production hold.
 *
 * @param folder - where the `Pulumi.<stack>.yaml` files are
 * @throws InputError where the stack's settings cannot work
 */
export function stackSettings(folder: string, env: NodeJS.ProcessEnv = process.env): StackSettings {
  const stack = env.PULUMI_STACK ?? env.PULUMI_NODEJS_STACK;
  const given = ownKeys(env.PULUMI_CONFIG === undefined ? {} : JSON.parse(env.PULUMI_CONFIG));
  const file = stack === undefined ? undefined : join(folder, `Pulumi.${stack}.yaml`);
  if (Object.keys(given).length > 0) return { settings: settingsOf(mapped(given, parsed), `Pulumi.${stack}.yaml`) };
  if (file !== undefined && existsSync(file)) {
    const { config } = (load(readFileSync(file, 'utf8')) ?? {}) as { config?: Record<string, unknown> };
    return { settings: settingsOf(ownKeys(config ?? {}), `Pulumi.${stack}.yaml`) };
  }
  const missing =
    stack === undefined
      ? 'no stack is named, and the rules of production hold'
      : `stack ${stack} has no configuration and no file Pulumi.${stack}.yaml, and the rules of production hold`;
  return { settings: settingsOf({}, 'the policy pack'), missing };
}

function settingsOf(config: Readonly<Record<string, unknown>>, source: string): PolicySettings {
  const policies = parseAll(source, policiesSchema, config.policies ?? {}, `${NAMESPACE}policies.`);
  // The program checks the other keys, and says what is wrong with them.
  return policySettings({ ...(config as Partial<PolicyInput>), policies });
}

function ownKeys(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key.startsWith(NAMESPACE))
      .map(([key, value]) => [key.slice(NAMESPACE.length), value]),
  );
}

function mapped(values: Record<string, unknown>, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
