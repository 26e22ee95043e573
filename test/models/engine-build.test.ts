import { describe, expect, it } from 'vitest';
import { CHECKPOINT_FAMILIES, commandFlags } from '../../models/engine/release-flags';
import { checkEngineFlags, type EngineBuildInput, type EnginePrecision, engineBuild } from '../../models/engine-build';
import { InputError, type Problem } from '../../models/problem';
import { TENSORRTLLM_RELEASES, type TensorRtLlmRelease } from '../../models/versions';

const llama8b: EngineBuildInput = {
  release: '1.0',
  family: 'llama',
  precision: 'fp8',
  kvCache: 'fp8',
  tensorParallel: 1,
  pipelineParallel: 1,
  maxBatch: 64,
  maxInput: 4096,
  maxOutput: 1024,
  accelerator: 'nvidia-l4',
  paths: { model: '/model', checkpoint: '/checkpoint', engine: '/engine' },
};
const llama70b: EngineBuildInput = {
  ...llama8b,
  precision: 'fp16',
  kvCache: 'fp16',
  tensorParallel: 4,
  maxBatch: 32,
  accelerator: 'nvidia-a100-80gb',
};

const commands = (input: EngineBuildInput): string[] =>
  engineBuild(input).steps.map(({ command }) => command.join(' '));

/** What follows a flag in the command of a step. */
function argumentOf(input: EngineBuildInput, flag: string): string | undefined {
  const words = engineBuild(input).steps.flatMap(({ command }) => command);
  return words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
}

