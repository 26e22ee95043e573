import { defineModel } from '../model';

/**
 * Llama 3.1 70B Instruct in bf16 over four A100 80 GB of one node.
 *
 * Dimensions: `config.json` of meta-llama/Llama-3.1-70B-Instruct on Hugging Face.
 */
export const llama31Large = defineModel({
  name: 'llama-3.1-70b',
  backend: {
    kind: 'tensorrtllm',
    release: '1.0',
    architecture: { layers: 80, hidden: 8192, ffn: 28_672, heads: 64, kvHeads: 8, headDim: 128, vocab: 128_256 },
    precision: 'bf16',
    tensorParallel: 4,
    maxBatch: 64,
    maxInput: 8192,
    maxOutput: 2048,
  },
  accelerator: 'nvidia-a100-80gb',
  scale: { min: 1, max: 2 },
  deadlineSeconds: 120,
});
