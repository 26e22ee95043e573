import { describe, expect, it } from 'vitest';
import { catalog } from '../../models/catalog';
import { fileBytes, parameterCount } from '../../models/size';

describe('parameterCount', () => {
  // Published counts: the models' cards on Hugging Face.
  it.each([
    ['Llama-3.1-8B', [32, 4096, 14336, 32, 8, 128, 128256], 8.03],
    ['Llama-3.1-70B', [80, 8192, 28672, 64, 8, 128, 128256], 70.554],
    ['Llama-3.1-405B', [126, 16384, 53248, 128, 8, 128, 128256], 405.853],
    ['Llama-2-7B', [32, 4096, 11008, 32, 32, 128, 32000], 6.738],
    ['Mistral-7B-v0.3', [32, 4096, 14336, 32, 8, 128, 32768], 7.248],
  ] as const)('%s', (_name, [layers, hidden, ffn, heads, kvHeads, headDim, vocab], billions) => {
    const count = parameterCount({ layers, hidden, ffn, heads, kvHeads, headDim, vocab });
    expect(count / 1e9).toBeCloseTo(billions, 2);
  });
});

describe('fileBytes', () => {
  it('counts an FP8 engine at a byte a weight, with embedding and head in 16 bits', () => {
    const llama = catalog.get('llama-3.1-8b');
    expect(llama && fileBytes(llama) / 1024 ** 3).toBeCloseTo(8.46, 1);
  });
});