function problemsOf(input: EngineBuildInput): readonly Problem[] {
  try {
    engineBuild(input);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  return [];
}

describe('engineBuild', () => {
  it('quantizes Llama-3.1-8B to FP8 for an L4', () => {
    expect(commands(llama8b)).toEqual([
      'python3 /app/examples/quantization/quantize.py --model_dir /model --output_dir /checkpoint --dtype auto ' +
        '--qformat fp8 --kv_cache_dtype fp8 --tp_size 1 --pp_size 1',
      'trtllm-build --checkpoint_dir /checkpoint --output_dir /engine --max_batch_size 64 --max_input_len 4096 ' +
        '--max_seq_len 5120 --max_num_tokens 8192 --gemm_plugin disable --kv_cache_type paged ' +
        '--use_paged_context_fmha enable',
    ]);
  });

  it('converts a 70B in FP16 for four GPUs', () => {
    expect(commands({ ...llama70b, workers: 4 })).toEqual([
      'python3 /app/examples/models/core/llama/convert_checkpoint.py --model_dir /model --output_dir /checkpoint ' +
        '--dtype float16 --tp_size 4 --pp_size 1 --workers 4',
      'trtllm-build --checkpoint_dir /checkpoint --output_dir /engine --max_batch_size 32 --max_input_len 4096 ' +
        '--max_seq_len 5120 --max_num_tokens 8192 --gemm_plugin auto --kv_cache_type paged ' +
        '--use_paged_context_fmha enable --workers 4',
    ]);
  });

  it('gives pipeline stages to the checkpoint, and a file to each rank', () => {
    const input = { ...llama70b, pipelineParallel: 2 };
    const [convert, build] = commands(input);
    expect(convert).toContain('--tp_size 4 --pp_size 2');
    expect(build).not.toMatch(/--(tp|pp)_size/);
    expect(engineBuild(input).engineFiles).toEqual([
      'config.json',
      ...['rank0.engine', 'rank1.engine', 'rank2.engine', 'rank3.engine'],
      ...['rank4.engine', 'rank5.engine', 'rank6.engine', 'rank7.engine'],
    ]);
  });

  it('passes on what is asked for', () => {
    const input: EngineBuildInput = {
      ...llama8b,
      multipleProfiles: true,
      gemmPlugin: 'fp8',
      maxNumTokens: 2048,
      calibrationDataset: '/data/calibration',
      paths: { ...llama8b.paths, examples: '/opt/examples' },
    };
    const [quantize, build] = commands(input);
    expect(quantize).toMatch(/^python3 \/opt\/examples\/quantization.* --calib_dataset \/data\/calibration$/);
    expect(build).toContain('--max_num_tokens 2048 --gemm_plugin fp8');
    expect(build).toContain('--multiple_profiles enable');
  });

  it.each([
    ['llama', 'llama'],
    ['mistral', 'llama'],
    ['mixtral', 'llama'],
    ['qwen', 'qwen'],
  ] as const)('converts %s with the script of %s', (family, folder) => {
    expect(commands({ ...llama70b, family })[0]).toContain(`/models/core/${folder}/convert_checkpoint.py `);
  });

  it.each([
    ['fp8', 'fp8', 'auto'],
    ['fp8', 'bf16', 'bfloat16'],
    ['int8-sq', 'fp16', 'float16'],
    ['fp16', 'int8', 'float16'],
    ['bf16', 'bf16', 'bfloat16'],
  ] as const)('computes %s weights with a cache of %s in %s', (precision, kvCache, dtype) => {
    expect(argumentOf({ ...llama8b, precision, kvCache }, '--dtype')).toBe(dtype);
  });

  it('quantizes only the cache of weights of 16 bits', () => {
    const input: EngineBuildInput = { ...llama70b, kvCache: 'int8' };
    expect(engineBuild(input).steps.map(({ name }) => name)).toEqual(['quantize', 'build']);
    expect(argumentOf(input, '--qformat')).toBe('full_prec');
    expect(argumentOf(input, '--kv_cache_dtype')).toBe('int8');
  });

  it('leaves out what weight-only quantization has no use for', () => {
    const input: EngineBuildInput = { ...llama70b, precision: 'int8-wo', calibrationDataset: '/data' };
    expect(commands(input)[0]).not.toMatch(/--(calib_dataset|kv_cache_dtype)/);
  });

  it.each([
    ['fp8', 'fp8', true],
    ['bf16', 'fp8', false],
    ['fp8', 'int8', false],
    ['int4-awq', 'fp16', true],
  ] as const)('pages the context of %s weights with a cache of %s: %s', (precision, kvCache, paged) => {
    const input = { ...llama8b, precision, kvCache };
    expect(engineBuild(input).pagedContextAttention).toBe(paged);
    expect(argumentOf(input, '--use_paged_context_fmha')).toBe(paged ? 'enable' : 'disable');
  });

  it.each([
    [{ maxBatch: 64, maxInput: 4096, maxOutput: 1024 }, '8192'],
    [{ maxBatch: 64, maxInput: 16_000, maxOutput: 384 }, '16000'],
    [{ maxBatch: 1, maxInput: 4096, maxOutput: 1024 }, '5120'],
  ])('bounds the tokens of a pass of %o by %s', (lengths, tokens) => {
    expect(argumentOf({ ...llama8b, ...lengths }, '--max_num_tokens')).toBe(tokens);
  });

  it('says where the engine runs', () => {
    expect(engineBuild(llama8b).runsOn).toMatchObject({ computeCapability: 8.9, accelerators: ['nvidia-l4'] });
    const { accelerators, reason } = engineBuild(llama70b).runsOn;
    expect(accelerators).toEqual(['nvidia-tesla-a100', 'nvidia-a100-80gb']);
    expect(reason).toMatch(/compute capability .* 8\.0, .* other than A100 80 GB it starts with a warning$/);
  });

  const PRECISIONS: EnginePrecision[] = [
    'fp16',
    'bf16',
    'fp8',
    'int8-sq',
    'int8-wo',
    'int4-wo',
    'int4-awq',
    'w4a8-awq',
  ];
  it.each(TENSORRTLLM_RELEASES)('writes nothing but options that TensorRT-LLM %s has', (release) => {
    for (const family of CHECKPOINT_FAMILIES) {
      for (const precision of PRECISIONS) {
        for (const kvCache of ['int8', 'fp8', precision === 'fp16' ? 'fp16' : 'bf16'] as const) {
          const input = { ...llama8b, release, family, precision, kvCache, multipleProfiles: true, workers: 1 };
          for (const { name, command } of engineBuild({ ...input, calibrationDataset: '/data' }).steps) {
            const options = command.filter((word) => word.startsWith('--'));
            expect(commandFlags(release, name, family).flags).toEqual(expect.arrayContaining(options));
            expect(checkEngineFlags(release, name, command, family)).toEqual([]);
          }
        }
      }
    }
  });
});

describe('engineBuild refuses', () => {
  it.each<[string, Partial<EngineBuildInput>, string, RegExp]>([
    ['FP8 weights on an A100', { accelerator: 'nvidia-a100-80gb', kvCache: 'fp16' }, 'precision', /no FP8/],
    [
      'an FP8 cache on an A100',
      { accelerator: 'nvidia-tesla-a100', precision: 'int8-sq' },
      'kvCache',
      /no FP8 \(compute capability 8\.0/,
    ],
    ['FP4 on an L4', { precision: 'nvfp4' }, 'precision', /no FP4 .* needs 10\.0, Blackwell/],
    ['FP4 on an A100', { precision: 'nvfp4', kvCache: 'bf16', accelerator: 'nvidia-a100-80gb' }, 'precision', /no FP4/],
    [
      'a cache of another type of 16 bits',
      { precision: 'bf16', kvCache: 'fp16' },
      'kvCache',
      /differs from the weights/,
    ],
    ['FP8 kernels without FP8 scales', { precision: 'bf16', gemmPlugin: 'fp8' }, 'gemmPlugin', /needs scales/],
    ['more workers than ranks', { workers: 2 }, 'workers', /more than there are ranks, 1/],
    ['no ranks', { tensorParallel: 0 }, 'tensorParallel', /not a count/],
    ['half a stage', { pipelineParallel: 1.5 }, 'pipelineParallel', /not a count/],
    ['more tokens than requests hold', { maxBatch: 1, maxNumTokens: 8192 }, 'maxNumTokens', /would cut it to that/],
    [
      'a prompt in pieces over an int8 cache',
      { kvCache: 'int8', maxNumTokens: 2048 },
      'maxNumTokens',
      /cannot chunk over a cache of int8/,
    ],
    ['a release that nobody looked up', { release: '0.7' as TensorRtLlmRelease }, 'release', /commands are known/],
    ['a family without a script', { family: 'gpt' as 'llama' }, 'family', /no family/],
  ])('%s', (_what, change, key, reason) => {
    const problems = problemsOf({ ...llama8b, ...change });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ key, reason: expect.stringMatching(reason), allowed: expect.any(String) });
  });

  it('with every problem at once', () => {
    const keys = problemsOf({ ...llama8b, accelerator: 'nvidia-a100-80gb', workers: 3 }).map(({ key }) => key);
    expect(keys).toEqual(['precision', 'kvCache', 'workers']);
  });
});

