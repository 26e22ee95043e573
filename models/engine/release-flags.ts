import type { TensorRtLlmRelease } from '../versions';

/** The steps of an engine build, by what they do. */
export const ENGINE_COMMANDS = ['convert', 'quantize', 'build'] as const;
export type EngineCommand = (typeof ENGINE_COMMANDS)[number];

/** Families of models whose checkpoints the examples convert. */
export const CHECKPOINT_FAMILIES = ['llama', 'mistral', 'mixtral', 'qwen'] as const;
export type CheckpointFamily = (typeof CHECKPOINT_FAMILIES)[number];

/** The options of one command of one TensorRT-LLM release. */
export interface CommandFlags {
  /** What is run: a program of the image, or a script below its folder of examples. */
  readonly program: string;
  readonly flags: readonly string[];
  /**
   * Options that stand in a version from after the release, and could not be looked up in one from before it. They are
   * neither emitted nor reported.
   */
  readonly unsettled: readonly string[];
}

/** The options that one command of a release has. */
export function commandFlags(
  release: TensorRtLlmRelease,
  command: EngineCommand,
  family: CheckpointFamily,
): CommandFlags {
  const commands = RELEASES[release];
  return command === 'convert' ? commands.convert[family] : commands[command];
}

interface ReleaseCommands {
  readonly convert: Readonly<Record<CheckpointFamily, CommandFlags>>;
  readonly quantize: CommandFlags;
  readonly build: CommandFlags;
}

const flags = (names: string): string[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => `--${name}`);

// Tag v1.0.0 is NVIDIA/TensorRT-LLM ae8270b7 (September 2025: the submodule of tensorrtllm_backend's v1.0.0, r25.10).
// The parsers were read in the nearest versions that could be had, and `flags` holds what all of those have:
// - tensorrt_llm/commands/build.py at 42a7b092 (tag v0.16.0), at 008b2b8d, and at 65f1d153, where auto parallelism
//   is gone and nothing else: #8329 removed it in October 2025, after the tag;
// - tensorrt_llm/plugin/plugin.py, cli_plugin_args, before and after PluginConfig became a pydantic model (c20322ff);
// - examples/quantization/quantize.py at c8c6df08 and at 059c97c1;
// - examples/models/core/llama/convert_checkpoint.py at fd96a08b, examples/models/core/qwen/convert_checkpoint.py at
//   0df9aaf3. The script of Mistral and Mixtral is Llama's (tensorrtllm_backend v1.0.0, README.md, Mixtral8x22B).
// Most of what is emitted is besides in use in tensorrtllm_backend v1.0.0, README.md and docs.
const CONVERT_COMMON = flags(`
  model_dir output_dir dtype tp_size pp_size cp_size moe_tp_size moe_ep_size workers use_weight_only
  weight_only_precision disable_weight_only_quant_plugin calib_dataset smoothquant per_channel per_token int8_kv_cache
  per_group group_size load_model_on_cpu use_parallel_embedding embedding_sharding_dim`);

const CONVERT_LLAMA: CommandFlags = {
  program: 'models/core/llama/convert_checkpoint.py',
  flags: CONVERT_COMMON,
  unsettled: flags(`
    meta_ckpt_dir vocab_size n_positions n_layer n_head n_kv_head n_embd inter_size multiple_of ffn_dim_multiplier
    rms_norm_eps calib_size calib_max_seq_length use_qserve fp8_kv_cache quant_ckpt_path use_fp8 use_nvfp4
    use_fp8_rowwise use_meta_fp8_rowwise_recipe load_by_shard hidden_act rotary_base moe_num_experts moe_top_k
    moe_renorm_mode save_config_only remove_duplicated_kv_heads log_level`),
};

const CONVERT_QWEN: CommandFlags = {
  program: 'models/core/qwen/convert_checkpoint.py',
  flags: CONVERT_COMMON,
  unsettled: [],
};

const RELEASES: Readonly<Record<TensorRtLlmRelease, ReleaseCommands>> = {
  '1.0': {
    convert: { llama: CONVERT_LLAMA, mistral: CONVERT_LLAMA, mixtral: CONVERT_LLAMA, qwen: CONVERT_QWEN },
    quantize: {
      program: 'quantization/quantize.py',
      flags: flags(`
        model_dir output_dir dtype qformat kv_cache_dtype tp_size pp_size cp_size calib_dataset calib_size
        calib_max_seq_length calib_tp_size calib_pp_size batch_size awq_block_size quantize_lm_head seed
        tokenizer_max_seq_length device device_map nemo_ckpt_path decoder_type autoq_format auto_quantize_bits
        num_medusa_heads num_medusa_layers max_draft_len medusa_hidden_act medusa_model_dir quant_medusa_head`),
      unsettled: flags('export_format'),
    },
    build: {
      program: 'trtllm-build',
      flags: flags(`
        checkpoint_dir model_config build_config model_cls_file model_cls_name output_dir max_batch_size max_input_len
        max_seq_len max_decoder_seq_len max_beam_width max_num_tokens opt_num_tokens max_encoder_input_len
        max_prompt_embedding_table_size max_multimodal_len kv_cache_type paged_kv_cache input_timing_cache
        output_timing_cache profiling_verbosity strip_plan weight_sparsity weight_streaming fast_build workers log_level
        enable_debug_output visualize_network dry_run monitor_memory logits_dtype gather_context_logits
        gather_generation_logits gather_all_token_logits lora_dir lora_ckpt_source lora_target_modules max_lora_rank
        speculative_decoding_mode max_draft_len auto_parallel gpus_per_node cluster_key bert_attention_plugin
        gpt_attention_plugin gemm_plugin gemm_swiglu_plugin fp8_rowwise_gemm_plugin lora_plugin dora_plugin moe_plugin
        mamba_conv1d_plugin nccl_plugin low_latency_gemm_plugin low_latency_gemm_swiglu_plugin gemm_allreduce_plugin
        context_fmha bert_context_fmha_fp32_acc remove_input_padding tokens_per_block use_paged_context_fmha
        use_fp8_context_fmha fuse_fp4_quant multiple_profiles paged_state streamingllm norm_quant_fusion reduce_fusion
        user_buffer use_fused_mlp pp_reduce_scatter`),
      unsettled: [],
    },
  },
};
