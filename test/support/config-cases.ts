/** A config.pbtxt that cannot work. */
export interface ConfigCase {
  readonly name: string;
  readonly text: string;
  /** The key that our check names. */
  readonly key: string;
  /** What the real core says, or why we refuse what it takes. */
  readonly core: RegExp | { readonly stricter: string };
}

const IO = `
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
`;
const model = (more: string, batch = 8) => `backend: "onnxruntime"\nmax_batch_size: ${batch}\n${more}${IO}`;
const withIo = (io: string) =>
  `backend: "onnxruntime"\nmax_batch_size: 0\n${io}\ninstance_group [ { count: 1 kind: KIND_CPU } ]\n`;
const ENSEMBLE_IO = `
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]
`;
const step = (input: string, output: string) =>
  `{ model_name: "member" model_version: -1 input_map { key: "IN" value: "${input}" } output_map { key: "OUT" value: "${output}" } }`;
const ensemble = (more: string) => `platform: "ensemble"\nmax_batch_size: 0\n${ENSEMBLE_IO}${more}`;

/** Configurations that differ from one that works in one thing. */
export const BAD_CONFIGS: readonly ConfigCase[] = [
  {
    name: 'another name than the folder',
    text: `name: "other"\n${model('')}`,
    key: 'name',
    core: /unexpected directory name|does not match/i,
  },
  {
    name: 'a negative batch size',
    text: model('', -1),
    key: 'max_batch_size',
    core: /'max_batch_size' must be non-negative/,
  },
  {
    name: 'dynamic batching without batches',
    text: model('dynamic_batching { }\n', 0),
    key: 'max_batch_size',
    core: { stricter: 'the core takes it and never batches' },
  },
  {
    name: 'a preferred size above the largest',
    text: model('dynamic_batching { preferred_batch_size: [ 16 ] }\n'),
    key: 'dynamic_batching.preferred_batch_size',
    core: /preferred size must be <= max batch size/,
  },
  {
    name: 'a preferred size of 0',
    text: model('dynamic_batching { preferred_batch_size: [ 0 ] }\n'),
    key: 'dynamic_batching.preferred_batch_size',
    core: /preferred size must be positive/,
  },
  {
    name: 'a default level beyond the last',
    text: model('dynamic_batching { priority_levels: 2 default_priority_level: 3 }\n'),
    key: 'dynamic_batching.default_priority_level',
    core: /default priority level must be in range \[1, 2\]/,
  },
  {
    name: 'levels without a default',
    text: model('dynamic_batching { priority_levels: 2 }\n'),
    key: 'dynamic_batching.default_priority_level',
    core: /default priority level must be in range/,
  },
  {
    name: 'a policy for a level beyond the last',
    text: model(
      'dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value { max_queue_size: 1 } } }\n',
    ),
    key: 'dynamic_batching.priority_queue_policy[3]',
    core: /priority queue policy must have priority level in range/,
  },
  {
    name: 'priorities in the order of arrival',
    text: model('dynamic_batching { preserve_ordering: true priority_levels: 2 default_priority_level: 1 }\n'),
    key: 'dynamic_batching.priority_levels',
    core: /Only one priority level is allowed when 'preserve_ordering'/,
  },
  {
    name: 'delays in the order of arrival',
    text: model(
      'dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5 } }\n',
    ),
    key: 'dynamic_batching.default_queue_policy.timeout_action',
    core: /can not have DELAY as timeout action/,
  },
  {
    name: 'an override of no time-out',
    text: model('dynamic_batching { default_queue_policy { allow_timeout_override: true } }\n'),
    key: 'dynamic_batching.default_queue_policy.allow_timeout_override',
    core: { stricter: 'the core takes it, and heeds no time-out of a request' },
  },
  {
    name: 'a preferred size above the largest, of sequences',
    text: model('sequence_batching { oldest { preferred_batch_size: [ 9 ] } }\n'),
    key: 'sequence_batching.oldest.preferred_batch_size',
    core: /sequence batching preferred batch size must be <= max batch/,
  },
  {
    name: 'slots used more than whole',
    text: model('sequence_batching { direct { minimum_slot_utilization: 1.5 } }\n'),
    key: 'sequence_batching.direct.minimum_slot_utilization',
    core: /minimum slot utilization must be in range/,
  },
  {
    name: 'a dimension of 0',
    text: withIo(
      'input [ { name: "IN" data_type: TYPE_FP32 dims: [ 0 ] } ]\noutput [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]',
    ),
    key: 'input[0].dims',
    core: /dimension must be integer >= 1/,
  },
  {
    name: 'no dimensions',
    text: withIo(
      'input [ { name: "IN" data_type: TYPE_FP32 } ]\noutput [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]',
    ),
    key: 'input[0].dims',
    core: /must specify 'dims'/,
  },
  {
    name: 'no data type',
    text: withIo('input [ { name: "IN" dims: [ 4 ] } ]\noutput [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]'),
    key: 'input[0].data_type',
    core: /must specify 'data_type'/,
  },
  {
    name: 'an input without a name',
    text: withIo(
      'input [ { data_type: TYPE_FP32 dims: [ 4 ] } ]\noutput [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]',
    ),
    key: 'input[0].name',
    core: /must specify 'name'/,
  },
  {
    name: 'an input twice',
    text: withIo(
      'input [ { name: "IN" data_type: TYPE_FP32 dims: [ 4 ] }, { name: "IN" data_type: TYPE_FP32 dims: [ 4 ] } ]\noutput [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]',
    ),
    key: 'input[1].name',
    core: { stricter: 'the core takes it, and no request can say which of the two it means' },
  },
  {
    name: 'a scalar without batches',
    text: withIo(
      'input [ { name: "IN" data_type: TYPE_FP32 dims: [ 1 ] reshape { shape: [ ] } } ]\noutput [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]',
    ),
    key: 'input[0].reshape',
    core: /cannot have empty reshape for non-batching model/,
  },
  {
    name: 'GPUs of a group on the CPU',
    text: model('').replace('kind: KIND_CPU', 'kind: KIND_CPU gpus: [ 0 ]'),
    key: 'instance_group[0].gpus',
    core: /has kind KIND_CPU but specifies one or more GPUs/,
  },
  {
    name: 'no version served',
    text: model('version_policy { latest { num_versions: 0 } }\n'),
    key: 'version_policy.latest.num_versions',
    core: /at least one version must be available under the version policy/,
  },
  {
    name: 'a version 0',
    text: model('version_policy { specific { versions: [ 0 ] } }\n'),
    key: 'version_policy.specific.versions',
    core: /0|version/i,
  },
  {
    name: 'a cache for any number of responses',
    text: model('model_transaction_policy { decoupled: true }\nresponse_cache { enable: true }\n'),
    key: 'response_cache.enable',
    core: /Response Cache does not currently support model .* with 'decoupled'/,
  },
  {
    name: 'a cache for sequences',
    text: model('sequence_batching { }\nresponse_cache { enable: true }\n'),
    key: 'response_cache.enable',
    core: /Response Cache does not currently support model .* with sequence batching/,
  },
  {
    name: 'a backend of older guides',
    text: model('').replace('onnxruntime', 'tensorrt_llm'),
    key: 'backend',
    core: /unable to find backend library|no backend|tensorrt_llm/i,
  },
  {
    name: 'an ensemble without steps',
    text: ensemble(''),
    key: 'ensemble_scheduling',
    core: /ensemble scheduling must be set/,
  },
  {
    name: 'an ensemble with instances',
    text: ensemble(
      `ensemble_scheduling { step [ ${step('IN', 'OUT')} ] }\ninstance_group [ { count: 1 kind: KIND_CPU } ]\n`,
    ),
    key: 'instance_group[0]',
    core: /instance group should not be specified for ensemble/,
  },
  {
    name: 'an ensemble with a backend',
    text: ensemble(`backend: "onnxruntime"\nensemble_scheduling { step [ ${step('IN', 'OUT')} ] }\n`),
    key: 'backend',
    core: /must have platform type|empty backend/,
  },
  {
    name: 'steps of what is no ensemble',
    text: model(`ensemble_scheduling { step [ ${step('IN', 'OUT')} ] }\n`),
    key: 'platform',
    core: /ensemble scheduling cannot be set/,
  },
  {
    name: 'a tensor that nobody makes',
    text: ensemble(`ensemble_scheduling { step [ ${step('NOBODY', 'OUT')} ] }\n`),
    key: 'ensemble_scheduling.step[0].input_map[IN]',
    core: /not used|not written|not connected/,
  },
  {
    name: 'an output that nobody makes',
    text: ensemble(`ensemble_scheduling { step [ ${step('IN', 'ELSE')} ] }\n`),
    key: 'output',
    core: /is not used|not written/,
  },
  {
    name: 'a tensor that nobody takes',
    text: ensemble(`ensemble_scheduling { step [ ${step('IN', 'OUT')}, ${step('IN', 'SPARE')} ] }\n`),
    key: 'ensemble_scheduling',
    core: /is unused in ensemble/,
  },
  {
    name: 'a tensor that is made twice',
    text: ensemble(`ensemble_scheduling { step [ ${step('IN', 'OUT')}, ${step('IN', 'OUT')} ] }\n`),
    key: 'ensemble_scheduling.step[1].output_map[OUT]',
    core: /can appear in an output map only once|more than once|only once/i,
  },
];

/** The member of those ensembles. */
export const MEMBER = `backend: "onnxruntime"\nmax_batch_size: 0\n${IO}`;
