import { ACCELERATORS, type AcceleratorName, accelerator } from './accelerator';
import {
  DTYPES,
  type EngineBuildInput,
  hasPagedContextAttention,
  hasQuantizedCache,
  inputProblems,
  isQuantized,
  QFORMATS,
} from './engine/engine-input';
import { commandFlags, type EngineCommand } from './engine/release-flags';
import { InputError } from './problem';
import { maxNumTokens, maxSequence, worldSize } from './spec/backend';

export { checkEngineFlags } from './engine/check-engine-flags';
export type { EngineBuildInput, EnginePrecision } from './engine/engine-input';
export type { CheckpointFamily, EngineCommand } from './engine/release-flags';

/** One command of an engine build. */
export interface EngineBuildStep {
  readonly name: EngineCommand;
  /** Program and arguments. */
  readonly command: string[];
}

/** An engine build, and what comes of it. */
export interface EngineBuild {
  /** One of convert and quantize, then build. Quantizing and building need a GPU, and building the one that serves. */
  readonly steps: EngineBuildStep[];
  /** Where the engine runs. */
  readonly runsOn: {
    /** CUDA compute capability. */
    readonly computeCapability: number;
    readonly accelerators: AcceleratorName[];
    readonly reason: string;
  };
  /** The files that the build leaves in the engine's folder. */
  readonly engineFiles: string[];
  /** Whether the engine can reuse cached prefixes and chunk long prompts; if not, the server has to leave both off. */
  readonly pagedContextAttention: boolean;
}

/** Exported as they are, without a pass over data (quantize_by_modelopt.py, quantize_and_export). */
const UNCALIBRATED = ['full_prec', 'int8_wo', 'int4_wo'];

/** Dockerfile.triton.trt_llm_backend of tensorrtllm_backend, r25.10: WORKDIR /app, COPY .../examples examples. */
const EXAMPLES = '/app/examples';

/**
 * The commands that make an engine of a checkpoint, and what comes of them.
 *
 * Parallel sizes go to the step that makes the checkpoint alone. Quantized weights, and a quantized cache, go through
 * `quantize.py`, all else through the family's `convert_checkpoint.py`.
 *
 * @throws InputError with every problem of the input
 */
export function engineBuild(input: EngineBuildInput): EngineBuild {
  const problems = inputProblems(input);
  if (problems.length > 0) throw new InputError('engine build', problems);
  const { computeCapability } = accelerator(input.accelerator);
  return {
    steps: [isQuantized(input) ? quantizeStep(input) : convertStep(input), buildStep(input)],
    runsOn: {
      computeCapability,
      accelerators: ACCELERATORS.filter((name) => accelerator(name).computeCapability === computeCapability),
      reason: portability(input.accelerator),
    },
    // tensorrt_llm/builder.py, Engine.save: rank 0 writes the configuration, each rank its engine.
    engineFiles: ['config.json', ...Array.from({ length: worldSize(input) }, (_, rank) => `rank${rank}.engine`)],
    pagedContextAttention: hasPagedContextAttention(input),
  };
}

/**
 * TensorRT's support matrix, "Engine portability": no other architecture without hardware compatibility mode, which
 * trtllm-build has no option for. TensorRT-LLM #1807: an engine from an A100 80 GB failed on an L4, and started on an
 * A100 40 GB with a warning; "please build and deploy on the same type of GPU".
 */
function portability(name: AcceleratorName): string {
  const { label, computeCapability } = accelerator(name);
  return (
    `an engine runs on the compute capability it was built on, ${computeCapability.toFixed(1)}, and under the ` +
    `TensorRT-LLM release that built it; on a GPU of that capability other than ${label} it starts with a warning`
  );
}

function convertStep(input: EngineBuildInput): EngineBuildStep {
  return {
    name: 'convert',
    command: [
      ...script(input, 'convert'),
      ...checkpointFolders(input),
      ...['--dtype', dtype(input)],
      ...parallelSizes(input),
      ...workers(input),
    ],
  };
}

function quantizeStep(input: EngineBuildInput): EngineBuildStep {
  const qformat = QFORMATS[input.precision];
  const calibrates = !UNCALIBRATED.includes(qformat) || hasQuantizedCache(input);
  return {
    name: 'quantize',
    command: [
      ...script(input, 'quantize'),
      ...checkpointFolders(input),
      ...['--dtype', dtype(input)],
      ...['--qformat', qformat],
      // Left out, the cache is not quantized: the option knows no type of 16 bits.
      ...(hasQuantizedCache(input) ? ['--kv_cache_dtype', input.kvCache] : []),
      ...parallelSizes(input),
      ...(calibrates && input.calibrationDataset !== undefined ? ['--calib_dataset', input.calibrationDataset] : []),
    ],
  };
}

function buildStep(input: EngineBuildInput): EngineBuildStep {
  return {
    name: 'build',
    command: [
      commandFlags(input.release, 'build', input.family).program,
      ...['--checkpoint_dir', input.paths.checkpoint, '--output_dir', input.paths.engine],
      ...['--max_batch_size', `${input.maxBatch}`],
      ...['--max_input_len', `${input.maxInput}`],
      ...['--max_seq_len', `${maxSequence(input)}`],
      ...['--max_num_tokens', `${maxNumTokens(input)}`],
      ...['--gemm_plugin', gemmPlugin(input)],
      // In-flight batching needs it.
      ...['--kv_cache_type', 'paged'],
      ...['--use_paged_context_fmha', hasPagedContextAttention(input) ? 'enable' : 'disable'],
      ...(input.multipleProfiles === true ? ['--multiple_profiles', 'enable'] : []),
      ...workers(input),
    ],
  };
}

function script({ release, family, paths }: EngineBuildInput, command: EngineCommand): string[] {
  return ['python3', `${paths.examples ?? EXAMPLES}/${commandFlags(release, command, family).program}`];
}

function checkpointFolders({ paths }: EngineBuildInput): string[] {
  return ['--model_dir', paths.model, '--output_dir', paths.checkpoint];
}

function parallelSizes({ tensorParallel, pipelineParallel }: EngineBuildInput): string[] {
  return ['--tp_size', `${tensorParallel}`, '--pp_size', `${pipelineParallel}`];
}

function workers({ workers }: EngineBuildInput): string[] {
  return workers === undefined ? [] : ['--workers', `${workers}`];
}

/** What is computed in 16 bits: `auto` is the type that the checkpoint has, where neither weights nor cache say it. */
function dtype({ precision, kvCache }: EngineBuildInput): string {
  return DTYPES[precision] ?? DTYPES[kvCache] ?? 'auto';
}

function gemmPlugin({ gemmPlugin, precision }: EngineBuildInput): string {
  return gemmPlugin ?? (precision === 'fp8' || precision === 'nvfp4' ? 'disable' : 'auto');
}
