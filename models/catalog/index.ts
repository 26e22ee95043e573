import type { Model } from '../model';
import { didYouMean } from '../parse';
import type { Problem } from '../problem';
import { llama31 } from './llama-3.1-8b';
import { llama31Large } from './llama-3.1-70b';
import { mistralVllm } from './mistral-7b-vllm';
import { qwenLlmApi } from './qwen2.5-7b-llmapi';
import { resnet50 } from './resnet50';
import { resnet50Image } from './resnet50-image';

const MODELS = [llama31, llama31Large, mistralVllm, qwenLlmApi, resnet50, resnet50Image];

/** Every model that an environment can serve, by name. */
export const catalog: ReadonlyMap<string, Model> = new Map(MODELS.map((model) => [model.name, model]));

/** The problem with a name that no model of the catalogue has. */
export function uncatalogued(key: string, name: string): Problem {
  const names = [...catalog.keys()];
  const meant = didYouMean(name, names);
  return {
    key,
    value: name,
    reason: 'is not in the catalogue',
    allowed: names.join(', '),
    fix: meant === undefined ? 'add it to models/catalog/' : `did you mean ${meant}?`,
  };
}
