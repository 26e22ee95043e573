import { describe, expect, it } from 'vitest';
import { fitChanges } from '../../models/fit';
import { GIB, kvBytesPerToken, memoryFit } from '../../models/memory';
import { languageModelBytes, parameterCount } from '../../models/size';
import type { Architecture } from '../../models/spec/architecture';
import { architectureFromHuggingFace } from '../../models/spec/architecture';
import type { LanguageModelBackend } from '../../models/spec/backend';

const dims = (
  [layers, hidden, ffn, heads, kvHeads, headDim, vocab]: readonly [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ],
  more: Partial<Architecture> = {},
): Architecture => ({ layers, hidden, ffn, heads, kvHeads, headDim, vocab, ...more });

const LLAMA_8B = dims([32, 4096, 14336, 32, 8, 128, 128256]);
const LLAMA_70B = dims([80, 8192, 28672, 64, 8, 128, 128256]);

// Model cards and config.json on Hugging Face; parameters in billions, KiB of 16-bit cache a token.
const KNOWN: [string, Architecture, number, number][] = [
  ['Llama-3.1-8B', LLAMA_8B, 8.03, 128],
  ['Llama-3.1-70B', LLAMA_70B, 70.554, 320],
  ['Llama-3.1-405B', dims([126, 16384, 53248, 128, 8, 128, 128256]), 405.853, 504],
  ['Llama-2-7B', dims([32, 4096, 11008, 32, 32, 128, 32000]), 6.738, 512],
  ['Mistral-7B-v0.3', dims([32, 4096, 14336, 32, 8, 128, 32768]), 7.248, 128],
  ['Qwen2.5-7B', dims([28, 3584, 18944, 28, 4, 128, 152064], { attentionBias: true }), 7.616, 56],
  ['Qwen2.5-72B', dims([80, 8192, 29568, 64, 8, 128, 152064], { attentionBias: true }), 72.706, 320],
  ['Mixtral-8x7B', dims([32, 4096, 14336, 32, 8, 128, 32000], { experts: 8, activeExperts: 2 }), 46.703, 128],
];

function engine(architecture: Architecture, more: Partial<LanguageModelBackend> = {}): LanguageModelBackend {
  return {
    kind: 'tensorrtllm',
    release: '1.0',
    architecture,
    precision: 'fp16',
    maxBatch: 24,
    maxInput: 1536,
    maxOutput: 512,
    ...more,
  } as LanguageModelBackend;
}

describe('what is known of models', () => {
  it.each(KNOWN)('%s: parameters', (_name, architecture, billions) => {
    expect(parameterCount(architecture) / 1e9).toBeCloseTo(billions, 2);
  });

  it.each(KNOWN)('%s: cache a token', (_name, architecture, _billions, kib) => {
    expect(kvBytesPerToken(engine(architecture)) / 1024).toBe(kib);
  });

  it('Llama-3-8B in FP16 takes 15 GiB, not 12', () => {
    expect(languageModelBytes(engine(LLAMA_8B), 'fp16') / GIB).toBeCloseTo(14.96, 2);
  });
});

