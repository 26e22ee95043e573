import { GIB } from '../memory';
import { languageModelBytes } from '../size';
import { type TensorRtLlmBackend, worldSize } from '../spec/backend';

/** What a step's container asks for, requests and limits alike. */
export interface StepResources {
  readonly cpus: number;
  readonly memoryGib: number;
  /** @default 0 */
  readonly gpus?: number;
  /** Seconds after which the pod is ended. */
  readonly timeoutSeconds: number;
  /** How often it is tried again, with pauses that double. 0 where a second try would fail alike. */
  readonly retries: number;
}

const HOUR = 3600;
/** Python, libraries and buffers beside the weights. */
const PROGRAM_GIB = 8;
/** Bytes a second that fetches and copies between store and step have to reach, as for servers (models/startup.ts). */
const SLOWEST = 50 * 1024 * 1024;

/** The steps, in their order. */
export const STEPS = [
  'fetch',
  'prepare',
  'train',
  'convert',
  'build',
  'validate',
  'deploy',
  'smoke',
  'register',
  'clean_up',
] as const;
export type StepName = (typeof STEPS)[number];

/**
 * Resources of each step. Host memory follows from what a tool holds of the model: converting and quantizing read the
 * whole checkpoint, building holds an engine's weights (they end as `Killed` with less: TensorRT-LLM #102, #743).
 */
export function stepResources(
  backend: TensorRtLlmBackend,
  { trainingGpus, registered }: { readonly trainingGpus: number | undefined; readonly registered: boolean },
): Partial<Record<StepName, StepResources>> {
  const checkpoint = languageModelBytes(backend, 'bf16');
  const engine = languageModelBytes(backend, backend.precision);
  const gib = (bytes: number, factor: number) => Math.ceil((bytes * factor) / GIB + PROGRAM_GIB);
  const moving = (bytes: number) => Math.ceil((bytes / SLOWEST) * 2 + HOUR / 2);
  const small = { cpus: 1, memoryGib: 2 };
  const gpus = worldSize(backend);
  return {
    fetch: { cpus: 2, memoryGib: 4, timeoutSeconds: moving(checkpoint), retries: 3 },
    prepare: { cpus: 2, memoryGib: PROGRAM_GIB, timeoutSeconds: 2 * HOUR, retries: 2 },
    ...(trainingGpus !== undefined && {
      train: {
        cpus: 4 * trainingGpus,
        memoryGib: gib(checkpoint, 2),
        gpus: trainingGpus,
        timeoutSeconds: 48 * HOUR,
        retries: 1,
      },
    }),
    convert: { cpus: 4, memoryGib: gib(checkpoint, 1.2), gpus, timeoutSeconds: 6 * HOUR, retries: 1 },
    build: { cpus: 4, memoryGib: gib(engine, 2), gpus, timeoutSeconds: 6 * HOUR, retries: 1 },
    validate: { cpus: 4, memoryGib: gib(engine, 1.2), gpus, timeoutSeconds: 2 * HOUR, retries: 1 },
    deploy: { ...small, timeoutSeconds: moving(engine) + HOUR, retries: 2 },
    // A second try would hide what the first has measured.
    smoke: { ...small, timeoutSeconds: HOUR, retries: 0 },
    ...(registered && { register: { ...small, timeoutSeconds: HOUR / 6, retries: 3 } }),
    clean_up: { ...small, timeoutSeconds: HOUR, retries: 3 },
  };
}
