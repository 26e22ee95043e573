import { ACCELERATORS, type AcceleratorName } from '../accelerator';
import { engineOf } from '../engine/engine-of';
import type { ModelSpec, Scale } from '../model';
import { InputError, type Problem } from '../problem';
import { architectureProblems } from './architecture';
import {
  type Backend,
  isDecoupled,
  isLanguageModel,
  type LanguageModelBackend,
  type TensorRtLlmBackend,
  workingBackends,
} from './backend';
import { batchingProblems, maxBatchSize } from './batching';
import { ensembleProblems } from './ensemble';
import { instanceProblems } from './instances';
import { KV_PRECISIONS, type KvPrecision, PRECISIONS, type Precision, precisionProblems } from './precision';
import { promiseProblems } from './promise';
import { tensorProblems } from './tensor';
import { servedVersions, versionsOf } from './version-policy';

/** What cannot work in a scale, told against `key`. */
export function scaleProblems(scale: Scale, key: string): Problem[] {
  const problems: Problem[] = [];
  if (scale.min > scale.max) {
    problems.push({
      key: `${key}.min`,
      value: scale.min,
      reason: `more replicas at least than at most (${key}.max is ${scale.max})`,
      allowed: `1 to ${scale.max}`,
      fix: `set ${key}.max to ${scale.min} or more, or ${key}.min to ${scale.max} or less`,
    });
  }
  if (scale.min === 0 && scale.wake === undefined) {
    problems.push({
      key: `${key}.min`,
      value: 0,
      reason: 'nothing starts the first replica: where no pod is left, none can tell that requests come',
      allowed: `1 to ${scale.max}, or 0 with ${key}.wake`,
      fix: `set it to 1, or name what wakes it: ${key}.wake: { kind: 'prometheus', query: ... }`,
    });
  }
  if (scale.min > 0 && scale.wake !== undefined) {
    problems.push({
      key: `${key}.wake`,
      value: scale.wake.kind,
      reason: `wakes nothing: ${scale.min} replicas always run`,
      fix: `remove it, or set ${key}.min to 0`,
    });
  }
  return problems;
}

/** Everything in a description that contradicts itself, or that its backend or GPU does not do. */
export function modelProblems(spec: ModelSpec): Problem[] {
  return [
    ...scaleProblems(spec.scale, 'scale'),
    ...hardwareProblems(spec),
    ...memberProblems(spec),
    ...backendProblems(spec),
    ...versionProblems(spec),
    ...cacheProblems(spec),
    ...warmupProblems(spec),
    ...promiseProblems(spec),
  ];
}

/** What runs on GPUs alone, and was given none. */
function hardwareProblems({ backend, accelerator }: ModelSpec): Problem[] {
  if (accelerator !== 'none') return [];
  const needing = workingBackends(backend).filter((each) => {
    if (isLanguageModel(each) || each.kind === 'tensorrt') return true;
    // Of a model itself nothing said means the CPU; a member was defined for a GPU.
    const instances = each.instances ?? (each === backend ? [] : [{ count: 1 }]);
    return instances.some(({ kind }) => kind !== 'cpu');
  });
  if (needing.length === 0) return [];
  const kinds = [...new Set(needing.map(({ kind }) => kind))].join(', ');
  return [
    {
      key: 'accelerator',
      value: accelerator,
      reason: `${kinds} ${backend.kind === 'ensemble' ? 'among its members ' : ''}has instances on GPUs`,
      allowed: ACCELERATORS.join(', '),
      fix: 'name an accelerator, or put all instances on the CPU (kind: cpu) where the backend runs there',
    },
  ];
}

