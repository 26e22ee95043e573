import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../support/triton/client';
import { TritonServer } from '../support/triton-server';

const DOUBLE = `
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        doubled = [pb_utils.get_input_tensor_by_name(request, "IN").as_numpy() * 2 for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", tensor)]) for tensor in doubled]
`;

const ENGINE = {
  build_config: { max_batch_size: 64 },
  pretrained_config: { mapping: { world_size: 2, tp_size: 2, pp_size: 1 } },
};

/** Text in, text out, as the models of TensorRT-LLM's own repository. */
const LLM = `
backend: "tensorrtllm"
max_batch_size: 64
model_transaction_policy { decoupled: true }
input [
  { name: "text_input" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "max_tokens" data_type: TYPE_INT32 dims: [ 1 ] reshape: { shape: [ ] } optional: true }
]
output [ { name: "text_output" data_type: TYPE_STRING dims: [ -1 ] } ]
instance_group [ { count: 1, kind: KIND_GPU, gpus: [ 0, 1 ] } ]
parameters { key: "gpt_model_type" value { string_value: "inflight_fused_batching" } }
parameters { key: "stand_in_responses" value { string_value: "4" } }
`;

const SIMPLE = `
max_batch_size: 4
input [ { name: "IN" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ -1 ] } ]
`;

const GPU = 'instance_group [ { count: 1 kind: KIND_GPU } ]';

const FILES: Readonly<Record<string, string>> = {
  'double/config.pbtxt': `backend: "python"${SIMPLE}${GPU}`,
  'double/1/model.py': DOUBLE,
  'onnx/config.pbtxt': `backend: "onnxruntime"${SIMPLE}${GPU}`,
  'onnx/1/model.onnx': '',
  'slow/config.pbtxt': `backend: "pytorch"${SIMPLE}${GPU}
    dynamic_batching { default_queue_policy { max_queue_size: 1 } }
    parameters { key: "stand_in_delay_ms" value { string_value: "500" } }`,
  'slow/1/model.pt': '',
  'both/config.pbtxt': `platform: "ensemble"${SIMPLE}
    ensemble_scheduling {
      step [
        { model_name: "double" model_version: -1 input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "twice" } },
        { model_name: "double" model_version: -1 input_map { key: "IN" value: "twice" } output_map { key: "OUT" value: "OUT" } }
      ]
    }`,
  'both/1/empty': '',
  'llm/config.pbtxt': `${LLM}
    parameters { key: "gpt_model_path" value { string_value: "/models/llm/1" } }`,
  'llm/1/config.json': JSON.stringify(ENGINE),
  'llm/1/rank0.engine': '',
  'llm/1/rank1.engine': '',
  'half-an-engine/config.pbtxt': `${LLM}
    parameters { key: "gpt_model_path" value { string_value: "/models/half-an-engine/1" } }`,
  'half-an-engine/1/config.json': JSON.stringify({ ...ENGINE, build_config: { max_batch_size: 32 } }),
  'half-an-engine/1/rank0.engine': '',
  'preferred/config.pbtxt': `backend: "onnxruntime"${SIMPLE}dynamic_batching { preferred_batch_size: [ 8 ] }`,
  'preferred/1/model.onnx': '',
};

