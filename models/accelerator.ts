/** The accelerators that the stack knows, by the names that GKE gives them in node labels and node pool arguments. */
export const ACCELERATORS = ['nvidia-l4', 'nvidia-tesla-a100', 'nvidia-a100-80gb'] as const;
export type AcceleratorName = (typeof ACCELERATORS)[number];

/** What a model runs on: an accelerator, or the CPU alone. */
export type Hardware = AcceleratorName | 'none';

export interface Accelerator {
  readonly name: AcceleratorName;
  /** How people call it. */
  readonly label: string;
  /** Memory of one GPU as sold, GB. */
  readonly memoryGb: number;
  /** What of it CUDA offers to programs, GiB: the least that was seen reported. */
  readonly usableGib: number;
  /** CUDA compute capability; FP8 needs 8.9 or newer. */
  readonly computeCapability: number;
  /** The value of the label `nvidia.com/gpu.product` that GPU feature discovery sets, where no cloud names the nodes. */
  readonly product: string;
}

// Names and memory: GKE's GPU documentation and the Compute Engine GPU machine types page. Compute capability: NVIDIA's
// CUDA GPU list. Usable memory: PyTorch's "total capacity" in rhymes-ai/Aria #24 (L4), TianheWu/CoSeR #10 (A100 40 GB)
// and levihsu/OOTDiffusion #235 (A100 80 GB). Product label: k8s-device-plugin, docs/gpu-feature-discovery (the product name with dashes).
const FACTS: Readonly<Record<AcceleratorName, Accelerator>> = {
  'nvidia-l4': {
    name: 'nvidia-l4',
    label: 'L4',
    memoryGb: 24,
    usableGib: 21.96,
    computeCapability: 8.9,
    product: 'NVIDIA-L4',
  },
  'nvidia-tesla-a100': {
    name: 'nvidia-tesla-a100',
    label: 'A100 40 GB',
    memoryGb: 40,
    usableGib: 39.5,
    computeCapability: 8.0,
    product: 'NVIDIA-A100-SXM4-40GB',
  },
  'nvidia-a100-80gb': {
    name: 'nvidia-a100-80gb',
    label: 'A100 80 GB',
    memoryGb: 80,
    usableGib: 79.25,
    computeCapability: 8.0,
    product: 'NVIDIA-A100-SXM4-80GB',
  },
};

/** The accelerator of something that runs on one: language models always do. */
export function gpuOf(hardware: Hardware): AcceleratorName {
  if (hardware === 'none') throw new Error('a GPU was expected');
  return hardware;
}

/** How people call what a model runs on. */
export function hardwareLabel(hardware: Hardware): string {
  return hardware === 'none' ? 'CPU' : FACTS[hardware].label;
}

/** The facts of one accelerator. */
export function accelerator(name: AcceleratorName): Accelerator {
  return FACTS[name];
}

/** The accelerators whose tensor cores compute in FP8 (Ada and newer). */
export function acceleratorsWithFp8(): AcceleratorName[] {
  return ACCELERATORS.filter((name) => FACTS[name].computeCapability >= 8.9);
}