/** An ensemble and its members run on the same GPUs: engines and plans for another one do not load there. */
function memberProblems({ backend, accelerator }: ModelSpec): Problem[] {
  if (backend.kind !== 'ensemble' || accelerator === 'none') return [];
  const members = backend.steps.map(({ model }) => model);
  const problems = backend.steps.flatMap(({ model }, index): Problem[] =>
    model.accelerator === accelerator || model.accelerator === 'none'
      ? []
      : [
          {
            key: `backend.steps[${index}].model`,
            value: model.name,
            reason: `is for ${model.accelerator}, and the ensemble for ${accelerator}`,
            allowed: `members for ${accelerator}, or for none`,
            fix: 'define the member for the same accelerator',
          },
        ],
  );
  if (members.some((member) => member.accelerator !== 'none')) return problems;
  return [
    {
      key: 'accelerator',
      value: accelerator,
      reason: 'all of its members run on the CPU alone',
      allowed: 'none',
      fix: 'say none, or give one of the members an accelerator',
    },
  ];
}

function backendProblems({ backend, accelerator }: ModelSpec): Problem[] {
  if (isLanguageModel(backend)) return accelerator === 'none' ? [] : languageModelProblems(backend, accelerator);
  if (backend.kind === 'ensemble') return ensembleProblems(backend);
  return [
    ...batchingProblems(backend.batching, 'backend.batching'),
    ...instanceProblems(backend.instances ?? [], 'backend.instances'),
    ...tensorProblems(backend.inputs, maxBatchSize(backend.batching) > 0, 'backend.inputs'),
    ...tensorProblems(backend.outputs, maxBatchSize(backend.batching) > 0, 'backend.outputs'),
    ...decoupledProblems(backend),
  ];
}

function languageModelProblems(backend: LanguageModelBackend, accelerator: AcceleratorName): Problem[] {
  const { architecture, precision, kvCache, tensorParallel = 1, pipelineParallel = 1 } = backend;
  const problems = [
    ...architectureProblems(architecture, 'backend.architecture'),
    ...precisionProblems(accelerator, { 'backend.precision': precision, 'backend.kvCache': kvCache }),
  ];
  problems.push(...servedTypeProblems(backend));
  if (architecture.heads % tensorParallel !== 0) {
    problems.push({
      key: 'backend.tensorParallel',
      value: tensorParallel,
      reason: `the ${architecture.heads} attention heads do not divide by it`,
      allowed: [1, 2, 4, 8, 16].filter((size) => architecture.heads % size === 0).join(', '),
    });
  }
  if (pipelineParallel > architecture.layers) {
    problems.push({
      key: 'backend.pipelineParallel',
      value: pipelineParallel,
      reason: `there are ${architecture.layers} layers to share out`,
      allowed: `1 to ${architecture.layers}`,
    });
  }
  // What no engine can be built for is told once nothing else is wrong.
  return problems.length === 0 && backend.kind === 'tensorrtllm' ? engineProblems(backend, accelerator) : problems;
}

function engineProblems(backend: TensorRtLlmBackend, accelerator: AcceleratorName): Problem[] {
  try {
    engineOf(backend, accelerator);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems.map((problem) => ({ ...problem, key: `backend.${problem.key}` }));
  }
}

/**
 * Types that each runtime serves: TensorRT-LLM by examples/quantization/quantize.py; the LLM API and vLLM by what their
 * checkpoints can say (`quant_config` of the checkpoint; vLLM's `quantization`).
 */
const SERVED_TYPES: Readonly<
  Record<
    LanguageModelBackend['kind'],
    { readonly precision: readonly Precision[]; readonly kvCache: readonly KvPrecision[] }
  >
> = {
  tensorrtllm: { precision: PRECISIONS.filter((each) => each !== 'fp32'), kvCache: KV_PRECISIONS },
  llmapi: { precision: ['fp16', 'bf16', 'fp8', 'int4-awq', 'w4a8-awq', 'nvfp4'], kvCache: ['fp16', 'bf16', 'fp8'] },
  vllm: { precision: ['fp32', 'fp16', 'bf16', 'fp8', 'int4-awq'], kvCache: ['fp16', 'bf16', 'fp8'] },
};

function servedTypeProblems(backend: LanguageModelBackend): Problem[] {
  const served = SERVED_TYPES[backend.kind];
  return (['precision', 'kvCache'] as const).flatMap((key): Problem[] => {
    const value = backend[key];
    if (value === undefined || (served[key] as readonly string[]).includes(value)) return [];
    return [
      { key: `backend.${key}`, value, reason: `${backend.kind} does not serve it`, allowed: served[key].join(', ') },
    ];
  });
}

