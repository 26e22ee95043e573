import { didYouMean } from '../parse';
import type { Problem } from '../problem';
import type { ModelConfig } from './model-config';

// biome-ignore lint/suspicious/noExplicitAny: a message in protobuf's JSON mapping
type Json = any;

/** Backends of the images in versions.json. */
const BACKENDS = [
  'tensorrtllm',
  'vllm',
  'python',
  'onnxruntime',
  'pytorch',
  'tensorrt',
  'dali',
  'fil',
  'identity',
  'openvino',
  'repeat',
  'square',
  'tensorflow',
];

/** Spellings of platform and backend that guides have, and what is right. */
const MISSPELLED: Readonly<Record<string, string>> = {
  tensorrt_llm: 'backend: "tensorrtllm"',
  trtllm: 'backend: "tensorrtllm"',
  onnx: 'backend: "onnxruntime"',
  torch: 'backend: "pytorch"',
  libtorch: 'backend: "pytorch"',
};

/**
 * What Triton refuses though its schema allows it, by the rules of its core (triton-inference-server/core,
 * src/model_config_utils.cc on r25.10), and a few things that it takes and that do not do what they seem to.
 *
 * @param folder - the name of the folder that the file lies in, where it is known
 */
export function configProblems(config: ModelConfig, folder?: string): Problem[] {
  const c = config as Json;
  return [
    ...nameProblems(c, folder),
    ...backendProblems(c),
    ...batchProblems(c),
    ...ioProblems(c, 'input'),
    ...ioProblems(c, 'output'),
    ...dynamicProblems(c),
    ...sequenceProblems(c),
    ...instanceProblems(c),
    ...versionProblems(c),
    ...cacheProblems(c),
    ...ensembleProblems(c),
  ];
}

function nameProblems(c: Json, folder?: string): Problem[] {
  if (c.name === undefined || folder === undefined || c.name === folder) return [];
  return [
    {
      key: 'name',
      value: c.name,
      reason: `is not the name of the model's folder, ${folder}`,
      allowed: folder,
      fix: 'rename one of the two, or leave name out',
    },
  ];
}

function backendProblems(c: Json): Problem[] {
  const right = MISSPELLED[c.backend] ?? MISSPELLED[c.platform];
  if (right !== undefined) {
    const key = MISSPELLED[c.backend] === undefined ? 'platform' : 'backend';
    return [{ key, value: c[key], reason: 'there is no such backend', fix: right }];
  }
  if (c.platform === 'ensemble') {
    if (c.backend === undefined) return [];
    return [
      { key: 'backend', value: c.backend, reason: 'an ensemble has a platform and no backend', fix: 'remove it' },
    ];
  }
  if (c.backend === undefined) {
    if (c.platform !== undefined) return [];
    return [
      {
        key: 'backend',
        reason: 'is missing: the server guesses it from the name of the model file, and not every backend has one',
        allowed: BACKENDS.join(', '),
        fix: 'add it',
      },
    ];
  }
  const meant = BACKENDS.includes(c.backend) ? undefined : didYouMean(c.backend, BACKENDS);
  if (meant === undefined) return [];
  return [{ key: 'backend', value: c.backend, reason: 'there is no such backend', fix: `did you mean ${meant}?` }];
}

function batchProblems(c: Json): Problem[] {
  const size = c.max_batch_size ?? 0;
  if (size < 0)
    return [{ key: 'max_batch_size', value: size, reason: 'is negative', allowed: '0 (no batches), or more' }];
  const scheduler = ['dynamic_batching', 'sequence_batching'].find((key) => c[key] !== undefined);
  if (size > 0 || scheduler !== 'dynamic_batching') return [];
  return [
    {
      key: 'max_batch_size',
      value: size,
      reason: '0 turns batches off, and dynamic_batching then does nothing',
      allowed: '1 or more beside dynamic_batching',
      fix: 'set max_batch_size, or remove dynamic_batching',
    },
  ];
}

