import { getVersion } from '@pulumi/kubernetes/utilities.js';
import { CustomResource, type CustomTimeouts, type Resource } from '@pulumi/pulumi';
import type { Chart } from 'cdk8s';
import { chartObjects } from '../charts/chart-objects';
import type { Manifest } from '../constructs/after-mapping';
import { Component, type ComponentOptions } from './component';
import type { Tokens } from './tokens';

/** The type of the component that stands for one chart; its children are the chart's objects. */
export const CHART_TYPE = 'triton-stack:kubernetes:Chart';

export interface ChartResourceArgs {
  /** Its id is the resource's name. */
  readonly chart: Chart;
  /** Longest wait for workloads and Services to be ready. @default the provider's 10 minutes */
  readonly timeouts?: CustomTimeouts;
  /** Of the values in the chart that are not known yet, or secret. @default none */
  readonly tokens?: Tokens;
}

/**
 * Deploys a cdk8s chart: every object is a Pulumi resource of its own, so that a preview shows a diff of fields.
 *
 * Objects are registered under the types of the provider's own classes, which holds for custom resources as well.
 */
export class ChartResource extends Component {
  readonly objects: readonly Resource[];

  constructor({ chart, timeouts, tokens }: ChartResourceArgs, opts: ComponentOptions) {
    super('kubernetes:Chart', chart.node.id, opts);
    this.objects = chartObjects(chart).map((manifest) => {
      const { namespace, name: objectName } = manifest.metadata;
      const options = {
        ...this.child,
        version: getVersion(),
        ...(waitsForPods(manifest) && { customTimeouts: timeouts }),
      };
      return new KubernetesObject(
        `kubernetes:${typeVersion(manifest.apiVersion)}:${manifest.kind}`,
        namespace === undefined ? objectName : `${namespace}/${objectName}`,
        tokens === undefined ? manifest : (tokens.fill(manifest) as Manifest),
        options,
      );
    });
    this.registerOutputs({});
  }
}

class KubernetesObject extends CustomResource {}

function typeVersion(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
}

/** Whether Pulumi waits for pods before it calls the object ready: a Service waits for its endpoints. */
function waitsForPods(manifest: Manifest): boolean {
  return ['Deployment', 'StatefulSet', 'Service'].includes(manifest.kind);
}
