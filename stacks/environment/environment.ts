import type { ModelSource } from '../../constructs/model-source';
import type { Platform } from '../../constructs/platform';
import type { Workload } from '../../constructs/workload';
import type { Model } from '../../models/model';
import type { GpuPool, Placement } from '../../models/placement';
import type { PolicySettings } from '../../policies/settings';
import type { Kubeflow } from './kubeflow';
import type { ExistingConfig, GkeConfig, GkePoolConfig } from './schema';

/** A model that an environment serves, with everything about it decided. */
export interface ServedModel {
  readonly model: Model;
  readonly placement: Placement;
  readonly source: ModelSource;
  readonly workload: Workload;
  /** Whether its servers load what is published while they run. */
  readonly watch: boolean;
  /** Host of the OpenShift Route. */
  readonly host?: string;
}

/** A GPU node pool of GKE as it is to be created. */
export interface GkePool extends GpuPool {
  readonly config: GkePoolConfig;
}

interface Common {
  /** The stack's name: `dev`. */
  readonly name: string;
  readonly flavour: Platform;
  readonly servingNamespace: string;
  readonly models: readonly ServedModel[];
  readonly kubeflow: Kubeflow;
  /** What the rules go by. */
  readonly policies: PolicySettings;
  /** What works, and should be known all the same. */
  readonly warnings: readonly string[];
}

/** Everything is provisioned: network, cluster, pools, GPU stack, buckets. */
export interface GkeEnvironment extends Common {
  readonly kind: 'gke';
  readonly platform: GkeConfig['platform'];
  readonly network: GkeConfig['network'];
  readonly systemPool: GkeConfig['systemPool'];
  readonly gpuStack: GkeConfig['gpuStack'];
  readonly pools: readonly GkePool[];
  readonly buckets: {
    readonly models: string;
    readonly artifacts: string;
    readonly data: string;
    readonly location: string;
    readonly keepDays: number;
  };
  /** Labels of what costs money. */
  readonly labels: GkeConfig['labels'];
  readonly modelStore: GkeConfig['modelStore'];
  readonly monitoring: GkeConfig['monitoring'];
  readonly prices: GkeConfig['prices'];
}

/** A cluster that is already there. */
export interface ExistingEnvironment extends Common {
  readonly kind: 'existing';
  readonly platform: ExistingConfig['platform'];
  readonly pools: readonly GpuPool[];
  readonly modelStore: ExistingConfig['modelStore'];
  readonly monitoring: ExistingConfig['monitoring'];
}

/** A checked environment. Only {@link readEnvironment} makes one. */
export type Environment = GkeEnvironment | ExistingEnvironment;

/** The namespace whose Prometheus scrapes the servers. */
export function monitoringNamespace(environment: Environment): string {
  const { monitoring } = environment;
  return monitoring.kind === 'openshift' ? 'openshift-user-workload-monitoring' : monitoring.namespace;
}
