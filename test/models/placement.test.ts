import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  gkeAllocatable,
  gkeLocalDiskGib,
  MACHINE_TYPES,
  machineType,
  machineTypesWith,
} from '../../models/machine-type';
import { place } from '../../models/placement';
import { engineModel, gpuPool } from '../support/models';

describe('place', () => {
  it('takes the smallest pool that offers the GPUs on one node', () => {
    const pools = [gpuPool({ name: 'eight', gpusPerNode: 8 }), gpuPool({ name: 'four', gpusPerNode: 4 }), gpuPool()];
    expect(place(engineModel({}, { tensorParallel: 4 }), pools, 'm')).toMatchObject({
      pool: { name: 'four' },
      gpusPerPod: 4,
    });
  });

  it('prefers nodes that stay to spot nodes', () => {
    const pools = [gpuPool({ name: 'a-spot', spot: true }), gpuPool({ name: 'b' })];
    expect(place(engineModel(), pools, 'm')).toMatchObject({ pool: { name: 'b' } });
  });

  it.each([
    ['another GPU', [gpuPool({ accelerator: 'nvidia-tesla-a100' })], 'nvidia-tesla-a100'],
    ['too few GPUs a node', [gpuPool({ gpusPerNode: 1, maxNodes: 8 })], '1 x nvidia-l4'],
    ['no pools', [], 'there are no pools'],
  ])('says what the pools offer: %s', (_name, pools, offer) => {
    expect(place(engineModel({}, { tensorParallel: 2 }), pools, 'serving.models[0]')).toMatchObject({
      key: 'serving.models[0]',
      reason: expect.stringContaining('2 x nvidia-l4'),
      allowed: expect.stringContaining(offer),
    });
  });

  it("never asks for more than a node's part, however many pods share it", () => {
    fc.assert(
      fc.property(fc.constantFrom(...MACHINE_TYPES), fc.constantFrom(1, 2, 4, 8), (machine, ranks) => {
        fc.pre(ranks <= machine.gpus);
        const allocatable = gkeAllocatable(machine.vcpus, machine.memoryGib);
        const pool = gpuPool({ accelerator: machine.accelerator, gpusPerNode: machine.gpus, allocatable });
        const placement = place(
          engineModel({ accelerator: machine.accelerator }, { tensorParallel: ranks }),
          [pool],
          'm',
        );
        if ('reason' in placement) throw new Error(placement.reason);
        const pods = Math.floor(machine.gpus / ranks);
        expect(placement.cpus).toBeGreaterThan(0);
        expect(placement.cpus * pods).toBeLessThanOrEqual(allocatable.cpus);
        expect(placement.memoryGib * pods).toBeLessThanOrEqual(allocatable.memoryGib);
      }),
    );
  });
});

describe('machine types', () => {
  it('carry the GPUs that Google says', () => {
    expect(machineType('g2-standard-24')).toMatchObject({ accelerator: 'nvidia-l4', gpus: 2 });
    expect(machineType('a2-megagpu-16g')).toMatchObject({ accelerator: 'nvidia-tesla-a100', gpus: 16 });
    expect(machineType('n2-standard-8')).toBeUndefined();
    expect(machineTypesWith('nvidia-a100-80gb')).toHaveLength(4);
  });

  // The same page: a node with a 100 GB boot disk has 47,060,071,478 bytes of ephemeral storage to allocate.
  it('leave to pods what GKE says of their disk, or less', () => {
    expect(gkeLocalDiskGib(100)).toBeLessThanOrEqual(47_060_071_478 / 1024 ** 3);
    expect(gkeLocalDiskGib(100)).toBeGreaterThan(40);
  });

  // GKE documentation, "Plan GKE node sizes", its worked example: e2-standard-4 leaves 13.3 GiB and 3.92 cores.
  it('leave to pods what GKE says', () => {
    const { cpus, memoryGib } = gkeAllocatable(4, 16);
    expect(cpus).toBeCloseTo(3.92, 2);
    expect(memoryGib).toBeCloseTo(13.3, 1);
  });
});