function ioProblems(c: Json, key: 'input' | 'output'): Problem[] {
  const all: Json[] = c[key] ?? [];
  return all.flatMap((io, index): Problem[] => {
    const at = `${key}[${index}]`;
    const problems: Problem[] = [];
    if (!io.name) problems.push({ key: `${at}.name`, reason: 'is missing' });
    if (all.findIndex((other) => other.name === io.name) !== index) {
      problems.push({ key: `${at}.name`, value: io.name, reason: 'stands there twice' });
    }
    if ((io.data_type ?? 'TYPE_INVALID') === 'TYPE_INVALID') {
      problems.push({ key: `${at}.data_type`, reason: 'is missing', allowed: 'TYPE_FP32 and its like' });
    }
    const dims: number[] = (io.dims ?? []).map(Number);
    if (dims.length === 0)
      problems.push({ key: `${at}.dims`, reason: 'is missing', allowed: 'sizes, -1 for one that varies' });
    for (const [place, shape] of [
      ['dims', dims],
      ['reshape.shape', (io.reshape?.shape ?? []).map(Number)],
    ] as const) {
      for (const size of shape) {
        if (size >= 1 || size === -1) continue;
        problems.push({
          key: `${at}.${place}`,
          value: size,
          reason: 'is no size',
          allowed: '1 or more, or -1 for one that varies',
        });
      }
    }
    if (io.reshape !== undefined && (io.reshape.shape ?? []).length === 0 && (c.max_batch_size ?? 0) === 0) {
      problems.push({ key: `${at}.reshape`, reason: 'is a scalar, which a model without batches cannot have' });
    }
    return problems;
  });
}

function dynamicProblems(c: Json): Problem[] {
  const batching = c.dynamic_batching;
  if (batching === undefined) return [];
  const max = c.max_batch_size ?? 0;
  const levels = Number(batching.priority_levels ?? 0);
  const normal = Number(batching.default_priority_level ?? 0);
  const problems: Problem[] = preferredProblems(
    'dynamic_batching.preferred_batch_size',
    batching.preferred_batch_size,
    max,
  );
  const range = `1 to ${levels}`;
  if (levels > 0 && (normal < 1 || normal > levels)) {
    problems.push({
      key: 'dynamic_batching.default_priority_level',
      value: normal,
      reason: 'is no level of the queue',
      allowed: range,
    });
  }
  for (const level of Object.keys(batching.priority_queue_policy ?? {})) {
    if (levels === 0 || (Number(level) >= 1 && Number(level) <= levels)) continue;
    problems.push({
      key: `dynamic_batching.priority_queue_policy[${level}]`,
      value: Number(level),
      reason: 'is no level of the queue',
      allowed: range,
    });
  }
  problems.push(...overrideProblems(batching));
  if (batching.preserve_ordering) {
    if (levels > 1) {
      problems.push({
        key: 'dynamic_batching.priority_levels',
        value: levels,
        reason: 'requests of a higher level overtake others, and preserve_ordering forbids that',
        allowed: '1',
      });
    }
    for (const [place, policy] of policiesOf(batching)) {
      if (policy?.timeout_action !== 'DELAY' || Number(policy.default_timeout_microseconds ?? 0) === 0) continue;
      problems.push({
        key: `dynamic_batching.${place}.timeout_action`,
        value: 'DELAY',
        reason: 'a delayed request is overtaken by others, and preserve_ordering forbids that',
        allowed: 'REJECT',
      });
    }
  }
  return problems;
}

function policiesOf(batching: Json): [string, Json][] {
  return [
    ['default_queue_policy', batching.default_queue_policy],
    ...Object.entries(batching.priority_queue_policy ?? {}).map(([level, policy]): [string, Json] => [
      `priority_queue_policy[${level}]`,
      policy,
    ]),
  ];
}

/** A request's own time counts where it is shorter than the policy's: without one none does (core, scheduler_utils.cc). */
function overrideProblems(batching: Json): Problem[] {
  return policiesOf(batching)
    .filter(([, policy]) => policy?.allow_timeout_override && Number(policy.default_timeout_microseconds ?? 0) === 0)
    .map(([place]) => ({
      key: `dynamic_batching.${place}.allow_timeout_override`,
      value: true,
      reason: 'requests may only shorten the default time-out, and there is none',
      fix: 'add default_timeout_microseconds: the longest time that a request may ask for',
    }));
}

function preferredProblems(key: string, sizes: readonly number[] = [], max: number): Problem[] {
  return sizes
    .filter((size) => size <= 0 || size > max)
    .map((size) => ({
      key,
      value: size,
      reason: size <= 0 ? 'is no size of a batch' : `is larger than max_batch_size, ${max}`,
      allowed: max > 0 ? `1 to ${max}` : 'none while max_batch_size is 0',
    }));
}

function sequenceProblems(c: Json): Problem[] {
  const batching = c.sequence_batching;
  if (batching === undefined) return [];
  const max = c.max_batch_size ?? 0;
  const problems = preferredProblems(
    'sequence_batching.oldest.preferred_batch_size',
    batching.oldest?.preferred_batch_size,
    max,
  );
  const utilization = batching.direct?.minimum_slot_utilization ?? 0;
  if (utilization < 0 || utilization > 1) {
    problems.push({
      key: 'sequence_batching.direct.minimum_slot_utilization',
      value: utilization,
      reason: 'is no part of the slots',
      allowed: '0 to 1',
    });
  }
  return problems;
}

