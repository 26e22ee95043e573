import type { EngineCommand } from './release-flags';

/** What became of an option that guides and older scripts still show. */
export interface ReplacedFlag {
  /** What is wrong with it, as a clause that follows the option. */
  readonly reason: string;
  /** What to write in its place. */
  readonly fix: string;
}

const removed = (release: string, fix: string): ReplacedFlag => ({
  reason: `was removed in TensorRT-LLM ${release}`,
  fix,
});
/** Options of the build.py scripts of TensorRT-LLM 0.7 and before (NVIDIA/TensorRT-LLM #1019, #1840). */
const ofBuildScript = (fix: string): ReplacedFlag => ({
  reason: 'belongs to the build.py scripts of TensorRT-LLM 0.7, which trtllm-build replaced',
  fix,
});
const ofCheckpoint = (fix: string): ReplacedFlag => ({
  reason: 'is decided when the checkpoint is made, not when the engine is built',
  fix,
});

const FP8 = ofCheckpoint('quantize the checkpoint: quantize.py --qformat fp8');
const PARALLEL = (flag: string): ReplacedFlag =>
  removed('0.12', `give ${flag} to convert_checkpoint.py or quantize.py; the checkpoint carries it`);
const DEFAULT = 'remove it: it is always on';

// docs/source/release-notes.md of NVIDIA/TensorRT-LLM, "API Changes" of the release that each entry names, except where
// a comment says otherwise. Every release that the stack supports is newer than the newest of them, 0.16.
const REPLACED: Readonly<Record<EngineCommand, Readonly<Record<string, ReplacedFlag>>>> = {
  convert: {
    '--use_embedding_sharing': removed('0.16', 'remove it: embeddings are shared where they can be'),
    '--max_output_len': ofBuildScript('give --max_seq_len, which counts input and output together, to trtllm-build'),
    '--use_inflight_batching': ofBuildScript(DEFAULT),
    '--use_gpt_attention_plugin': ofBuildScript('give --gpt_attention_plugin to trtllm-build'),
    '--use_gemm_plugin': ofBuildScript('give --gemm_plugin to trtllm-build'),
    '--enable_context_fmha': ofBuildScript('give --context_fmha to trtllm-build; it is on by default'),
    '--world_size': ofBuildScript('write --tp_size and --pp_size, whose product it is'),
    '--qformat': { reason: 'belongs to quantize.py', fix: 'make the checkpoint with quantize.py --qformat' },
    '--kv_cache_dtype': { reason: 'belongs to quantize.py', fix: 'make the checkpoint with quantize.py' },
  },
  quantize: {
    '--use_fp8': { reason: 'is no option of it', fix: 'write --qformat fp8' },
    '--use_int8': { reason: 'is no option of it', fix: 'write --qformat int8_sq or --qformat int8_wo' },
    '--world_size': { reason: 'is no option of it', fix: 'write --tp_size and --pp_size, whose product it is' },
  },
  build: {
    '--max_output_len': removed('0.12', 'write --max_seq_len, which counts input and output together'),
    '--use_custom_all_reduce': removed('0.12', 'remove it: the kernel is chosen when the engine runs'),
    '--multi_block_mode': removed('0.12', 'remove it: it is set where the engine runs, and on by default'),
    '--context_fmha_fp32_acc': removed('0.12', 'remove it: it is set where the engine runs'),
    '--tp_size': PARALLEL('--tp_size'),
    '--pp_size': PARALLEL('--pp_size'),
    '--cp_size': PARALLEL('--cp_size'),
    '--world_size': removed('0.9', 'give --tp_size and --pp_size to convert_checkpoint.py or quantize.py'),
    '--weight_only_precision': removed('0.11', 'quantize the checkpoint: quantize.py --qformat int8_wo or int4_wo'),
    '--attention_qk_half_accumulation': removed('0.11', 'remove it'),
    '--use_context_fmha_for_generation': removed('0.11', 'remove it: it had no effect any more'),
    '--strongly_typed': removed('0.11', DEFAULT),
    '--builder_opt': removed('0.14', 'remove it'),
    '--builder_force_num_profiles': removed('0.15', 'set the environment variable BUILDER_FORCE_NUM_PROFILES'),
    '--enable_xqa': removed('0.16', 'remove it: the kernels are chosen when the engine runs'),
    // Documents changed from the one to the other between tensorrtllm_backend's v0.12.0 and v0.13.0; the parser still
    // takes the old one, with a warning (commands/build.py, tags v0.16.0 and after).
    '--paged_kv_cache': {
      reason: 'is deprecated since TensorRT-LLM 0.13, and contradicts --kv_cache_type where the two differ',
      fix: 'write --kv_cache_type paged',
    },
    '--use_paged_kv_cache': ofBuildScript('write --kv_cache_type paged'),
    // #1019: it stood for the attention plugin, the paged cache and the removal of padding.
    '--use_inflight_batching': ofBuildScript(`${DEFAULT} with --kv_cache_type paged`),
    '--use_gpt_attention_plugin': ofBuildScript('write --gpt_attention_plugin; it is on by default'),
    '--use_gemm_plugin': ofBuildScript('write --gemm_plugin'),
    '--use_rmsnorm_plugin': ofBuildScript('remove it'),
    '--enable_context_fmha': ofBuildScript('write --context_fmha enable; it is on by default'),
    '--use_fp8': FP8,
    '--enable_fp8': FP8,
    '--fp8_kv_cache': ofCheckpoint('quantize the checkpoint: quantize.py --kv_cache_dtype fp8'),
    '--int8_kv_cache': ofCheckpoint('quantize the checkpoint: quantize.py --kv_cache_dtype int8'),
    '--use_int8': ofCheckpoint('quantize the checkpoint: quantize.py --qformat int8_sq or int8_wo'),
    '--use_weight_only': ofCheckpoint('quantize the checkpoint: quantize.py --qformat int8_wo or int4_wo'),
    '--use_smooth_quant': ofCheckpoint('quantize the checkpoint: quantize.py --qformat int8_sq'),
    '--dtype': ofCheckpoint('give --dtype to convert_checkpoint.py or quantize.py'),
    '--qformat': ofCheckpoint('give it to quantize.py'),
    '--kv_cache_dtype': ofCheckpoint('give it to quantize.py'),
    '--model_dir': ofCheckpoint('convert the model first, and give the result as --checkpoint_dir'),
  },
};

/** What became of the option, if it is one that guides and older scripts show. */
export function replacedFlag(command: EngineCommand, flag: string): ReplacedFlag | undefined {
  return Object.hasOwn(REPLACED[command], flag) ? REPLACED[command][flag] : undefined;
}
