import { PolicyPack } from '@pulumi/policy';
import { packPolicies } from './pack-policies';
import { stackSettings } from './stack-settings';

/** The project's folder, which the bundler fills in. */
declare const __PROJECT_ROOT__: string;

/**
 * Serves the rules to the engine, by the settings of its stack.
 *
 * @throws InputError where the stack's settings cannot work
 */
export function main(): void {
  const { settings, missing } = stackSettings(__PROJECT_ROOT__);
  const today = new Date().toISOString().slice(0, 10);
  new PolicyPack('triton-stack', {
    description: 'What an environment of triton-stack may deploy.',
    policies: packPolicies({ settings, today, ...(missing !== undefined && { missing }) }),
  });
}
