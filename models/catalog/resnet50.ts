import { defineModel } from '../model';

/**
 * ResNet-50 v1 image classification as ONNX, with dynamic batching.
 *
 * Size: `resnet50-v1-7.onnx` of the ONNX model zoo (onnx/models, validated/vision/classification/resnet), 97.8 MB.
 */
export const resnet50 = defineModel({
  name: 'resnet50',
  backend: {
    kind: 'onnxruntime',
    bytes: 97_800_000,
    inputs: [{ name: 'data', dataType: 'FP32', dims: [3, 224, 224] }],
    outputs: [{ name: 'resnetv17_dense0_fwd', dataType: 'FP32', dims: [1000] }],
    batching: { kind: 'dynamic', maxBatch: 32, maxQueueDelayMicros: 2000 },
  },
  accelerator: 'nvidia-l4',
  scale: { min: 1, max: 4 },
  deadlineSeconds: 10,
});