describe('memoryFit', () => {
  it('adds up', () => {
    const { layout } = memoryFit({ accelerator: 'nvidia-l4', backend: engine(LLAMA_8B) });
    const { gpu, weights, activations, context, kvCache, free } = layout;
    expect(weights + activations + context + kvCache + free).toBeCloseTo(gpu, 0);
  });

  // The field draws 24 requests of 2,048 tokens on one L4: in FP16 their cache alone would be 6 GiB.
  it('holds fewer than 24 requests of 2,048 tokens beside Llama-3-8B in FP16 on an L4', () => {
    const fit = memoryFit({ accelerator: 'nvidia-l4', backend: engine(LLAMA_8B, { maxNumTokens: 2048 }) });
    expect(fit.fits).toBe(true);
    expect(fit.kv?.longestSequence).toBe(2048);
    expect(fit.kv?.sequences).toBeGreaterThan(10);
    expect(fit.kv?.sequences).toBeLessThan(24);
    const quantized = engine(LLAMA_8B, { precision: 'fp8', kvCache: 'fp8' });
    expect(memoryFit({ accelerator: 'nvidia-l4', backend: quantized }).kv?.sequences).toBeGreaterThan(24);
  });

  it.each([
    [1, 'nvidia-tesla-a100', false],
    [2, 'nvidia-tesla-a100', false],
    [4, 'nvidia-tesla-a100', true],
    [1, 'nvidia-a100-80gb', false],
    [2, 'nvidia-a100-80gb', true],
  ] as const)('70B in FP16 over %i x %s: %s', (tensorParallel, accelerator, fits) => {
    expect(memoryFit({ accelerator, backend: engine(LLAMA_70B, { tensorParallel }) }).fits).toBe(fits);
  });

  it('70B over 4 x A100 40 GB leaves a cache of a few sequences', () => {
    const { kv } = memoryFit({ accelerator: 'nvidia-tesla-a100', backend: engine(LLAMA_70B, { tensorParallel: 4 }) });
    expect(kv?.sequences).toBeGreaterThan(5);
    expect(kv?.sequences).toBeLessThan(40);
  });

  it('does not call a cache that holds less than one sequence a fit', () => {
    const fit = memoryFit({
      accelerator: 'nvidia-l4',
      backend: engine(LLAMA_8B, { maxInput: 100_000, maxNumTokens: 2048, kind: 'vllm' } as never),
    });
    expect(fit.kv?.tokens).toBeGreaterThan(0);
    expect(fit.fits).toBe(false);
    expect(!fit.fits && fit.missing).toBeGreaterThan(0);
  });

  it('counts every instance of a tensor model on a GPU', () => {
    const backend = {
      kind: 'onnxruntime',
      bytes: 4 * GIB,
      inputs: [{ name: 'a', dataType: 'FP32', dims: [1] }],
      outputs: [{ name: 'b', dataType: 'FP32', dims: [1] }],
      batching: { kind: 'none' },
      instances: [{ count: 2 }, { count: 3, kind: 'cpu' }],
      workspaceBytes: GIB,
    } as const;
    const { layout } = memoryFit({ accelerator: 'nvidia-l4', backend });
    expect(layout).toMatchObject({ weights: 8 * GIB, activations: 2 * GIB });
    expect(memoryFit({ accelerator: 'nvidia-l4', backend: { ...backend, instances: [{ count: 6 }] } }).fits).toBe(
      false,
    );
  });
});

describe('fitChanges', () => {
  it('names changes that make it fit, cheapest first, each with its figures', () => {
    const changes = fitChanges({ accelerator: 'nvidia-tesla-a100', backend: engine(LLAMA_70B) });
    expect(changes.map(({ change }) => change)).toContain('backend.tensorParallel: 4');
    expect(changes.every(({ fit }) => fit.fits && (fit.kv?.sequences ?? 0) >= 1)).toBe(true);
    const prices = changes.map(({ usdPerHour }) => usdPerHour);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
  });

  it('offers no FP8 where the GPU has none', () => {
    const changes = fitChanges({ accelerator: 'nvidia-tesla-a100', backend: engine(LLAMA_70B, { tensorParallel: 2 }) });
    expect(changes.map(({ change }) => change).join()).not.toContain('fp8');
    expect(changes[0]?.change).toBe('backend.precision: int8-wo');
  });

  it('shortens prompts to what is left', () => {
    const backend = engine(LLAMA_8B, { kind: 'vllm', maxInput: 100_000, maxNumTokens: 2048 } as never);
    const shorter = fitChanges({ accelerator: 'nvidia-l4', backend }).find(({ change }) =>
      change.startsWith('backend.maxInput'),
    );
    expect(shorter?.fit.kv?.sequences).toBe(1);
  });

  it('is empty where the model fits', () => {
    expect(fitChanges({ accelerator: 'nvidia-a100-80gb', backend: engine(LLAMA_8B) })).toEqual([]);
  });
});

describe('architectureFromHuggingFace', () => {
  const config = {
    model_type: 'llama',
    num_hidden_layers: 32,
    hidden_size: 4096,
    intermediate_size: 14336,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    vocab_size: 128256,
    tie_word_embeddings: false,
  };

  it('reads the dimensions', () => {
    expect(architectureFromHuggingFace(config, 'config.json')).toEqual(LLAMA_8B);
    expect(
      architectureFromHuggingFace(
        { ...config, model_type: 'mixtral', num_local_experts: 8, num_experts_per_tok: 2 },
        'x',
      ),
    ).toMatchObject({ experts: 8, activeExperts: 2 });
    expect(architectureFromHuggingFace({ ...config, model_type: 'qwen2' }, 'x')).toMatchObject({ attentionBias: true });
  });

  it.each([
    ['another kind of model', { ...config, model_type: 'gpt2' }, /model_type[\s\S]*llama, mistral, mixtral, qwen2/],
    ['a dimension that is missing', { ...config, hidden_size: undefined }, /hidden_size[\s\S]*is missing/],
    ['a dimension that is none', { ...config, vocab_size: -3 }, /vocab_size[\s\S]*is no size/],
    ['heads that do not divide', { ...config, num_key_value_heads: 5 }, /kvHeads/],
    ['no map', [], /is no map of keys/],
  ])('refuses %s', (_name, input, message) => {
    expect(() => architectureFromHuggingFace(input, 'config.json')).toThrow(message);
  });
});
