import { ConfigFile } from '@pulumi/kubernetes/yaml/v2/configFile.js';
import { namespaceChart } from '../charts/namespace-chart';
import { versions } from '../models/versions';
import { ChartResource } from './chart-resource';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';
import { helmRelease } from './helm-release';

type OperatorStack = Extract<GkeEnvironment['gpuStack'], { kind: 'gpu-operator' }>;

const NAMESPACE = 'gpu-operator';
/** Pods of system priority: the operator's DaemonSets run some on every GPU node (NVIDIA's quota for GKE is 100). */
const SYSTEM_PRIORITY_PODS = 100;

/** Where Google's installer puts the driver on COS. */
const COS_DRIVER_FOLDER = '/home/kubernetes/bin/nvidia';

/**
 * NVIDIA's GPU Operator on nodes whose pools leave driver and device plugin to it.
 *
 * Values: NVIDIA documentation, "NVIDIA GPU Operator with Google GKE". Its `cdi.default` is gone since v25.10.
 */
export class GpuOperator extends Component {
  constructor(stack: OperatorStack, opts: ComponentOptions) {
    super('gpu:Operator', 'gpu-operator', opts);
    const namespace = new ChartResource(
      {
        chart: namespaceChart({
          name: NAMESPACE,
          podSecurity: 'privileged',
          systemPriorityPods: SYSTEM_PRIORITY_PODS,
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
        values: stack.nodeImage === 'cos' ? cosValues : ubuntuValues,
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
