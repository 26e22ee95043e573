import { gpuOf } from '../accelerator';
import type { Model } from '../model';
import { sha256Of } from '../release-manifest';
import { allModels, kvPrecision, maxNumTokens, type TensorRtLlmBackend } from '../spec/backend';

/** What an engine is built from and for: another value of any of them is another engine. */
export interface EngineInputs {
  /** SHA-256 of all of them, hexadecimal. */
  readonly digest: string;
  /** By their keys in the model's description, with defaults filled in; of an ensemble's members behind their names. */
  readonly inputs: Readonly<Record<string, string | number>>;
}

/** What the engines of a model are built from: undefined where it has none that TensorRT-LLM builds. */
export function engineInputs(model: Model): EngineInputs | undefined {
  const entries = allModels(model).flatMap((member): [string, string | number][] => {
    if (member.backend.kind !== 'tensorrtllm') return [];
    const inputs = Object.entries(inputsOf(member.backend, member));
    return member === model ? inputs : inputs.map(([key, value]) => [`${member.name}: ${key}`, value]);
  });
  if (entries.length === 0) return undefined;
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return { digest: sha256Of(JSON.stringify(sorted)), inputs: Object.fromEntries(sorted) };
}

function inputsOf(backend: TensorRtLlmBackend, { accelerator }: Model): Record<string, string | number> {
  const { release, family = 'llama', precision, tensorParallel = 1, pipelineParallel = 1 } = backend;
  const { maxBatch, maxInput, maxOutput, architecture } = backend;
  const dimensions = Object.entries(architecture).filter(([, value]) => value !== undefined);
  return {
    accelerator: gpuOf(accelerator),
    ...Object.fromEntries(
      Object.entries({
        release,
        family,
        precision,
        kvCache: kvPrecision(backend),
        tensorParallel,
        pipelineParallel,
        maxBatch,
        maxInput,
        maxOutput,
        maxNumTokens: maxNumTokens(backend),
      }).map(([key, value]) => [`backend.${key}`, value]),
    ),
    ...Object.fromEntries(dimensions.map(([key, value]) => [`backend.architecture.${key}`, String(value)])),
  };
}
