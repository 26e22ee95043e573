import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QUEUE_METRICS } from '../../models/queue-metric';
import { TritonServer } from '../support/triton-server';

const REQUESTS = 12;
/** Long enough for requests to meet in a pass, however slowly they come. */
const PASS_MS = 200;

const TENSORS = `
max_batch_size: 4
input [ { name: "IN" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ -1 ] } ]
`;

/** Takes as long for a batch as for a request. */
const PASSES = `
import time
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        time.sleep(${PASS_MS / 1000})
        inputs = [pb_utils.get_input_tensor_by_name(request, "IN").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", tensor)]) for tensor in inputs]
`;

const FILES: Readonly<Record<string, string>> = {
  'passes/config.pbtxt': `backend: "python"${TENSORS}dynamic_batching { }\ninstance_group [ { count: 1 kind: KIND_CPU } ]`,
  'passes/1/model.py': PASSES,
  'around/config.pbtxt': `platform: "ensemble"${TENSORS}
    ensemble_scheduling {
      step [ { model_name: "passes" model_version: -1 input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "OUT" } } ]
    }`,
};

let repository: string;
let server: TritonServer;
beforeAll(async () => {
  repository = mkdtempSync(join(tmpdir(), 'triton-stack-computed-'));
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    writeFileSync(join(repository, path), content);
  }
  mkdirSync(join(repository, 'around', '1'));
  server = await TritonServer.start({ repository, loadModels: ['passes', 'around'] });
});
afterAll(async () => {
  await server?.stop();
  rmSync(repository, { recursive: true, force: true });
});

/** A counter's value, or undefined where the model has none. */
async function counter(family: string, model: string): Promise<number | undefined> {
  const line = (await server.metrics()).split('\n').find((each) => each.startsWith(`${family}{model="${model}"`));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}

const { series, others } = QUEUE_METRICS.computed;

it('has its counters from the load of a model on, so that a pod that has done nothing counts as idle', async () => {
  for (const family of [series, ...others]) expect(await counter(family, 'passes'), family).toBe(0);
});

it('counts the time of a batch for each of its requests, and once more for each ensemble around them', async () => {
  const input = [{ name: 'IN', datatype: 'FP32', shape: [1, 1], data: [1] }];
  const answers = await Promise.all(Array.from({ length: REQUESTS }, () => server.infer('around', input)));
  expect(answers.map(({ status }) => status)).toEqual(Array(REQUESTS).fill(200));
  // What a request took is counted after it was answered.
  for (const model of ['passes', 'around'])
    await expect.poll(() => counter('nv_inference_request_success', model)).toBe(REQUESTS);
  // A pass cannot be shorter than its sleep: counted once a pass, the sum could be `passes` of them.
  const passes = (await counter('nv_inference_exec_count', 'passes')) as number;
  expect(passes).toBeLessThan(REQUESTS);
  const computed = async (model: string) => (await counter(series, model)) as number;
  await expect.poll(() => computed('passes')).toBeGreaterThanOrEqual(REQUESTS * PASS_MS * 1000);
  // Microseconds are cut off for each request.
  const apart = async () => Math.abs((await computed('around')) - (await computed('passes')));
  await expect.poll(apart).toBeLessThanOrEqual(2 * REQUESTS);
});
