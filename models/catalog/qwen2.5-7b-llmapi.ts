import { defineModel } from '../model';

/**
 * Qwen2.5 7B Instruct in bf16 on one L4, with TensorRT-LLM's LLM API.
 *
 * Dimensions: `config.json` of Qwen/Qwen2.5-7B-Instruct on Hugging Face.
 */
export const qwenLlmApi = defineModel({
  name: 'qwen2.5-7b-llmapi',
  backend: {
    kind: 'llmapi',
    release: '1.0',
    architecture: {
      layers: 28,
      hidden: 3584,
      ffn: 18_944,
      heads: 28,
      kvHeads: 4,
      headDim: 128,
      vocab: 152_064,
      attentionBias: true,
    },
    precision: 'bf16',
    maxBatch: 16,
    maxInput: 3072,
    maxOutput: 1024,
    maxNumTokens: 4096,
  },
  accelerator: 'nvidia-l4',
  // The LLM API tells Triton of no queue: nothing to scale on.
  scale: { min: 1, max: 1 },
  deadlineSeconds: 60,
});
