import { describe, expect, it } from 'vitest';
import { renderExplanation } from '../../bin/model-report';
import type { Hardware } from '../../models/accelerator';
import { explain } from '../../models/explain';
import { memoryFit } from '../../models/memory';
import { defineModel, type ModelSpec } from '../../models/model';
import { gpuDemand, place } from '../../models/placement';
import { queueMetric } from '../../models/queue-metric';
import { configPbtxt } from '../../models/repository/config-pbtxt';
import { engineModel, gpuPool, tensorModel } from '../support/models';

const pool = gpuPool({ name: 'general', accelerator: 'none', gpusPerNode: 0 });
const model = tensorModel('on-cpu', { accelerator: 'none' }, { batching: { kind: 'dynamic', maxBatch: 8 } });

function ensemble(member: ReturnType<typeof tensorModel>, accelerator: Hardware = 'none') {
  return defineModel({
    name: 'chain',
    accelerator,
    scale: { min: 1, max: 1 },
    backend: {
      kind: 'ensemble',
      maxBatch: 0,
      inputs: [{ name: 'IN', dataType: 'FP32', dims: [2] }],
      outputs: [{ name: 'OUT', dataType: 'FP32', dims: [2] }],
      steps: [{ model: member, inputs: { IN: 'IN' }, outputs: { OUT: 'OUT' } }],
    },
  } as ModelSpec);
}

describe('a model without an accelerator', () => {
  it('has its instances on the CPU, said or not', () => {
    expect(configPbtxt(model)).toMatch(/instance_group: \{\s+kind: KIND_CPU\s+count: 1/);
  });

  it('takes no GPU, and the CPUs of a node', () => {
    expect(gpuDemand(model)).toEqual({ total: 0, together: 0 });
    expect(place(model, [gpuPool(), pool], 'm')).toMatchObject({ pool: { name: 'general' }, gpusPerPod: 0, cpus: 6.4 });
    expect(memoryFit(model).fits).toBe(true);
  });

  it('does not go to GPU nodes, nor a model with an accelerator to others', () => {
    expect(place(model, [gpuPool()], 'm')).toMatchObject({
      reason: 'one of its pods needs CPUs alone on one node, and no pool offers that',
      allowed: 'the pools offer l4: 1 x nvidia-l4',
    });
    expect(place(engineModel(), [pool], 'm')).toMatchObject({ allowed: 'the pools offer general: CPUs alone' });
  });

  it('is scaled on what its instances compute', () => {
    expect(queueMetric(model, 0)?.target).toBeCloseTo(Math.sqrt(0.4 * 8), 3);
  });

  it('may be an ensemble of such', () => {
    expect(gpuDemand(ensemble(tensorModel('m', { accelerator: 'none' }))).total).toBe(0);
  });

  it('is explained without memory of a GPU', () => {
    const text = renderExplanation(explain(model), {
      width: 80,
      colours: { bold: String, dim: String, green: String },
    } as never);
    expect(text).toMatch(/onnxruntime on CPU/);
    expect(text).not.toMatch(/Memory of one GPU|machine types/);
  });

  it.each([
    ['an engine', () => engineModel({ accelerator: 'none' }), /tensorrtllm has instances on GPUs/],
    [
      'a TensorRT plan',
      () => tensorModel('m', { accelerator: 'none' }, { kind: 'tensorrt' }),
      /tensorrt has instances/,
    ],
    [
      'an instance on a GPU',
      () => tensorModel('m', { accelerator: 'none' }, { instances: [{ count: 1, kind: 'gpu' }] }),
      /onnxruntime has instances on GPUs/,
    ],
    ['a GPU of which no member knows', () => ensemble(model, 'nvidia-l4'), /all of its members run on the CPU alone/],
    [
      'a member for another GPU',
      () => ensemble(tensorModel('m', {}, { kind: 'tensorrt' }), 'nvidia-tesla-a100'),
      /is for nvidia-l4, and the ensemble for nvidia-tesla-a100/,
    ],
    ['a member on a GPU', () => ensemble(tensorModel('m')), /onnxruntime among its members has instances on GPUs/],
  ])('is refused with %s', (_name, define, message) => {
    expect(define).toThrow(message);
  });
});
