import { defineNim } from '../nim';

/** Llama 3.1 8B Instruct as NVIDIA packs it, on one L4. NVIDIA's own tutorial gives its cache 25 GiB. */
export const nimLlama31 = defineNim({
  name: 'nim-llama-3.1-8b',
  nim: 'llama-3.1-8b-instruct',
  accelerator: 'nvidia-l4',
  cacheGib: 25,
  maxRequests: 24,
  scale: { min: 1, max: 4 },
});
