import type { AcceleratorName } from '../accelerator';
import { maxNumTokens, maxSequence, type TensorRtLlmBackend, worldSize } from '../spec/backend';
import type { KvPrecision, Precision } from '../spec/precision';
import { hasPagedContextAttention, hasQuantizedCache } from './engine-input';
import { engineInput } from './engine-of';

/** Fields of an engine's config.json by their paths in it, and the values that an engine of this model has there. */
export type EngineMetadata = Readonly<Record<string, string | number | boolean | null>>;

/**
 * What `config.json` calls the recipes of quantize.py (`QuantAlgo` of tensorrt_llm/quantization/mode.py, by the table of
 * `QuantConfig._get_modelopt_qformat` in tensorrt_llm/models/modeling_utils.py).
 */
const QUANT_ALGO: Readonly<Record<Precision, string | null>> = {
  fp32: null,
  fp16: null,
  bf16: null,
  fp8: 'FP8',
  'int8-sq': 'W8A8_SQ_PER_CHANNEL',
  'int8-wo': 'W8A16',
  'int4-wo': 'W4A16',
  'int4-awq': 'W4A16_AWQ',
  'w4a8-awq': 'W4A8_AWQ',
  nvfp4: 'NVFP4',
};
/** As above, `kv_cache_quant_algo`. */
const KV_QUANT_ALGO: Readonly<Record<KvPrecision, string | null>> = {
  fp16: null,
  bf16: null,
  fp8: 'FP8',
  int8: 'INT8',
};

/**
 * What the config.json of a model's engine says where it was built for this model. Its parts are those of
 * `Engine.save` (tensorrt_llm/builder.py): `version`, `pretrained_config`, `build_config`.
 */
export function engineMetadata(backend: TensorRtLlmBackend, accelerator: AcceleratorName): EngineMetadata {
  const input = engineInput(backend, accelerator);
  const { architecture } = backend;
  return {
    'build_config.max_batch_size': backend.maxBatch,
    'build_config.max_input_len': backend.maxInput,
    'build_config.max_num_tokens': maxNumTokens(backend),
    'build_config.max_seq_len': maxSequence(backend),
    'build_config.plugin_config.use_paged_context_fmha': hasPagedContextAttention(input),
    'pretrained_config.hidden_size': architecture.hidden,
    'pretrained_config.mapping.pp_size': input.pipelineParallel,
    'pretrained_config.mapping.tp_size': input.tensorParallel,
    'pretrained_config.mapping.world_size': worldSize(backend),
    'pretrained_config.num_attention_heads': architecture.heads,
    'pretrained_config.num_hidden_layers': architecture.layers,
    'pretrained_config.num_key_value_heads': architecture.kvHeads,
    'pretrained_config.quantization.kv_cache_quant_algo': hasQuantizedCache(input)
      ? KV_QUANT_ALGO[input.kvCache]
      : null,
    'pretrained_config.quantization.quant_algo': QUANT_ALGO[input.precision],
    'pretrained_config.vocab_size': architecture.vocab,
  };
}
