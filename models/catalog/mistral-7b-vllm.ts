import { defineModel } from '../model';

/**
 * Mistral 7B Instruct v0.3 in bf16 on one L4, with vLLM.
 *
 * Dimensions: `config.json` of mistralai/Mistral-7B-Instruct-v0.3 on Hugging Face.
 */
export const mistralVllm = defineModel({
  name: 'mistral-7b-vllm',
  backend: {
    kind: 'vllm',
    architecture: { layers: 32, hidden: 4096, ffn: 14_336, heads: 32, kvHeads: 8, headDim: 128, vocab: 32_768 },
    precision: 'bf16',
    maxBatch: 16,
    maxInput: 3072,
    maxOutput: 1024,
    maxNumTokens: 4096,
  },
  accelerator: 'nvidia-l4',
  // vLLM tells Triton of no queue: nothing to scale on.
  scale: { min: 1, max: 1 },
  deadlineSeconds: 60,
});
