import { defineModel } from '../model';
import { resnet50 } from './resnet50';

/** Decodes and normalizes images, on the CPU. */
const decode = defineModel({
  name: 'resnet50-decode',
  backend: {
    kind: 'python',
    bytes: 20_000,
    inputs: [{ name: 'IMAGE', dataType: 'UINT8', dims: [-1] }],
    outputs: [{ name: 'PIXELS', dataType: 'FP32', dims: [3, 224, 224] }],
    batching: { kind: 'dynamic', maxBatch: 32 },
    instances: [{ count: 2, kind: 'cpu' }],
  },
  accelerator: 'nvidia-l4',
  scale: { min: 1, max: 1 },
});

/** Names the likeliest classes, on the CPU. */
const label = defineModel({
  name: 'resnet50-label',
  backend: {
    kind: 'python',
    bytes: 60_000,
    inputs: [{ name: 'SCORES', dataType: 'FP32', dims: [1000] }],
    outputs: [{ name: 'LABELS', dataType: 'STRING', dims: [5] }],
    batching: { kind: 'dynamic', maxBatch: 32 },
    instances: [{ count: 1, kind: 'cpu' }],
  },
  accelerator: 'nvidia-l4',
  scale: { min: 1, max: 1 },
});

/** From an encoded image to its five likeliest classes: {@link resnet50} between two steps on the CPU. */
export const resnet50Image = defineModel({
  name: 'resnet50-image',
  backend: {
    kind: 'ensemble',
    maxBatch: 32,
    inputs: [{ name: 'IMAGE', dataType: 'UINT8', dims: [-1] }],
    outputs: [{ name: 'LABELS', dataType: 'STRING', dims: [5] }],
    steps: [
      { model: decode, inputs: { IMAGE: 'IMAGE' }, outputs: { PIXELS: 'pixels' } },
      { model: resnet50, inputs: { data: 'pixels' }, outputs: { resnetv17_dense0_fwd: 'scores' } },
      { model: label, inputs: { SCORES: 'scores' }, outputs: { LABELS: 'LABELS' } },
    ],
  },
  accelerator: 'nvidia-l4',
  scale: { min: 1, max: 4 },
  deadlineSeconds: 10,
});