/** A decoupled model answers when it likes: what counts one answer a request does not go with it. */
function decoupledProblems(backend: Exclude<Backend, LanguageModelBackend | { kind: 'ensemble' }>): Problem[] {
  if (backend.kind !== 'python' || !backend.decoupled) return [];
  if (backend.batching.kind !== 'dynamic' || !backend.batching.preserveOrdering) return [];
  return [
    {
      key: 'backend.batching.preserveOrdering',
      value: true,
      reason: 'a decoupled model has any number of responses to a request, which have no order among requests',
      fix: 'remove it, or decoupled',
    },
  ];
}

function versionProblems(spec: ModelSpec): Problem[] {
  const { versionPolicy, backend, accelerator } = spec;
  const versions = versionsOf(spec);
  const numbers = versions.map(({ version }) => version);
  const problems = numbers.flatMap((version, index): Problem[] =>
    numbers.indexOf(version) === index
      ? []
      : [{ key: `versions[${index}].version`, value: version, reason: 'stands there twice' }],
  );
  for (const [index, { precision }] of versions.entries()) {
    if (accelerator === 'none') break;
    problems.push(...precisionProblems(accelerator, { [`versions[${index}].precision`]: precision }));
  }
  if (versionPolicy?.kind === 'specific') {
    for (const [index, version] of versionPolicy.versions.entries()) {
      if (numbers.includes(version)) continue;
      problems.push({
        key: `versionPolicy.versions[${index}]`,
        value: version,
        reason: 'there is no such version',
        allowed: numbers.join(', '),
      });
    }
  }
  if (backend.kind === 'tensorrtllm' && servedVersions({ versions, versionPolicy }).length > 1) {
    problems.push({
      key: 'versionPolicy',
      value: versionPolicy,
      reason:
        'the backend reads one gpt_model_path for all versions of a model (TensorRT-LLM, model_instance_state.cc): they would all run one engine',
      allowed: 'one served version',
      fix: 'serve the latest alone, or define a model for each engine',
    });
  }
  return problems;
}

function cacheProblems({ responseCache, backend }: ModelSpec): Problem[] {
  if (!responseCache) return [];
  if ('batching' in backend && backend.batching.kind === 'sequence') {
    return [
      {
        key: 'responseCache',
        value: true,
        reason: 'the answer to a request of a sequence depends on those before it: the server refuses a cache there',
        fix: 'remove it',
      },
    ];
  }
  if (!isDecoupled(backend)) return [];
  return [
    {
      key: 'responseCache',
      value: true,
      reason: 'a decoupled model has any number of responses to a request, and the cache keeps one',
      fix: 'streaming' in backend ? 'remove it, or set backend.streaming to false' : 'remove it',
    },
  ];
}

function warmupProblems({ warmup = [], backend }: ModelSpec): Problem[] {
  if (warmup.length === 0) return [];
  if (isLanguageModel(backend) || backend.kind === 'ensemble') {
    return [
      {
        key: 'warmup',
        value: warmup.map(({ name }) => name),
        reason: `a model of backend ${backend.kind} is not warmed up by Triton`,
        fix: backend.kind === 'ensemble' ? 'warm up its members' : 'send it a request after start',
      },
    ];
  }
  const known = new Map(backend.inputs.map((input) => [input.name, input]));
  return warmup.flatMap(({ inputs }, index) =>
    Object.entries(inputs).flatMap(([name, { dataType }]): Problem[] => {
      const input = known.get(name);
      const key = `warmup[${index}].inputs.${name}`;
      if (input === undefined) {
        return [{ key, reason: 'the model has no such input', allowed: [...known.keys()].join(', ') }];
      }
      if (input.dataType === dataType) return [];
      return [
        { key: `${key}.dataType`, value: dataType, reason: 'the input has another type', allowed: input.dataType },
      ];
    }),
  );
}