describe('checkEngineFlags', () => {
  it.each([
    ['--max_output_len', /removed in TensorRT-LLM 0\.12/, /--max_seq_len/],
    ['--paged_kv_cache', /deprecated since TensorRT-LLM 0\.13/, /--kv_cache_type paged/],
    ['--use_inflight_batching', /build\.py/, /always on/],
    ['--use_fp8', /when the checkpoint is made/, /quantize\.py --qformat fp8/],
    ['--tp_size', /0\.12/, /give --tp_size to convert_checkpoint\.py or quantize\.py/],
    ['--max_seq_length', /no option of TensorRT-LLM 1\.0/, /did you mean --max_seq_len\?/],
    ['--calib_dataset', /no option/, /give it to convert_checkpoint\.py/],
    ['--no_such_thing_anywhere', /no option/, /remove it/],
    ['--constructor', /no option/, /remove it/],
  ])('explains trtllm-build %s', (flag, reason, fix) => {
    expect(checkEngineFlags('1.0', 'build', [flag, 'x', '--log_level', 'info'])).toEqual([
      {
        key: `trtllm-build ${flag}`,
        reason: expect.stringMatching(reason),
        fix: expect.stringMatching(fix),
      },
    ]);
  });

  it('reads options with their value attached', () => {
    expect(checkEngineFlags('1.0', 'build', ['--max_seq_len=5120', '--max_output_len=1024'])).toMatchObject([
      { key: 'trtllm-build --max_output_len' },
    ]);
  });

  it('sends options to the command that has them', () => {
    expect(checkEngineFlags('1.0', 'convert', ['--max_batch_size', '8'])).toMatchObject([
      { key: 'convert_checkpoint.py --max_batch_size', fix: 'give it to trtllm-build' },
    ]);
    expect(checkEngineFlags('1.0', 'quantize', ['--use_fp8'])).toMatchObject([{ fix: 'write --qformat fp8' }]);
  });

  it('tells the scripts of the families apart', () => {
    expect(checkEngineFlags('1.0', 'convert', ['--meta_ckpt_dir', '/meta'])).toEqual([]);
    expect(checkEngineFlags('1.0', 'convert', ['--meta_ckpt_dir', '/meta'], 'qwen')).toHaveLength(1);
  });

  it('does not guess at a release that nobody looked up', () => {
    expect(checkEngineFlags('0.7' as TensorRtLlmRelease, 'build', ['--max_output_len'])).toMatchObject([
      { key: 'release', value: '0.7', allowed: TENSORRTLLM_RELEASES.join(', ') },
    ]);
  });
});
