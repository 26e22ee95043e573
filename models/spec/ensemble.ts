import type { Problem } from '../problem';
import type { EnsembleBackend, EnsembleStep } from './backend';
import { maxBatchSize } from './batching';
import type { Input, Output } from './tensor';
import { modelInputs, modelOutputs } from './tensors';

interface Known {
  readonly tensor: Output;
  /** Who makes it, for messages. */
  readonly from: string;
}

/**
 * Ensembles that the server would refuse to load, or that would wait for ever for a tensor: inputs that nobody makes,
 * tensors made twice, types and shapes that differ from one end to the other, members that batch less.
 */
export function ensembleProblems(backend: EnsembleBackend): Problem[] {
  const made = new Map<string, Known>(
    backend.inputs.map((tensor) => [tensor.name, { tensor, from: 'the ensemble takes it' }]),
  );
  const problems: Problem[] = [];
  for (const [index, step] of backend.steps.entries()) problems.push(...outputProblems(step, index, made));
  for (const [index, step] of backend.steps.entries()) {
    problems.push(...inputProblems(step, index, made), ...batchProblems(backend, step, index));
  }
  for (const [index, output] of backend.outputs.entries()) {
    const known = made.get(output.name);
    const key = `backend.outputs[${index}]`;
    if (known === undefined) {
      problems.push({
        key: `${key}.name`,
        value: output.name,
        reason: 'no step makes this tensor',
        allowed: [...made.keys()].join(', '),
      });
    } else {
      problems.push(...mismatch(key, output, known.tensor, known.from));
    }
  }
  problems.push(...unusedProblems(backend));
  const names = new Map<string, number>();
  for (const [index, { model }] of backend.steps.entries()) {
    const first = names.get(model.name);
    if (first !== undefined && backend.steps[first]?.model !== model) {
      problems.push({
        key: `backend.steps[${index}].model.name`,
        value: model.name,
        reason: `is the name of another model, that of steps[${first}]: both would have one folder`,
        fix: 'give one of them another name',
      });
    }
    names.set(model.name, first ?? index);
  }
  return problems;
}

/** The server refuses tensors that nobody takes (core, src/model_config_utils.cc, ValidateEnsembleSchedulingConfig). */
function unusedProblems({ inputs, outputs, steps }: EnsembleBackend): Problem[] {
  const taken = new Set([...steps.flatMap((step) => Object.values(step.inputs)), ...outputs.map(({ name }) => name)]);
  const reason = 'nobody takes this tensor: no step, and it is no output';
  return [
    ...inputs.flatMap(({ name }, index): Problem[] =>
      taken.has(name) ? [] : [{ key: `backend.inputs[${index}].name`, value: name, reason, fix: 'remove it' }],
    ),
    ...steps.flatMap((step, index) =>
      Object.entries(step.outputs).flatMap(([output, name]): Problem[] =>
        taken.has(name)
          ? []
          : [{ key: `backend.steps[${index}].outputs.${output}`, value: name, reason, fix: 'remove it from the map' }],
      ),
    ),
  ];
}

/** Notes what a step makes. */
function outputProblems(step: EnsembleStep, index: number, made: Map<string, Known>): Problem[] {
  const outputs = new Map(modelOutputs(step.model.backend).map((tensor) => [tensor.name, tensor]));
  return Object.entries(step.outputs).flatMap(([name, target]): Problem[] => {
    const key = `backend.steps[${index}].outputs.${name}`;
    const tensor = outputs.get(name);
    if (tensor === undefined) return [unknownTensor(key, target, step, 'output', [...outputs.keys()])];
    const before = made.get(target);
    if (before !== undefined) {
      return [{ key, value: target, reason: `is made already: ${before.from}`, fix: 'give it a name of its own' }];
    }
    made.set(target, { tensor, from: `step ${index}, ${step.model.name}, makes it` });
    return [];
  });
}

function inputProblems(step: EnsembleStep, index: number, made: ReadonlyMap<string, Known>): Problem[] {
  const inputs = new Map(modelInputs(step.model.backend).map((tensor) => [tensor.name, tensor]));
  const problems = Object.entries(step.inputs).flatMap(([name, from]): Problem[] => {
    const key = `backend.steps[${index}].inputs.${name}`;
    const tensor = inputs.get(name);
    if (tensor === undefined) return [unknownTensor(key, from, step, 'input', [...inputs.keys()])];
    const known = made.get(from);
    if (known === undefined) {
      return [{ key, value: from, reason: 'nothing makes this tensor', allowed: [...made.keys()].join(', ') }];
    }
    return mismatch(key, tensor, known.tensor, known.from);
  });
  const missing = [...inputs.values()].filter((input: Input) => !input.optional && !(input.name in step.inputs));
  return [
    ...problems,
    ...missing.map(({ name }) => ({
      key: `backend.steps[${index}].inputs`,
      value: Object.keys(step.inputs),
      reason: `${step.model.name} needs ${name}, and nothing is handed to it`,
      fix: `map ${name} to a tensor of the ensemble`,
    })),
  ];
}

function batchProblems(backend: EnsembleBackend, { model }: EnsembleStep, index: number): Problem[] {
  const own = batchOf(model.backend);
  if (own >= backend.maxBatch) return [];
  return [
    {
      key: 'backend.maxBatch',
      value: backend.maxBatch,
      reason: `${model.name} (steps[${index}]) takes batches of ${own} at most`,
      allowed: `0 to ${own}`,
    },
  ];
}

function batchOf(backend: EnsembleStep['model']['backend']): number {
  if ('batching' in backend) return maxBatchSize(backend.batching);
  // The LLM API's model takes requests one by one, and batches them in flight.
  return backend.kind === 'llmapi' || backend.kind === 'vllm' ? 0 : backend.maxBatch;
}

function unknownTensor(
  key: string,
  value: string,
  { model }: EnsembleStep,
  what: string,
  known: readonly string[],
): Problem {
  return { key, value, reason: `${model.name} has no such ${what}`, allowed: known.slice(0, 12).join(', ') };
}

/** Both ends of a tensor have one type, and shapes that can be equal. */
function mismatch(key: string, wanted: Output, made: Output, from: string): Problem[] {
  if (wanted.dataType !== made.dataType) {
    return [
      { key, value: made.dataType, reason: `has another type than is needed: ${from}`, allowed: wanted.dataType },
    ];
  }
  const same =
    wanted.dims.length === made.dims.length &&
    wanted.dims.every((size, at) => size === made.dims[at] || size === -1 || made.dims[at] === -1);
  if (same) return [];
  return [
    {
      key,
      value: made.dims,
      reason: `has another shape than is needed: ${from}`,
      allowed: JSON.stringify(wanted.dims),
    },
  ];
}
