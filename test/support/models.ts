import { defineModel, type ModelSpec } from '../../models/model';
import type { GpuPool } from '../../models/placement';

/** An engine model on one L4, in part as given. */
export function engineModel(changes: Partial<ModelSpec> = {}, backend: object = {}) {
  return defineModel({
    name: 'engine',
    accelerator: 'nvidia-l4',
    scale: { min: 1, max: 2 },
    ...changes,
    backend: {
      kind: 'tensorrtllm',
      release: '1.0',
      architecture: { layers: 2, hidden: 1024, ffn: 4096, heads: 8, kvHeads: 8, headDim: 128, vocab: 32_000 },
      precision: 'fp16',
      maxBatch: 8,
      maxInput: 512,
      maxOutput: 128,
      ...backend,
    },
  } as ModelSpec);
}

/** A pool of 2 nodes with one L4 each, in part as given. */
export function gpuPool(changes: Partial<GpuPool> = {}): GpuPool {
  return {
    name: 'l4',
    accelerator: 'nvidia-l4',
    gpusPerNode: 1,
    maxNodes: 2,
    allocatable: { cpus: 8, memoryGib: 32 },
    spot: false,
    nodeSelector: { 'cloud.google.com/gke-accelerator': 'nvidia-l4' },
    ...changes,
  };
}

/** An ONNX model with one input and one output, in part as given. */
export function tensorModel(name: string, changes: Partial<ModelSpec> = {}, backend: object = {}) {
  return defineModel({
    name,
    accelerator: 'nvidia-l4',
    scale: { min: 1, max: 1 },
    ...changes,
    backend: {
      kind: 'onnxruntime',
      bytes: 1000,
      inputs: [{ name: 'IN', dataType: 'FP32', dims: [2] }],
      outputs: [{ name: 'OUT', dataType: 'FP32', dims: [2] }],
      batching: { kind: 'none' },
      ...backend,
    },
  } as ModelSpec);
}
