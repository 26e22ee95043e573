import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';
import { main } from '../../bin/model-cli';
import { renderExplanation } from '../../bin/model-report';
import { catalog } from '../../models/catalog';
import { type Explanation, explain } from '../../models/explain';
import { defineModel, type Model } from '../../models/model';
import { repositoryLayout } from '../../models/repository/layout';
import { Captured } from '../support/captured';

async function run(...args: string[]) {
  const out = new Captured();
  const err = new Captured();
  const code = await main(args, { out, err });
  return { code, out: out.text, err: err.text };
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
const llama = catalog.get('llama-3.1-8b') as Model;

describe('model explain', () => {
  it.each([...catalog.keys()])('shows %s within 80 columns', async (name) => {
    const { code, out, err } = await run('explain', name);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(name);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(out).not.toContain('\u001b');
  });

  it('draws memory in proportion', async () => {
    const { out } = await run('explain', 'llama-3.1-8b');
    const bar = out.split('\n').find((line) => line.includes('██')) ?? '';
    expect(bar.trim()).toHaveLength(76);
    const { weights, gpu } = explain(llama).memory.layout;
    expect(Math.abs((bar.match(/█/g)?.length ?? 0) - (76 * weights) / gpu)).toBeLessThanOrEqual(1);
  });

  it('says by how much a model does not fit, and what would make it', () => {
    const large = catalog.get('llama-3.1-70b') as Model;
    const model = defineModel({ ...large, backend: { ...large.backend, tensorParallel: 1 } as Model['backend'] });
    const text = renderExplanation(explain(model), { width: 80, colours: createColors(false) });
    expect(text).toMatch(/does not fit: \d+\.\d\d GiB are missing/);
    expect(text).toContain('backend.tensorParallel: 4');
  });

  it('gives everything as one JSON object', async () => {
    const { out } = await run('explain', 'resnet50', '--json');
    const explanation = JSON.parse(out) as Explanation;
    expect(explanation).toMatchObject({ model: 'resnet50', memory: { fits: true }, gpus: { total: 1 } });
    expect(explanation.derivations.every(({ from }) => from.length > 0)).toBe(true);
  });

  it('knows what was meant', async () => {
    expect(await run('explain', 'resnet-50')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('did you mean resnet50?'),
    });
  });
});

describe('model fit', () => {
  const config = {
    model_type: 'llama',
    num_hidden_layers: 80,
    hidden_size: 8192,
    intermediate_size: 28672,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    vocab_size: 128256,
  };
  const file = (content: string) => {
    const path = join(newFolder(), 'config.json');
    writeFileSync(path, content);
    return path;
  };
  const on = ['--accelerator', 'nvidia-a100-80gb', '--precision', 'fp16'];

  it("says what a model's own config.json comes to", async () => {
    const { code, out } = await run('fit', file(JSON.stringify(config)), ...on, '--tensor-parallel', '2');
    expect(code).toBe(0);
    expect(out).toContain('70.554 billion parameters on 2 x A100 80 GB');
    expect(out).toContain('fits; the KV cache holds');
    expect((await run('fit', file(JSON.stringify(config)), ...on)).out).toMatch(
      /does not fit[\s\S]*backend.tensorParallel: 2/,
    );
  });

  it.each([
    ['no JSON', '{', on, 'is not JSON'],
    ['another kind of model', JSON.stringify({ ...config, model_type: 'gpt2' }), on, 'model_type'],
    ['no such GPU', JSON.stringify(config), ['--accelerator', 'h100', '--precision', 'fp16'], 'nvidia-a100-80gb'],
    ['no number', JSON.stringify(config), [...on, '--max-batch', 'many'], 'backend.maxBatch'],
    ['no precision', JSON.stringify(config), ['--accelerator', 'nvidia-l4'], '--precision'],
  ])('refuses %s', async (_name, content, options, message) => {
    expect(await run('fit', file(content), ...options)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(message),
    });
  });
});

describe('model check', () => {
  function file(text: string): string {
    const folder = join(newFolder(), 'resnet');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.pbtxt'), text);
    return join(folder, 'config.pbtxt');
  }

  it('explains a configuration that works', async () => {
    const { code, out } = await run('check', file('backend: "onnxruntime"\nmax_batch_size: 8\ndynamic_batching { }\n'));
    expect(code).toBe(0);
    expect(out).toMatch(/batches of 8 at most, dynamic_batching/);
  });

  it('names line and column of what the schema does not know', async () => {
    const { code, err } = await run('check', file('backend: "onnxruntime"\nmax_batchsize: 8\n'));
    expect(code).toBe(2);
    expect(err).toMatch(/line 2, column 1[\s\S]*did you mean max_batch_size\?/);
  });

  it('names everything that Triton would refuse', async () => {
    const { code, err } = await run('check', file('name: "other"\nplatform: "tensorrt_llm"\nmax_batch_size: -1\n'));
    expect(code).toBe(2);
    expect(err).toMatch(/3 errors/);
    expect(err).toContain('backend: "tensorrtllm"');
  });

  it('says that there is no such file', async () => {
    expect(await run('check', '/no/such/config.pbtxt')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no such file'),
    });
  });
});

describe('model files', () => {
  it('writes what follows from the model, once', async () => {
    const target = join(newFolder(), 'repository');
    expect((await run('files', 'resnet50-image', '--out', target)).code).toBe(0);
    for (const entry of repositoryLayout(catalog.get('resnet50-image') as Model)) {
      if ('content' in entry) expect(readFileSync(join(target, entry.path), 'utf8')).toBe(entry.content);
    }
    expect(existsSync(join(target, 'resnet50-image', '1'))).toBe(true);
    expect(readdirSync(join(target, '..'))).toEqual(['repository']);
    expect(await run('files', 'resnet50', '--out', target)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is there already'),
    });
  });

  it('names what has to be added', async () => {
    expect((await run('files', 'llama-3.1-8b')).out).toContain(
      'llama-3.1-8b/1/rank0.engine  to be added: of the engine',
    );
  });
});

it('model list names the catalogue', async () => {
  expect((await run('list')).out.trim().split('\n')).toEqual([...catalog.keys()]);
});
