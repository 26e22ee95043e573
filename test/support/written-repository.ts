import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Model } from '../../models/model';
import { repositoryLayout } from '../../models/repository/layout';
import { isLanguageModel, worldSize } from '../../models/spec/backend';

/**
 * Writes a model's repository, with something small where artifacts belong.
 *
 * @param modelPy - what stands in each model.py. @default nothing
 */
export function writeRepository(folder: string, model: Model, modelPy = ''): void {
  const { backend } = model;
  const engine = isLanguageModel(backend) ? engineConfig(worldSize(backend), backend.maxBatch) : '';
  for (const entry of repositoryLayout(model)) {
    const path = join(folder, entry.path);
    mkdirSync(entry.path.endsWith('/') ? path : dirname(path), { recursive: true });
    if (entry.path.endsWith('/')) continue;
    writeFileSync(path, 'content' in entry ? entry.content : standIn(entry.path, modelPy, engine));
  }
}

/** Gives a model parameters that only the stand-in of its backend reads (triton/stand-in/model.py). */
export function addParameters(
  folder: string,
  model: Model,
  parameters: Readonly<Record<string, string | number>>,
): void {
  const lines = Object.entries(parameters).map(
    ([key, value]) => `parameters { key: "${key}" value { string_value: "${value}" } }\n`,
  );
  appendFileSync(join(folder, model.name, 'config.pbtxt'), `\n${lines.join('')}`);
}

function standIn(path: string, modelPy: string, engine: string): string {
  if (path.endsWith('model.py')) return modelPy;
  return path.endsWith('config.json') ? engine : '';
}

/** What an engine's own configuration says that is checked against config.pbtxt. */
function engineConfig(ranks: number, batch: number): string {
  return JSON.stringify({
    build_config: { max_batch_size: batch },
    pretrained_config: { mapping: { world_size: ranks, tp_size: ranks, pp_size: 1 } },
  });
}
