import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalog } from '../../../models/catalog';
import type { Model } from '../../../models/model';
import { configPbtxt, DEFAULT_REPOSITORY } from '../../../models/repository/config-pbtxt';
import { accepted, spec } from '../../support/arbitrary-spec';
import { BAD_CONFIGS, MEMBER } from '../../support/config-cases';
import { tensorModel } from '../../support/models';
import { TritonServer } from '../../support/triton-server';
import { writeRepository } from '../../support/written-repository';

/** A model.py that answers with zeros of the declared outputs. */
const ZEROS = `
import json, numpy as np, triton_python_backend_utils as pb

class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.batched = config["max_batch_size"] > 0
        self.outputs = config["output"]
        self.decoupled = config.get("model_transaction_policy", {}).get("decoupled", False)

    def execute(self, requests):
        answers = []
        for request in requests:
            first = request.inputs()[0].as_numpy()
            batch = [first.shape[0]] if self.batched else []
            tensors = []
            for output in self.outputs:
                shape = batch + [1 if int(size) < 0 else int(size) for size in output["dims"]]
                kind = pb.triton_string_to_numpy(output["data_type"])
                tensors.append(pb.Tensor(output["name"], np.zeros(shape, dtype=kind)))
            answer = pb.InferenceResponse(tensors)
            if not self.decoupled:
                answers.append(answer)
                continue
            sender = request.get_response_sender()
            sender.send(answer)
            sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None if self.decoupled else answers
`;

const ACCEPTED: readonly Model[] = [
  ...catalog.values(),
  tensorModel(
    'priorities',
    {},
    {
      batching: {
        kind: 'dynamic',
        maxBatch: 4,
        preferred: [2, 4],
        maxQueueDelayMicros: 100,
        queue: {
          policy: { maxSize: 16, timeoutMicros: 1_000_000, action: 'delay', allowOverride: true },
          priorities: {
            levels: 2,
            default: 2,
            policies: { 1: { maxSize: 4, timeoutMicros: 10_000_000, action: 'reject', allowOverride: true } },
          },
        },
      },
      instances: [{ count: 1, rateLimiter: { priority: 2, resources: [{ name: 'R', count: 1, global: true }] } }],
    },
  ),
  tensorModel('ordered', {}, { batching: { kind: 'dynamic', maxBatch: 4, preserveOrdering: true } }),
  tensorModel(
    'sequences',
    {},
    {
      kind: 'pytorch',
      batching: {
        kind: 'sequence',
        maxBatch: 4,
        strategy: 'oldest',
        maxCandidates: 8,
        controls: { start: 'START', end: 'END', ready: 'READY', correlationId: 'ID' },
      },
    },
  ),
  tensorModel(
    'slots',
    {},
    { kind: 'tensorrt', batching: { kind: 'sequence', maxBatch: 4, strategy: 'direct', maxIdleMicros: 5_000_000 } },
  ),
  tensorModel('versions', {
    versions: [{ version: 1 }, { version: 2 }, { version: 3 }],
    versionPolicy: { kind: 'specific', versions: [1, 3] },
  }),
  tensorModel('cached', {
    responseCache: true,
    warmup: [{ name: 'zeros', inputs: { IN: { dataType: 'FP32', dims: [2], data: 'zero' } } }],
  }),
  tensorModel(
    'scalars',
    {},
    {
      batching: { kind: 'dynamic', maxBatch: 4 },
      inputs: [
        { name: 'IN', dataType: 'FP32', dims: [1], reshape: [] },
        { name: 'MAYBE', dataType: 'INT64', dims: [-1, 2], optional: true, ragged: true },
      ],
    },
  ),
  tensorModel('streams', {}, { kind: 'python', decoupled: true }),
  tensorModel('on-cpu', { accelerator: 'none' }),
];

