import { gpuOf } from '../accelerator';
import { CHECKPOINT_FAMILIES } from '../engine/release-flags';
import { leanerChanges } from '../fit';
import { GIB, type MemoryFit, memoryFit } from '../memory';
import type { Model } from '../model';
import { kvPrecision, type TensorRtLlmBackend } from '../spec/backend';
import { precisionProblems } from '../spec/precision';

/** What can go wrong with a build. Its patterns, and what to do about each, are in pipelines/steps/build_failures.py. */
export const BUILD_FAILURES = ['gpu-memory', 'host-memory', 'unsupported', 'accuracy', 'slow-build'] as const;
export type BuildFailure = (typeof BUILD_FAILURES)[number];

/** Changes of a model's description that answer a failure, most promising first. */
export interface BuildFix {
  readonly failure: BuildFailure;
  readonly changes: readonly string[];
}

/** As many as a reader tries. */
const SHOWN = 4;

/** What answers each failure for this very model. */
export function buildFixes(model: Model, backend: TensorRtLlmBackend): BuildFix[] {
  return [
    {
      failure: 'gpu-memory',
      changes: leaner(model),
    },
    { failure: 'unsupported', changes: supported(model, backend) },
    { failure: 'accuracy', changes: finer(model, backend) },
  ];
}

/** Less than this is no answer to a lack of memory. */
const LEAST_GIB = 0.1;

/** Changes, and how much less of each GPU is taken by what an engine is built with. */
function leaner(model: Model): string[] {
  const taken = ({ layout }: MemoryFit) => (layout.weights + layout.activations) / GIB;
  const now = taken(memoryFit(model));
  return leanerChanges(model)
    .map(({ change, fit }) => ({ change, less: now - taken(fit) }))
    .filter(({ less }) => less >= LEAST_GIB)
    .slice(0, SHOWN)
    .map(({ change, less }) => `${change} (${less.toFixed(1)} GiB less on each GPU)`);
}

/** Types in 16 bits, which every GPU and every family has. */
function supported({ accelerator }: Model, { precision, family = 'llama' }: TensorRtLlmBackend): string[] {
  const others = (['bf16', 'fp16'] as const).filter((each) => each !== precision);
  const other = others.find((each) => precisionProblems(gpuOf(accelerator), { each }).length === 0);
  return [
    ...(other === undefined ? [] : [`backend.precision: ${other}`]),
    `backend.family: another one than ${family}, of ${CHECKPOINT_FAMILIES.join(', ')}`,
  ];
}

/** Wider types of weights or cache with which the model still fits. */
function finer(model: Model, backend: TensorRtLlmBackend): string[] {
  const wide = backend.precision === 'fp16' ? 'fp16' : 'bf16';
  const candidates: readonly (readonly [change: string, changed: Partial<TensorRtLlmBackend>])[] = [
    ...(kvPrecision(backend) === wide ? [] : [[`backend.kvCache: ${wide}`, { kvCache: wide }] as const]),
    ...(['int4-awq', 'int4-wo', 'w4a8-awq', 'nvfp4'].includes(backend.precision)
      ? [['backend.precision: int8-wo', { precision: 'int8-wo' }] as const]
      : []),
    ...(backend.precision === wide
      ? []
      : [[`backend.precision: ${wide}, backend.kvCache: ${wide}`, { precision: wide, kvCache: wide }] as const]),
  ];
  return candidates
    .filter(([, changed]) => memoryFit({ ...model, backend: { ...backend, ...changed } }).fits)
    .map(([change]) => change);
}
