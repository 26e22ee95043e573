import type { Backend } from './backend';
import type { Input, Output } from './tensor';

const scalar = (name: string, dataType: Input['dataType'], optional = true): Input => ({
  name,
  dataType,
  dims: [1],
  reshape: [],
  ...(optional && { optional }),
});

/**
 * The inputs of an engine that a decoder of text needs (NVIDIA/TensorRT-LLM, triton_backend/all_models/
 * inflight_batcher_llm/tensorrt_llm/config.pbtxt). Those of LoRA, prompt tables, encoders, drafts and guided decoding
 * are left out until a model has them.
 */
const ENGINE_INPUTS: readonly Input[] = [
  { name: 'input_ids', dataType: 'INT32', dims: [-1], ragged: true, optional: true },
  scalar('input_lengths', 'INT32', false),
  scalar('request_output_len', 'INT32', false),
  scalar('num_return_sequences', 'INT32'),
  scalar('end_id', 'INT32'),
  scalar('pad_id', 'INT32'),
  { name: 'stop_words_list', dataType: 'INT32', dims: [2, -1], ragged: true, optional: true },
  { name: 'bad_words_list', dataType: 'INT32', dims: [2, -1], ragged: true, optional: true },
  scalar('beam_width', 'INT32'),
  scalar('temperature', 'FP32'),
  scalar('runtime_top_k', 'INT32'),
  scalar('runtime_top_p', 'FP32'),
  scalar('len_penalty', 'FP32'),
  scalar('repetition_penalty', 'FP32'),
  scalar('min_tokens', 'INT32'),
  scalar('presence_penalty', 'FP32'),
  scalar('frequency_penalty', 'FP32'),
  scalar('seed', 'UINT64'),
  scalar('return_log_probs', 'BOOL'),
  scalar('stop', 'BOOL'),
  scalar('streaming', 'BOOL'),
];

const ENGINE_OUTPUTS: readonly Output[] = [
  { name: 'output_ids', dataType: 'INT32', dims: [-1, -1] },
  { name: 'sequence_length', dataType: 'INT32', dims: [-1] },
  { name: 'cum_log_probs', dataType: 'FP32', dims: [-1] },
  { name: 'output_log_probs', dataType: 'FP32', dims: [-1, -1] },
];

/** The LLM API's model (same repository, triton_backend/all_models/llmapi/tensorrt_llm/config.pbtxt). */
export const LLMAPI_INPUTS: readonly Input[] = [
  { name: 'text_input', dataType: 'STRING', dims: [-1] },
  ...(
    [
      ['streaming', 'BOOL'],
      ['sampling_param_best_of', 'INT32'],
      ['sampling_param_temperature', 'FP32'],
      ['sampling_param_top_k', 'INT32'],
      ['sampling_param_top_p', 'FP32'],
      ['sampling_param_frequency_penalty', 'FP32'],
      ['sampling_param_presence_penalty', 'FP32'],
      ['sampling_param_max_tokens', 'INT32'],
      ['sampling_param_seed', 'UINT64'],
      ['sampling_param_exclude_input_from_output', 'BOOL'],
      ['return_finish_reason', 'BOOL'],
      ['return_stop_reason', 'BOOL'],
      ['return_cumulative_logprob', 'BOOL'],
      ['stop', 'BOOL'],
    ] as const
  ).map(([name, dataType]): Input => ({ name, dataType, dims: [1], optional: true })),
  { name: 'sampling_param_stop', dataType: 'STRING', dims: [-1], optional: true },
];

export const LLMAPI_OUTPUTS: readonly Output[] = [
  { name: 'text_output', dataType: 'STRING', dims: [-1] },
  { name: 'finish_reason', dataType: 'STRING', dims: [-1] },
  { name: 'stop_reason', dataType: 'STRING', dims: [-1] },
  { name: 'cumulative_logprob', dataType: 'FP32', dims: [-1] },
];

/** vLLM's model fills in its own inputs and outputs (triton-inference-server/vllm_backend, src/model.py). */
export const VLLM_INPUTS: readonly Input[] = [
  { name: 'text_input', dataType: 'STRING', dims: [1] },
  { name: 'stream', dataType: 'BOOL', dims: [1], optional: true },
  { name: 'sampling_parameters', dataType: 'STRING', dims: [1], optional: true },
  { name: 'exclude_input_in_output', dataType: 'BOOL', dims: [1], optional: true },
];

export const VLLM_OUTPUTS: readonly Output[] = [{ name: 'text_output', dataType: 'STRING', dims: [-1] }];

/** What a model of this backend takes. */
export function modelInputs(backend: Backend): readonly Input[] {
  switch (backend.kind) {
    case 'tensorrtllm':
      return ENGINE_INPUTS;
    case 'llmapi':
      return LLMAPI_INPUTS;
    case 'vllm':
      return VLLM_INPUTS;
    default:
      return backend.inputs;
  }
}

/** What a model of this backend gives. */
export function modelOutputs(backend: Backend): readonly Output[] {
  switch (backend.kind) {
    case 'tensorrtllm':
      return ENGINE_OUTPUTS;
    case 'llmapi':
      return LLMAPI_OUTPUTS;
    case 'vllm':
      return VLLM_OUTPUTS;
    default:
      return backend.outputs;
  }
}
