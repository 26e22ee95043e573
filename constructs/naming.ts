import { createHash } from 'node:crypto';
import { slug } from '../models/slug';

export { slug };

/** The name of everything that serves this model: `triton-llama-3-1-8b`. */
export function serverName(modelName: string): string {
  return `triton-${slug(modelName)}`;
}

/** The labels that select the pods of one server. A selector is immutable: nothing that changes belongs here. */
export function selectorLabels(instance: string): Record<string, string> {
  return { 'app.kubernetes.io/name': 'triton', 'app.kubernetes.io/instance': instance };
}

/** The labels of every object of the stack. */
export const STACK_LABELS = {
  'app.kubernetes.io/part-of': 'triton-stack',
  'app.kubernetes.io/managed-by': 'triton-stack',
} as const;

/** The labels of every object of one server. */
export function commonLabels(instance: string): Record<string, string> {
  return {
    ...selectorLabels(instance),
    'app.kubernetes.io/component': 'inference-server',
    ...STACK_LABELS,
  };
}

/** The labels of what belongs to no one server. */
export function clusterLabels(component: string, instance: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'triton-stack',
    'app.kubernetes.io/instance': instance,
    'app.kubernetes.io/component': component,
    ...STACK_LABELS,
  };
}

const HASH_LENGTH = 8;

/** A short digest of some content: an object named by its content is replaced, and its users roll, when that changes. */
export function contentHash(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, HASH_LENGTH);
}
