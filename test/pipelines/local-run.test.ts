import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { digestFiles, readRepositoryFolder } from '../../bin/release/repository-folder';
import type { PipelineInput } from '../../models/pipeline/pipeline-input';
import { formatManifest, sha256Of } from '../../models/release-manifest';
import { engineModel } from '../support/models';
import { pipelineTool } from '../support/python-tools';
import { type Faults, KEY, LocalPipeline } from './local-pipeline';

const TEST_MS = 1_200_000;

const TOKENIZER = `
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
words = ["<unk>", "</s>"] + [f"w{n}" for n in range(200)]
tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer.save(sys.argv[1])
`;
const HUGGING_FACE = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: 1024,
  num_hidden_layers: 2,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  vocab_size: 32_000,
};
const model = engineModel(
  {
    name: 'tiny',
    // Kept on a machine that has other things to do.
    promise: { firstToken: { p95Seconds: 120 }, interToken: { p95Seconds: 60 } },
    deadlineSeconds: 240,
  },
  { precision: 'fp8', kvCache: 'fp8' },
);

function tokenizer(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'triton-stack-test-')), 'tokenizer.json');
  const { status, stderr } = spawnSync(pipelineTool('python'), ['-c', TOKENIZER, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return readFileSync(file, 'utf8');
}

/** Prompts, and answers that stand in them: the stand-in of the engine repeats what it is asked. */
const records = Array.from({ length: 20 }, (_, n) =>
  JSON.stringify({ prompt: `w${n} w${n + 1} w${n + 2}`, completion: `w${n + 1} w${n + 2}` }),
);

describe('the pipeline on one machine', () => {
  let pipeline: LocalPipeline;
  let checkpoint: string;
  let data: string;

  beforeAll(async () => {
    pipeline = await LocalPipeline.start(model, '0.9.0');
    checkpoint = await pipeline.put('checkpoint', {
      'config.json': JSON.stringify(HUGGING_FACE),
      'tokenizer.json': tokenizer(),
      'tokenizer_config.json': JSON.stringify({ chat_template: '{{ messages }}' }),
      'model.safetensors': 'weights',
    });
    data = await pipeline.put('data', { 'records.jsonl': `${records.join('\n')}\n` });
  }, TEST_MS);
  afterAll(() => pipeline?.stop());
  afterEach(() => pipeline.fail({}));

  const parameters = (release: string, changes: object = {}) => ({
    checkpoint_uri: checkpoint,
    dataset_uri: data,
    release,
    least_accuracy: 0.9,
    ...changes,
  });

  /** What the store holds of a release, as the project's own publisher would have written it. */
  async function manifestOf(release: string): Promise<{ readonly found: string; readonly expected: string }> {
    const folder = await pipeline.get(`${pipeline.published.uri}/releases/${release}`);
    const found = readFileSync(join(folder, 'manifest'), 'utf8');
    const repository = readRepositoryFolder(folder);
    expect(repository.leftOut).toEqual(['manifest']);
    const files = await digestFiles(repository, () => {});
    return { found, expected: formatManifest({ version: release, files, folders: repository.folders }) };
  }
  const current = async () => (await pipeline.published.store.current())?.version;

  it('goes from data to a served model, and says what stands in', { timeout: TEST_MS }, async () => {
    const { code, said } = await pipeline.run(pipeline.input(), parameters('1.0.0'));
    expect(code, said).toBe(0);
    expect(await pipeline.served()).toEqual({ release: '1.0.0', ready: true });
    expect(await current()).toBe('1.0.0');
    for (const program of ['trl sft', 'quantize.py', 'trtllm-build', 'run.py']) {
      expect(said).toContain(`STAND-IN for ${program}: no GPU, no TensorRT, no training`);
    }
    expect(said).toContain("config.json agrees with the model's description in 15 fields");
    expect(said).toContain('accuracy 1.0000, at least 0.9000 was asked for, over 4 records');
    expect(said).toMatch(/class +prompt +errors +first p95 +next p95 +tokens\/s\n.*short +32 +0 /);
    expect(said).toMatch(
      /long +512 +0 .*\n.*of these requests alone, 8 at once, over servers: 1\n.*cancellation: taken\n.*passed/,
    );
    const { found, expected } = await manifestOf('1.0.0');
    expect(found).toBe(expected);
    expect(await pipeline.read('rollout')).toBeUndefined();
  });

  it('leaves in the release what it was made from', async () => {
    const folder = await pipeline.get(`${pipeline.published.uri}/releases/1.0.0`);
    const text = readFileSync(join(folder, 'tiny', 'lineage.json'), 'utf8');
    const lineage = JSON.parse(text);
    const { lineage: known, engineFiles } = pipeline.input().deploy;
    expect(lineage).toMatchObject({ ...known, release: '1.0.0', engine: known.engine as object });
    expect(lineage.sources).toEqual({
      checkpoint: { uri: checkpoint, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      data: { uri: data, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      model: { trained_by: 'trl==0.23.1', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(Object.keys(lineage.engine.files)).toEqual(engineFiles);
    expect(lineage.validation.digests.chat_template).toMatch(/^[0-9a-f]{64}$/);
    const manifest = readFileSync(join(folder, 'manifest'), 'utf8');
    expect(manifest).toContain(`file ${sha256Of(text)} ${text.length} tiny/lineage.json`);
    expect(manifest).toContain(`file ${lineage.engine.files['rank0.engine']} `);
  });

  describe('where a step fails', () => {
    let more: string;
    beforeAll(async () => {
      more = await pipeline.put('more', { 'records.jsonl': `${records.slice(0, 15).join('\n')}\n` });
      await pipeline.put('bad', {
        'records.jsonl': '{"prompt": "w1", "completion": "w1"}\n{"prompt": "w2"}\nno json\n',
      });
    });
    /** The steps that ran: of the others the results of an earlier run were taken. */
    const executed = (said: string) =>
      [...said.matchAll(/Executing task \S*?'([a-z-]+)'/g)].flatMap(([, name]) =>
        name?.startsWith('exit') ? [] : [name],
      );
    const expectFailure = async (input: PipelineInput, values: Record<string, string | number>, told: RegExp[]) => {
      const { code, said } = await pipeline.run(input, values);
      for (const each of told) expect(said).toMatch(each);
      expect(code).toBe(1);
      expect(await pipeline.served()).toEqual({ release: '1.0.0', ready: true });
      expect(await current()).toBe('1.0.0');
      expect(await pipeline.read('rollout')).toBeUndefined();
      return said;
    };

    it.each<[string, object, Faults, RegExp[]]>([
      ['fetch', { checkpoint_uri: 's3://data/nowhere' }, {}, [/StepFailed: there is nothing at s3:\/\/data\/nowhere/]],
      [
        'prepare',
        { dataset_uri: 's3://data/bad' },
        {},
        [
          /the data has 2 bad records:/,
          /records.jsonl:2: needs "prompt" and "completion"/,
          /records.jsonl:3: is no JSON/,
        ],
      ],
      [
        'train',
        {},
        { 'trl sft': { lines: ['torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.'], exit: 1 } },
        [/trl ended with 1\n/, /what: the GPU has too little memory for what the step does on it \(gpu-memory\)/],
      ],
      [
        'convert',
        {},
        { 'quantize.py': { lines: ['RuntimeError: Unsupported model architecture: FooForCausalLM'], exit: 1 } },
        [/quantize.py ended with 1\n/, /\(unsupported\)/, /- backend.precision: bf16/],
      ],
      [
        'build',
        {},
        {
          'trtllm-build': {
            lines: [
              '[TRT] [E] 2: [virtualMemoryBuffer.cpp::resizePhysical::140] Error Code 2: OutOfMemory (no further information)',
              '[TRT-LLM] [E] Engine building failed, please check the error log.',
            ],
            exit: 1,
          },
        },
        [
          /trtllm-build ended with 1\n/,
          /said: \[TRT\] \[E\] 2: .*OutOfMemory/,
          /- backend.tensorParallel: 2 \(0.1 GiB less/,
        ],
      ],
      [
        'validate',
        {},
        { 'run.py': { wrong: true } },
        [/accuracy 0.0000 is below 0.9000, over 3 records/, /- backend.kvCache: bf16/, /engine-build.md, accuracy/],
      ],
    ])(
      '%s, the served model stays, and the run says why',
      { timeout: TEST_MS },
      async (step, changes, faults, told) => {
        pipeline.fail(faults);
        const values = parameters('1.1.0', { dataset_uri: more, ...changes });
        const said = await expectFailure(pipeline.input(), values, told);
        expect(said).toMatch(new RegExp(`Inner task failed: .*${step}`));
      },
    );

    it('deploy, because the server refuses the release, the one before it serves', { timeout: TEST_MS }, async () => {
      const input = pipeline.input();
      const config = input.deploy.config.replace('inflight_fused_batching', 'inflight_typo');
      const bad = { ...input, deploy: { ...input.deploy, config } };
      const said = await expectFailure(bad, parameters('1.1.0', { dataset_uri: more }), [
        /did not load tiny of release 1.1.0|refuses to load tiny of release 1.1.0: .*Invalid gpt_model_type inflight_typo/,
        /release 1.0.0 is served again/,
      ]);
      // All that went well before is taken again.
      expect(executed(said)).toEqual(['validate', 'deploy', 'clean-up']);
    });

    it('publishes nothing over what is published', { timeout: TEST_MS }, async () => {
      await expectFailure(pipeline.input(), parameters('1.1.0', { dataset_uri: more }), [
        /release 1.1.0 is published at s3:\/\/models\/tiny with other content/,
      ]);
    });

    it('smoke, because a promise is not kept, the release before it serves', { timeout: TEST_MS }, async () => {
      const input = pipeline.input();
      const promise = { firstToken: { p95Seconds: 0.000_001 }, tokensPerSecond: 1e9 };
      await expectFailure(
        { ...input, smoke: { ...input.smoke, promise } },
        parameters('1.2.0', { dataset_uri: more }),
        [
          /release 1.2.0 does not keep what tiny promises:/,
          /short: first token, 95th percentile: 0\.\d+ s, 0.000001 s were promised|short: first token, .* 1e-06 s were promised/,
          /long: [\d.]+ tokens a second, 1000000000 were promised/,
          /release 1.0.0 is served again/,
        ],
      );
    });

    it('smoke, in the middle, the end of the run takes the release back', { timeout: TEST_MS }, async () => {
      const input = pipeline.input();
      const said = await expectFailure(
        { ...input, smoke: { ...input.smoke, classes: [] } },
        parameters('1.2.0', { dataset_uri: more }),
        [/release 1.2.0 was not tried to the end: the one before it comes back/, /release 1.0.0 is served again/],
      );
      expect(said).toContain('release 1.2.0 is published already, with this very content');
    });

    it('register, the release that was tried is served', { timeout: TEST_MS }, async () => {
      const input = pipeline.input({ registry: { kind: 'mlflow', url: 'http://127.0.0.1:9' } });
      const { code, said } = await pipeline.run(input, parameters('1.2.0', { dataset_uri: more }));
      expect(said).toMatch(/StepFailed: http:\/\/127.0.0.1:9\/api\/2.0\/mlflow\/\S+ does not answer/);
      expect(code).toBe(1);
      expect(await pipeline.served()).toEqual({ release: '1.2.0', ready: true });
      expect(await pipeline.read('rollout')).toBeUndefined();
    });

    it('goes on where nothing fails any more', { timeout: TEST_MS }, async () => {
      const { code, said } = await pipeline.run(pipeline.input(), parameters('1.2.0', { dataset_uri: more }));
      expect(code, said).toBe(0);
      expect(executed(said)).toEqual(['deploy', 'smoke', 'clean-up']);
      expect(await pipeline.served()).toEqual({ release: '1.2.0', ready: true });
      expect(await current()).toBe('1.2.0');
    });
  });

  describe('where the load API is closed and no watch loads', () => {
    let engine: string;
    beforeAll(async () => {
      engine = join(await pipeline.get(`${pipeline.published.uri}/releases/1.2.0`), 'tiny', '1');
      await pipeline.stopWatch();
    });
    const CLOSED = /closes its load API to this step, which has no key \(403\): .*--load-key NAME\/ENTRY/;
    const OTHER = /refuses this step's key \(403\): --load-key has to name the Secret/;

    it.each([
      ['no key', undefined, CLOSED],
      ["another's key", 'another', OTHER],
    ])('says so with %s, and what was served stays', { timeout: TEST_MS }, async (_, key, why) => {
      const { code, said } = await pipeline.deploy({ engine, release: '1.3.0', key, loadSeconds: 2 });
      expect(code, said).toBe(1);
      expect(said).toMatch(why);
      expect(said.slice(said.indexOf('StepFailed:'))).toMatch(why);
      expect(said).toContain('The release before it is served: 1.2.0');
      expect(await pipeline.served()).toEqual({ release: '1.2.0', ready: true });
      expect(await current()).toBe('1.2.0');
      expect(await pipeline.read('rollout')).toBeUndefined();
    });

    it('loads with the key, once the files are there', { timeout: TEST_MS }, async () => {
      const deployed = pipeline.deploy({ engine, release: '1.3.0', key: KEY, loadSeconds: 600 });
      await expect.poll(current, { timeout: TEST_MS }).toBe('1.3.0');
      expect(await pipeline.volume.sync()).toMatchObject({ code: 0 });
      expect(await deployed).toMatchObject({ code: 0, said: expect.stringContaining('serves tiny of release 1.3.0') });
      expect(await pipeline.served()).toEqual({ release: '1.3.0', ready: true });
    });
  });
});
