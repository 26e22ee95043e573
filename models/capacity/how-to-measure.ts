import type { Model } from '../model';
import { InputError } from '../problem';
import { isLanguageModel } from '../spec/backend';
import { maxBatchSize } from '../spec/batching';

/**
 * What to say where nobody knows how fast a replica is: a service rate is measured, never derived from the model.
 *
 * @param stated - how the command takes the figures: `--service-seconds 1:A,64:B`
 */
export function missingServiceRate({ name, backend }: Pick<Model, 'name' | 'backend'>, stated: string): InputError {
  return new InputError(`capacity of ${name}`, [
    {
      key: 'service rate',
      reason: 'how long one replica takes was neither measured nor stated, and it follows from nothing else',
      fix: `${howToMeasure(name, backend)} Then state both: ${stated}; or declare them in the model (capacity).`,
    },
  ]);
}

function howToMeasure(name: string, backend: Model['backend']): string {
  if (isLanguageModel(backend)) {
    const { maxBatch } = backend;
    return `Run a load test against one replica that nobody else uses, with prompts and answers like your own: genai-perf profile -m ${name} --service-kind triton --streaming --concurrency 1, and again with --concurrency ${maxBatch}. Take the average request latency of each (A, B), and of the second the average time to first token (--first-token-seconds).`;
  }
  const batch = backend.kind === 'ensemble' ? backend.maxBatch : maxBatchSize(backend.batching);
  const again = batch > 1 ? `, and again with -b ${batch}` : '';
  return `Run a load test against one replica that nobody else uses: perf_analyzer -m ${name} -b 1 --concurrency-range 1${again}. Take the average request latency of each.`;
}