describe('a real tritonserver without a GPU', () => {
  let repository: string;
  let server: TritonServer;

  beforeAll(async () => {
    repository = mkdtempSync(join(tmpdir(), 'triton-stack-models-'));
    for (const [path, content] of Object.entries(FILES)) write(path, content);
    server = await TritonServer.start({ repository, gpuAsCpu: true, mountedAt: '/models', loadModels: ['double'] });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(repository, { recursive: true, force: true });
  });

  function write(path: string, content: string): void {
    const file = join(repository, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  function numbers(...data: number[]): Tensor {
    return { name: 'IN', datatype: 'FP32', shape: [1, data.length], data };
  }

  it('loads at the start, and tells which models are ready', async () => {
    expect(await server.ready()).toBe(true);
    const ready = (await server.index()).filter(({ state }) => state === 'READY');
    expect(ready).toEqual([{ name: 'double', version: '1', state: 'READY' }]);
  });

  it('runs a model of the python backend', async () => {
    const { status, outputs } = await server.infer('double', [numbers(1, 2.5)]);
    expect(status).toBe(200);
    expect(outputs).toEqual({ OUT: { name: 'OUT', datatype: 'FP32', shape: [1, 2], data: [2, 5] } });
  });

  it('runs an ensemble', async () => {
    expect(await server.load('both')).toEqual({ status: 200 });
    const { outputs } = await server.infer('both', [numbers(3)]);
    expect(outputs.OUT?.data).toEqual([12]);
  });

  it('stands in for a backend: the declared outputs in the shape of the inputs', async () => {
    expect(await server.load('onnx')).toEqual({ status: 200 });
    const { outputs } = await server.infer('onnx', [
      { name: 'IN', datatype: 'FP32', shape: [2, 3], data: Array(6).fill(0) },
    ]);
    expect(outputs.OUT).toEqual({ name: 'OUT', datatype: 'FP32', shape: [2, 3], data: Array(6).fill(1) });
  });

  it('streams from a decoupled TensorRT-LLM model, and refuses /infer on it', async () => {
    expect(await server.load('llm')).toEqual({ status: 200 });
    const { status, events } = await server.generateStream('llm', { text_input: 'Hello', max_tokens: 4 });
    expect(status).toBe(200);
    expect(events.map(({ text_output }) => text_output)).toEqual(['token0 ', 'token1 ', 'token2 ', 'token3 ']);
    const text = { name: 'text_input', datatype: 'BYTES', shape: [1, 1], data: ['Hello'] };
    expect(await server.infer('llm', [text])).toMatchObject({ status: 501 });
  });

  it('checks the engine of a TensorRT-LLM model', async () => {
    const { status, error } = await server.load('half-an-engine');
    expect(status).toBe(400);
    expect(error).toContain("max_batch_size 64 is above the engine's 32");
    expect(error).toContain('missing rank1.engine of 2');
  });

  it('refuses a bad configuration in the words of the core, from a file and from the load API', async () => {
    const { status, error } = await server.load('preferred');
    expect(status).toBe(500);
    expect(error).toContain('dynamic batching preferred size must be <= max batch size for preferred');
    const override = await server.load('preferred', {
      backend: 'onnxruntime',
      max_batch_size: 8,
      input: [{ name: 'IN', data_type: 'TYPE_FP32', dims: [-1] }],
      output: [{ name: 'OUT', data_type: 'TYPE_FP32', dims: [-1] }],
      instance_group: [{ kind: 'KIND_GPU', gpus: [0] }],
      dynamic_batching: { preferred_batch_size: [8] },
    });
    expect(override).toEqual({ status: 200 });
  });

  it('refuses requests beyond the length of the queue', async () => {
    expect(await server.load('slow')).toEqual({ status: 200 });
    const answers = await Promise.all(Array.from({ length: 8 }, () => server.infer('slow', [numbers(1)])));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ status: 503, error: expect.stringContaining('Exceeds maximum queue size') });
  });

  it('loads a configuration again once it changed, and not before', async () => {
    const loads = () => server.log().split("successfully loaded 'onnx'").length - 1;
    const before = loads();
    await server.load('onnx');
    expect(loads()).toBe(before);
    write('onnx/config.pbtxt', `backend: "onnxruntime"${SIMPLE.replace('4', '2')}${GPU}`);
    await server.load('onnx');
    expect(loads()).toBe(before + 1);
    expect(await server.config('onnx')).toMatchObject({ max_batch_size: 2 });
  });

  it('says why it did not start', async () => {
    const started = TritonServer.start({ repository, loadModels: ['double'] });
    await expect(started).rejects.toThrow('model double has kind KIND_GPU but no GPUs are available');
  });

  it('ends when it is stopped', async () => {
    const { pid } = server;
    await server.stop();
    expect(() => process.kill(pid as number, 0)).toThrow('ESRCH');
    expect(await server.live()).toBe(false);
    expect(server.log()).toContain('All models are stopped');
  });
});