describe('the core of a real tritonserver', () => {
  let repository: string;
  let server: TritonServer;
  beforeAll(async () => {
    repository = mkdtempSync(join(tmpdir(), 'triton-stack-models-'));
    for (const model of ACCEPTED) writeRepository(repository, model, ZEROS);
    // Slow enough for requests to wait, however slowly they come.
    appendFileSync(
      join(repository, 'priorities', 'config.pbtxt'),
      'parameters { key: "stand_in_delay_ms" value { string_value: "500" } }\n',
    );
    server = await TritonServer.start({
      repository,
      gpuAsCpu: true,
      mountedAt: DEFAULT_REPOSITORY,
      flags: ['--rate-limit=execution_count', '--rate-limit-resource=R:2', '--cache-config=local,size=1048576'],
    });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(repository, { recursive: true, force: true });
  });

  it.each(ACCEPTED.map((model) => [model.name, model] as const))('takes %s', async (name) => {
    expect(await server.load(name)).toEqual({ status: 200 });
  });

  it('serves the versions of the policy', async () => {
    const versions = (await server.index()).filter(({ name, state }) => name === 'versions' && state === 'READY');
    expect(versions.map(({ version }) => version).sort()).toEqual(['1', '3']);
  });

  it('runs the ensemble of the catalogue from end to end', async () => {
    const { status, outputs } = await server.infer('resnet50-image', [
      { name: 'IMAGE', datatype: 'UINT8', shape: [1, 3], data: [1, 2, 3] },
    ]);
    expect(status).toBe(200);
    expect(outputs.LABELS?.shape).toEqual([1, 5]);
  });

  it('streams from an engine of the catalogue', async () => {
    const { status, events } = await server.generateStream('llama-3.1-8b', {
      input_lengths: 3,
      request_output_len: 4,
      input_ids: [1, 2, 3],
    });
    expect(status).toBe(200);
    expect(events.length).toBeGreaterThan(1);
  });

  it('unloads a model, and takes it again', async () => {
    expect(await server.unload('ordered')).toEqual({ status: 200 });
    expect((await server.infer('ordered', [])).status).toBe(404);
    expect(await server.load('ordered')).toEqual({ status: 200 });
  });

  describe('with a queue of two levels', () => {
    const input = [{ name: 'IN', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];
    const request = (parameters: Record<string, number>) => server.infer('priorities', input, { parameters });

    it('refuses what is too much for a level, and serves the other', async () => {
      const urgent = await Promise.all(Array.from({ length: 24 }, () => request({ priority: 1 })));
      const refused = urgent.filter(({ status }) => status === 503);
      expect(refused.length).toBeGreaterThan(0);
      expect(refused[0]?.error).toMatch(/Exceeds maximum queue size/);
      expect((await request({ priority: 2 })).status).toBe(200);
    });

    it('refuses what waited longer than it may', async () => {
      // As long as the test needs it.
      let needed = true;
      const one = async () => {
        while (needed) await request({ priority: 2 });
      };
      const busy = Promise.all(Array.from({ length: 12 }, one));
      try {
        await expect.poll(() => server.metrics()).toMatch(/pending_request_count\{model="priorities"[^}]*\} [1-9]/);
        const late = await Promise.all(Array.from({ length: 4 }, () => request({ priority: 1, timeout: 1 })));
        expect(late.map(({ status, error }) => `${status} ${error}`)).toContainEqual(
          expect.stringMatching(/timeout expired/i),
        );
      } finally {
        needed = false;
        await busy;
      }
    });
  });
});

describe('the core of a real tritonserver, given any model that we accept', () => {
  const COUNT = 60;
  let repository: string;
  let server: TritonServer;
  let models: Model[];
  beforeAll(async () => {
    repository = mkdtempSync(join(tmpdir(), 'triton-stack-models-'));
    models = arbitraryModels(COUNT);
    for (const model of models) writeRepository(repository, model, ZEROS);
    server = await TritonServer.start({
      repository,
      gpuAsCpu: true,
      mountedAt: DEFAULT_REPOSITORY,
      flags: ['--disable-auto-complete-config', '--cache-config=local,size=1048576'],
    });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(repository, { recursive: true, force: true });
  });

  it('takes it', { timeout: 900_000 }, async () => {
    const refused: string[] = [];
    for (const { name } of models) {
      const { status, error } = await server.load(name);
      if (status !== 200) refused.push(`${configPbtxt(models.find((each) => each.name === name) as Model)}\n${error}`);
    }
    expect(refused).toEqual([]);
  });
});

/** The same models each time: a failure has to be one tomorrow. */
function arbitraryModels(count: number): Model[] {
  const candidates = fc.sample(spec, { seed: 20_261_121, numRuns: count * 12 });
  const models = candidates.flatMap((candidate, index): Model[] => {
    // The stand-in for backends has no numpy type for BF16, and an instance of it takes 40 MB.
    if (JSON.stringify(candidate).includes('BF16') || !('batching' in candidate.backend)) return [];
    const instances = candidate.backend.instances?.map((group) => ({ ...group, count: 1, rateLimiter: undefined }));
    const model = accepted({ ...candidate, name: `model-${index}`, backend: { ...candidate.backend, instances } });
    return model === undefined ? [] : [model];
  });
  expect(models.length).toBeGreaterThanOrEqual(count);
  return models.slice(0, count);
}

describe('the core of a real tritonserver, given what our check refuses', () => {
  let repository: string;
  let server: TritonServer;
  beforeAll(async () => {
    repository = mkdtempSync(join(tmpdir(), 'triton-stack-models-'));
    for (const [index, { text }] of BAD_CONFIGS.entries()) config(`bad-${index}`, text);
    config('member', MEMBER);
    server = await TritonServer.start({ repository, loadModels: ['member'] });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(repository, { recursive: true, force: true });
  });

  function config(name: string, text: string): void {
    mkdirSync(join(repository, name, '1'), { recursive: true });
    writeFileSync(join(repository, name, 'config.pbtxt'), text);
    writeFileSync(join(repository, name, '1', 'model.onnx'), '');
  }

  it.each(BAD_CONFIGS.map((each, index) => [each.name, each, index] as const))('%s', async (_name, { core }, index) => {
    const answer = await server.load(`bad-${index}`);
    if ('stricter' in core) expect(answer).toEqual({ status: 200 });
    else
      expect({ refused: answer.status >= 400, why: answer.error }).toEqual({
        refused: true,
        why: expect.stringMatching(core),
      });
  });
});
