import { ConfigFile } from '@pulumi/kubernetes/yaml/v2/configFile.js';
import { namespaceChart } from '../charts/namespace-chart';
import { versions } from '../models/versions';
import { ChartResource } from './chart-resource';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';
import { helmRelease } from './helm-release';

type OperatorStack = Extract<GkeEnvironment['gpuStack'], { kind: 'gpu-operator' }>;

const NAMESPACE = 'gpu-operator';
/** Operands on a GPU node, of system priority: toolkit, device plugin, DCGM exporter, discovery (2), validator, MIG manager. */
const PODS_PER_GPU_NODE = 7;
/** The operator and the masters of node feature discovery. */
const CONTROLLERS = 10;

/** Pods of system priority when all pools are fully grown, twice over: a rollout has old and new ones. */
function systemPriorityPods({ pools, systemPool }: GkeEnvironment): number {
  const gpuNodes = pools.reduce((sum, pool) => sum + pool.config.max, 0);
  return 2 * (PODS_PER_GPU_NODE * gpuNodes + systemPool.max + CONTROLLERS);
}

/** Where Google's installer puts the driver on COS. */
const COS_DRIVER_FOLDER = '/home/kubernetes/bin/nvidia';

/**
 * NVIDIA's GPU Operator on nodes whose pools leave driver and device plugin to it.
 *
 * Values: NVIDIA documentation, "NVIDIA GPU Operator with Google GKE". Its `cdi.default` is gone since v25.10.
 */
export class GpuOperator extends Component {
  constructor(environment: GkeEnvironment, stack: OperatorStack, opts: ComponentOptions) {
    super('gpu:Operator', 'gpu-operator', opts);
    const namespace = new ChartResource(
      {
        chart: namespaceChart({
          name: NAMESPACE,
          podSecurity: 'privileged',
          systemPriorityPods: systemPriorityPods(environment),
        }),
      },
      this.child,
    );
    const driver = stack.nodeImage === 'cos' ? [this.cosDriverInstaller()] : [];
    helmRelease(
      {
        name: 'gpu-operator',
        namespace: NAMESPACE,
        chart: versions.charts.gpuOperator,
        values: { ...(stack.nodeImage === 'cos' ? cosValues : ubuntuValues), ...spotTolerations },
        // Its hook that upgrades definitions needs it (the chart's values.yaml, upgradeCRD).
        disableOpenapiValidation: true,
      },
      this.childAfter(...namespace.objects, ...driver),
    );
    this.registerOutputs({});
  }

  /** Google's installer, from the file that Google publishes, at one commit. */
  private cosDriverInstaller(): ConfigFile {
    const { repository, commit } = versions.upstream.cosDriverInstaller;
    const path = 'nvidia-driver-installer/cos/daemonset-preloaded.yaml';
    return new ConfigFile(
      'cos-driver-installer',
      // A DaemonSet for nodes that come later: there is nothing to wait for.
      { file: `https://raw.githubusercontent.com/${repository}/${commit}/${path}`, skipAwait: true },
      this.child,
    );
  }
}

const TOLERATIONS = [
  { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' },
];

/** The chart's own tolerations and that of spot nodes, where without it nothing would offer the GPUs. */
const spotTolerations = {
  daemonsets: { tolerations: TOLERATIONS },
  'node-feature-discovery': {
    worker: {
      tolerations: [
        { key: 'node-role.kubernetes.io/master', operator: 'Equal', value: '', effect: 'NoSchedule' },
        { key: 'node-role.kubernetes.io/control-plane', operator: 'Equal', value: '', effect: 'NoSchedule' },
        ...TOLERATIONS,
      ],
    },
  },
};

const cosValues = {
  driver: { enabled: false },
  hostPaths: { driverInstallDir: COS_DRIVER_FOLDER },
  toolkit: { installDir: COS_DRIVER_FOLDER, env: [{ name: 'RUNTIME_CONFIG_SOURCE', value: 'file' }] },
  cdi: { enabled: true },
};

const ubuntuValues = {
  driver: { enabled: true },
  toolkit: { env: [{ name: 'RUNTIME_CONFIG_SOURCE', value: 'file' }] },
  cdi: { enabled: true },
};
