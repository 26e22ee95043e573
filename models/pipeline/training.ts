import { ACCELERATORS, type AcceleratorName, accelerator } from '../accelerator';
import { MACHINE_TYPES } from '../machine-type';
import { GIB } from '../memory';
import { parameterCount } from '../size';
import type { LanguageModelBackend } from '../spec/backend';

/** A fine-tune of all weights on the GPUs of one machine. */
export interface Training {
  readonly accelerator: AcceleratorName;
  readonly gpus: number;
  /** Machine type that has them, of Compute Engine. */
  readonly machineType: string;
  /** `{model}`, `{data}` and `{output}` stand for folders of the step. */
  readonly command: readonly string[];
  /** What is installed into the step's image before. */
  readonly packages: readonly string[];
}

/**
 * Bytes a parameter of weights, gradients and optimizer under mixed precision with Adam: 2 + 2 + 12 (Rajbhandari et al.,
 * "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", 3.1).
 */
const BYTES_PER_PARAMETER = 16;

/** Part of the GPUs' memory that those fill at most. The rest is for activations, which gradient checkpointing keeps small. */
const STATE_SHARE = 0.7;

/** The version whose wheel was read for what follows. */
const TRL = 'trl==0.23.1';

/**
 * Options of `trl sft` that are used: those of the launcher (trl/cli.py), of the data (trl/scripts/utils.py), of the model
 * (trl/trainer/model_config.py), of the fine-tune (trl/trainer/sft_config.py) and of Transformers'
 * `TrainingArguments`, which SFTConfig extends.
 */
export const TRAINING_FLAGS: readonly string[] = [
  ...['--accelerate_config', '--num_processes', '--dataset_name', '--model_name_or_path', '--dtype', '--max_length'],
  ...['--bf16', '--gradient_checkpointing', '--output_dir', '--per_device_train_batch_size'],
  ...['--gradient_accumulation_steps', '--save_strategy', '--report_to'],
];

/**
 * The smallest machine on which all weights of a model can be trained, sharded over its GPUs (FSDP), or undefined where
 * none is large enough.
 */
export function trainingFor(backend: LanguageModelBackend): Training | undefined {
  const needed = (parameterCount(backend.architecture) * BYTES_PER_PARAMETER) / STATE_SHARE;
  const byMemory = [...ACCELERATORS].sort((a, b) => accelerator(b).usableGib - accelerator(a).usableGib);
  const machines = MACHINE_TYPES.filter(
    ({ accelerator: name, gpus }) => accelerator(name).usableGib * GIB * gpus >= needed,
  );
  const [machine] = [...machines].sort(
    (a, b) => a.gpus - b.gpus || byMemory.indexOf(a.accelerator) - byMemory.indexOf(b.accelerator),
  );
  if (machine === undefined) return undefined;
  return {
    accelerator: machine.accelerator,
    gpus: machine.gpus,
    machineType: machine.name,
    command: [
      ...['trl', 'sft', '--accelerate_config', machine.gpus > 1 ? 'fsdp2' : 'single_gpu'],
      ...(machine.gpus > 1 ? ['--num_processes', `${machine.gpus}`] : []),
      ...['--model_name_or_path', '{model}', '--dataset_name', '{data}', '--output_dir', '{output}'],
      ...['--dtype', 'bfloat16', '--bf16', 'True', '--gradient_checkpointing', 'True'],
      ...['--per_device_train_batch_size', '1', '--gradient_accumulation_steps', '16'],
      ...['--max_length', `${backend.maxInput + backend.maxOutput}`],
      // Checkpoints on the way would fill the step's disk with the optimizer's state.
      ...['--save_strategy', 'no', '--report_to', 'none'],
    ],
    packages: [TRL],
  };
}
