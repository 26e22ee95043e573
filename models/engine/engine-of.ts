import type { AcceleratorName } from '../accelerator';
import { type EngineBuild, type EngineBuildInput, engineBuild } from '../engine-build';
import { kvPrecision, type TensorRtLlmBackend } from '../spec/backend';

/** Folders of a build where nobody names others. */
const PATHS = { model: 'checkpoint', checkpoint: 'converted', engine: 'engine' } as const;

/**
 * How the engine of a model is built.
 *
 * @throws InputError where it cannot be
 */
export function engineOf(
  backend: TensorRtLlmBackend,
  accelerator: AcceleratorName,
  paths?: EngineBuildInput['paths'],
): EngineBuild {
  return engineBuild(engineInput(backend, accelerator, paths));
}

/** What the engine of a model is built from and for. */
export function engineInput(
  backend: TensorRtLlmBackend,
  accelerator: AcceleratorName,
  paths: EngineBuildInput['paths'] = PATHS,
): EngineBuildInput {
  return {
    release: backend.release,
    family: backend.family ?? 'llama',
    precision: backend.precision as EngineBuildInput['precision'],
    kvCache: kvPrecision(backend),
    tensorParallel: backend.tensorParallel ?? 1,
    pipelineParallel: backend.pipelineParallel ?? 1,
    maxBatch: backend.maxBatch,
    maxInput: backend.maxInput,
    maxOutput: backend.maxOutput,
    ...(backend.maxNumTokens !== undefined && { maxNumTokens: backend.maxNumTokens }),
    accelerator,
    paths,
  };
}
