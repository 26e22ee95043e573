import { type TensorRtLlmBackend, worldSize } from '../spec/backend';

/**
 * Options of `examples/run.py` that read prompts of token ids and write answers of token ids (NVIDIA/TensorRT-LLM,
 * examples/run.py at 05316d33, parse_arguments and main). It has more; these are the ones that are used.
 */
export const EVALUATION_FLAGS: readonly string[] = [
  '--engine_dir',
  '--tokenizer_dir',
  '--input_file',
  '--output_csv',
  '--max_input_length',
  '--max_output_len',
];

/** Folders and files of an evaluation, and the examples of the release. */
export interface EvaluationPaths {
  readonly engine: string;
  readonly tokenizer: string;
  /** CSV, a prompt of token ids a line. */
  readonly prompts: string;
  /** CSV, a prompt and its answer a line. */
  readonly answers: string;
  readonly examples: string;
}

/** The command that has a built engine answer prompts: one process for each of its ranks. */
export function evaluationCommand(
  backend: Pick<TensorRtLlmBackend, 'tensorParallel' | 'pipelineParallel' | 'maxInput'>,
  paths: EvaluationPaths,
  answerTokens: number,
): string[] {
  const ranks = worldSize(backend);
  return [
    // Open MPI refuses root, which the image runs as, unless it is told.
    ...(ranks > 1 ? ['mpirun', '-n', `${ranks}`, '--allow-run-as-root'] : []),
    ...['python3', `${paths.examples}/run.py`],
    ...['--engine_dir', paths.engine, '--tokenizer_dir', paths.tokenizer],
    ...['--input_file', paths.prompts, '--output_csv', paths.answers],
    ...['--max_input_length', `${backend.maxInput}`, '--max_output_len', `${answerTokens}`],
  ];
}
