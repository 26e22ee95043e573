import { getStack, RunError, runtime } from '@pulumi/pulumi';
import { InputError } from '../models/problem';
import { CONFIG_NAMESPACE, readEnvironment } from './environment/read';
import { deploy, type StackOutputs } from './program';

/** The Pulumi program: reads the stack's configuration and registers its environment. */
export async function main(): Promise<StackOutputs> {
  const stack = getStack();
  try {
    return await deploy(readEnvironment(stack, stackConfig(), `Pulumi.${stack}.yaml`));
  } catch (error) {
    // The engine prints a RunError's message alone, without a stack trace.
    if (error instanceof InputError) throw new RunError(error.message);
    throw error;
  }
}

/** The stack's own keys: the engine hands structured values over as JSON. */
function stackConfig(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(runtime.allConfig())
      .filter(([key]) => key.startsWith(CONFIG_NAMESPACE))
      .map(([key, value]) => [key.slice(CONFIG_NAMESPACE.length), parseValue(value)]),
  );
}

function parseValue(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
