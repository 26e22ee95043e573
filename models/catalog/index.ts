import type { Model } from '../model';
import { llama31 } from './llama-3.1-8b';
import { resnet50 } from './resnet50';

/** Every model that an environment can serve, by name. */
export const catalog: ReadonlyMap<string, Model> = new Map([llama31, resnet50].map((model) => [model.name, model]));