function instanceProblems(c: Json): Problem[] {
  const groups: Json[] = c.instance_group ?? [];
  return groups.flatMap((group, index): Problem[] => {
    const key = `instance_group[${index}]`;
    const problems: Problem[] = [];
    if (c.platform === 'ensemble') {
      return [{ key, reason: 'an ensemble has no instances: its members have', fix: 'remove it' }];
    }
    if (['KIND_CPU', 'KIND_MODEL'].includes(group.kind) && (group.gpus ?? []).length > 0) {
      problems.push({
        key: `${key}.gpus`,
        value: group.gpus,
        reason: `a group of ${group.kind} names no GPUs`,
        fix: 'remove it',
      });
    }
    if ((group.count ?? 0) < 0) problems.push({ key: `${key}.count`, value: group.count, reason: 'is negative' });
    return problems;
  });
}

function versionProblems(c: Json): Problem[] {
  const policy = c.version_policy;
  if (policy?.latest !== undefined && (policy.latest.num_versions ?? 0) === 0) {
    return [
      {
        key: 'version_policy.latest.num_versions',
        value: 0,
        reason: 'no version would be served',
        allowed: '1 or more',
      },
    ];
  }
  if (policy?.specific === undefined) return [];
  const versions: string[] = policy.specific.versions ?? [];
  if (versions.length === 0) return [{ key: 'version_policy.specific.versions', reason: 'no version would be served' }];
  return versions
    .filter((version) => Number(version) < 1)
    .map((version) => ({
      key: 'version_policy.specific.versions',
      value: Number(version),
      reason: 'is the name of no version folder',
      allowed: '1 or more',
    }));
}

function cacheProblems(c: Json): Problem[] {
  if (!c.response_cache?.enable) return [];
  const decoupled = c.model_transaction_policy?.decoupled;
  if (!decoupled && c.sequence_batching === undefined) return [];
  return [
    {
      key: 'response_cache.enable',
      value: true,
      reason: `the server refuses a cache for a model ${decoupled ? 'with the decoupled transaction policy' : 'that batches sequences'}`,
      fix: 'remove it',
    },
  ];
}

function ensembleProblems(c: Json): Problem[] {
  const scheduling = c.ensemble_scheduling;
  if (scheduling === undefined) {
    if (c.platform !== 'ensemble') return [];
    return [{ key: 'ensemble_scheduling', reason: 'is missing: an ensemble is made of its steps' }];
  }
  if (c.platform !== 'ensemble') {
    return [
      {
        key: 'platform',
        value: c.platform,
        reason: 'ensemble_scheduling belongs to platform ensemble',
        allowed: 'ensemble',
      },
    ];
  }
  const steps: Json[] = scheduling.step ?? [];
  if (steps.length === 0)
    return [{ key: 'ensemble_scheduling.step', reason: 'is missing: an ensemble is made of its steps' }];
  return [
    ...['optimization', 'model_warmup']
      .filter((key) => c[key] !== undefined)
      .map((key) => ({ key, reason: 'an ensemble has none: its members have', fix: 'remove it' })),
    ...flowProblems(c, steps),
  ];
}

/** Tensors that nobody makes, that are made twice, or that nobody takes. */
function flowProblems(c: Json, steps: readonly Json[]): Problem[] {
  const problems: Problem[] = [];
  const made = new Map<string, string>((c.input ?? []).map((io: Json) => [io.name, 'an input of the ensemble']));
  for (const [index, step] of steps.entries()) {
    for (const [output, tensor] of Object.entries<string>(step.output_map ?? {})) {
      const key = `ensemble_scheduling.step[${index}].output_map[${output}]`;
      const before = made.get(tensor);
      if (before !== undefined) problems.push({ key, value: tensor, reason: `is made already, by ${before}` });
      else made.set(tensor, `step ${index}`);
    }
  }
  const taken = new Set<string>((c.output ?? []).map((io: Json) => io.name));
  for (const [index, step] of steps.entries()) {
    for (const [input, tensor] of Object.entries<string>(step.input_map ?? {})) {
      taken.add(tensor);
      if (made.has(tensor)) continue;
      problems.push({
        key: `ensemble_scheduling.step[${index}].input_map[${input}]`,
        value: tensor,
        reason: 'nobody makes this tensor',
        allowed: [...made.keys()].join(', '),
      });
    }
  }
  for (const { name } of c.output ?? []) {
    if (!made.has(name))
      problems.push({ key: 'output', value: name, reason: 'no step makes it', allowed: [...made.keys()].join(', ') });
  }
  for (const [tensor, maker] of made) {
    if (!taken.has(tensor))
      problems.push({ key: 'ensemble_scheduling', value: tensor, reason: `nobody takes this tensor (${maker})` });
  }
  return problems;
}
