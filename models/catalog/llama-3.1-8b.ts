import { defineModel } from '../model';

/**
 * Llama 3.1 8B Instruct in FP8 on one L4.
 *
 * Promise: the goals that were set for a Llama 3 8B on one L4: first tokens within 2 s, 25 tokens a second a request.
 * Dimensions: `config.json` of meta-llama/Llama-3.1-8B-Instruct on Hugging Face.
 */
export const llama31 = defineModel({
  name: 'llama-3.1-8b',
  backend: {
    kind: 'tensorrtllm',
    release: '1.0',
    architecture: { layers: 32, hidden: 4096, ffn: 14_336, heads: 32, kvHeads: 8, headDim: 128, vocab: 128_256 },
    precision: 'fp8',
    kvCache: 'fp8',
    maxBatch: 64,
    maxInput: 4096,
    maxOutput: 1024,
  },
  accelerator: 'nvidia-l4',
  scale: { min: 1, max: 4 },
  deadlineSeconds: 60,
  promise: { firstToken: { p95Seconds: 2 }, interToken: { p95Seconds: 0.04 } },
});
