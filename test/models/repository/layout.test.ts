import { describe, expect, it } from 'vitest';
import { llama31 } from '../../../models/catalog/llama-3.1-8b';
import { mistralVllm } from '../../../models/catalog/mistral-7b-vllm';
import { type LayoutOptions, repositoryLayout } from '../../../models/repository/layout';

const huggingFace = {
  model: 'mistralai/Mistral-7B-Instruct-v0.3',
  revision: '0123456789abcdef0123456789abcdef01234567',
  // What else is said of a source is none of vLLM's arguments: it would refuse them.
  tokenSecret: { name: 'hub', key: 'token' },
};

describe('the repository of a model whose weights come from the Hugging Face Hub', () => {
  const engine = (options: LayoutOptions) => {
    const found = repositoryLayout(mistralVllm, options).find(({ path }) => path.endsWith('/model.json'));
    return JSON.parse(found !== undefined && 'content' in found ? found.content : '');
  };

  it('has no file that somebody has to put there', () => {
    const entries = repositoryLayout(mistralVllm, { huggingFace });
    expect(entries.filter((entry) => 'artifact' in entry)).toEqual([]);
    expect(entries.map(({ path }) => path)).toEqual(['mistral-7b-vllm/config.pbtxt', 'mistral-7b-vllm/1/model.json']);
  });

  it('has the same engine, but for where its files are', () => {
    const { model, ...rest } = engine({});
    expect(model).toBe('/models/repository/mistral-7b-vllm/1/checkpoint');
    const { revision } = huggingFace;
    expect(engine({ huggingFace })).toEqual({
      ...rest,
      model: huggingFace.model,
      revision,
      tokenizer_revision: revision,
    });
  });

  it('is as ever for engines', () => {
    expect(repositoryLayout(llama31, { huggingFace })).toEqual(repositoryLayout(llama31));
  });
});
