import { ACCELERATORS, type AcceleratorName, accelerator, acceleratorsWithFp8, gpuOf } from './accelerator';
import { MACHINE_TYPES } from './machine-type';
import { type MemoryFit, memoryFit } from './memory';
import type { Model } from './model';
import { isMissing, machinePrice, priceBook } from './price-book';
import { isLanguageModel, kvPrecision, type LanguageModelBackend, maxNumTokens, maxSequence } from './spec/backend';
import { weightBytes } from './spec/precision';

/** A change of a model's description that makes it fit, with the figures that follow. */
export interface FitChange {
  /** What to change, in words: `backend.kvCache: fp8`. */
  readonly change: string;
  readonly accelerator: AcceleratorName;
  readonly gpus: number;
  /** Of the cheapest machine that has these GPUs, on demand in us-central1. */
  readonly usdPerHour: number;
  readonly fit: Extract<MemoryFit, { fits: true }>;
}

interface Candidate {
  readonly change: string;
  readonly accelerator?: AcceleratorName;
  readonly backend: Partial<LanguageModelBackend>;
  /** How much of what the model is it takes away, from nothing to quality. Ties in cost go to the lower one. */
  readonly loss: number;
}

/**
 * Changes that make a language model fit, each by itself, cheapest first: those that keep the GPUs, then more or larger
 * ones. Empty where it fits already, or where no single change is enough.
 */
export function fitChanges(model: Pick<Model, 'backend' | 'accelerator'>): FitChange[] {
  return isLanguageModel(model.backend) && !memoryFit(model).fits ? fittingChanges(model) : [];
}

/**
 * Changes after which weights and activations of a language model take less of each GPU, each by itself and with a model
 * that fits, cheapest first: for what needs more memory than the reckoning has for it.
 */
export function leanerChanges(model: Pick<Model, 'backend' | 'accelerator'>): FitChange[] {
  if (!isLanguageModel(model.backend)) return [];
  const taken = ({ layout }: MemoryFit) => layout.gpu - layout.weights - layout.activations;
  const now = taken(memoryFit(model));
  return fittingChanges(model).filter(({ fit }) => taken(fit) > now);
}

function fittingChanges(model: Pick<Model, 'backend' | 'accelerator'>): FitChange[] {
  const backend = model.backend as LanguageModelBackend;
  const gpu = gpuOf(model.accelerator);
  const candidates = [
    ...kvChanges(gpu, backend),
    ...passChanges(backend),
    ...precisionChanges(gpu, backend),
    ...lengthChanges(model),
    ...parallelChanges(gpu, backend),
    ...acceleratorChanges(gpu, backend),
  ];
  return candidates
    .flatMap((candidate) => {
      const changed = {
        accelerator: candidate.accelerator ?? gpu,
        backend: { ...backend, ...candidate.backend } as LanguageModelBackend,
      };
      const fit = memoryFit(changed);
      const gpus = (changed.backend.tensorParallel ?? 1) * (changed.backend.pipelineParallel ?? 1);
      return fit.fits ? [{ ...candidate, accelerator: changed.accelerator, gpus, fit }] : [];
    })
    .map((candidate) => ({ ...candidate, usdPerHour: gpuCost(candidate) }))
    .sort((a, b) => a.usdPerHour - b.usdPerHour || a.loss - b.loss)
    .map(({ change, accelerator: name, gpus, usdPerHour, fit }) => ({
      change,
      accelerator: name,
      gpus,
      usdPerHour,
      fit,
    }));
}

/** Where prices are compared: the region that the book has all GPUs of. */
const REGION = 'us-central1';

/** USD an hour of the cheapest machine that has so many GPUs, on demand. */
function gpuCost({ accelerator: name, gpus }: Pick<FitChange, 'accelerator' | 'gpus'>): number {
  const book = priceBook();
  const prices = MACHINE_TYPES.filter((type) => type.accelerator === name && type.gpus >= gpus).flatMap((type) => {
    const price = machinePrice(book, { machineType: type.name, region: REGION, purchase: 'on-demand' });
    return isMissing(price) ? [] : [price.usdPerHour];
  });
  return Math.min(...prices);
}

function kvChanges(name: AcceleratorName, backend: LanguageModelBackend): Candidate[] {
  const smaller = acceleratorsWithFp8().includes(name) ? 'fp8' : 'int8';
  if (kvPrecision(backend) === 'fp8' || kvPrecision(backend) === 'int8') return [];
  return [{ change: `backend.kvCache: ${smaller}`, backend: { kvCache: smaller }, loss: 2 }];
}

/** Fewer tokens and requests in one pass take less memory for activations. */
function passChanges(backend: LanguageModelBackend): Candidate[] {
  const changes: Candidate[] = [];
  const least = Math.max(backend.maxInput, 2048);
  if (least < maxNumTokens(backend)) {
    changes.push({ change: `backend.maxNumTokens: ${least}`, backend: { maxNumTokens: least }, loss: 0 });
  }
  const half = Math.floor(backend.maxBatch / 2);
  if (half >= 1) changes.push({ change: `backend.maxBatch: ${half}`, backend: { maxBatch: half }, loss: 1 });
  return changes;
}

function precisionChanges(name: AcceleratorName, backend: LanguageModelBackend): Candidate[] {
  const kinds = acceleratorsWithFp8().includes(name)
    ? (['fp8', 'int4-awq'] as const)
    : (['int8-wo', 'int4-awq'] as const);
  return kinds
    .filter((precision) => weightBytes(precision) < weightBytes(backend.precision))
    .map((precision, index) => ({
      change: `backend.precision: ${precision}`,
      backend: { precision },
      loss: 3 + index,
    }));
}

/** The longest prompts, in whole multiples of 128 tokens, for which one sequence fits. */
function lengthChanges(model: Pick<Model, 'backend' | 'accelerator'>): Candidate[] {
  const backend = model.backend as LanguageModelBackend;
  const { kv } = memoryFit(model);
  if (kv === undefined || kv.tokens <= backend.maxOutput) return [];
  const maxInput = Math.floor((kv.tokens - backend.maxOutput) / 128) * 128;
  if (maxInput < 128 || maxInput + backend.maxOutput >= maxSequence(backend)) return [];
  return [{ change: `backend.maxInput: ${maxInput}`, backend: { maxInput }, loss: 5 }];
}

function parallelChanges(name: AcceleratorName, backend: LanguageModelBackend): Candidate[] {
  const now = backend.tensorParallel ?? 1;
  const largest = Math.max(...MACHINE_TYPES.filter((type) => type.accelerator === name).map(({ gpus }) => gpus));
  return [2, 4, 8, 16]
    .filter((ranks) => ranks > now && ranks <= largest && backend.architecture.heads % ranks === 0)
    .map((ranks) => ({ change: `backend.tensorParallel: ${ranks}`, backend: { tensorParallel: ranks }, loss: 0 }));
}

function acceleratorChanges(name: AcceleratorName, backend: LanguageModelBackend): Candidate[] {
  const eightBit = [backend.precision, backend.kvCache].some((each) => each === 'fp8' || each === 'w4a8-awq');
  return ACCELERATORS.filter((other) => accelerator(other).memoryGb > accelerator(name).memoryGb)
    .filter((other) => !eightBit || acceleratorsWithFp8().includes(other))
    .map((other) => ({ change: `accelerator: ${other}`, accelerator: other, backend: {}, loss: 0 }));
}
