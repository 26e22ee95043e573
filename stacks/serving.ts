import type { CustomTimeouts } from '@pulumi/pulumi';
import { modelChart } from '../charts/model-chart';
import { namespaceChart } from '../charts/namespace-chart';
import { rolloutSeconds } from '../models/startup';
import { ChartResource } from './chart-resource';
import { type ChildOptions, Component, type ComponentOptions } from './component';
import { type Environment, monitoringNamespace } from './environment/environment';

/**
 * The namespace of the servers, and a chart for each model.
 *
 * The namespace waits for all that servers need (definitions of custom resources, GPU nodes, permissions), and their
 * objects wait for the namespace: one dependency each, however many models there are.
 */
export class Serving extends Component {
  constructor(environment: Environment, opts: ComponentOptions) {
    super('serving:Serving', 'serving', opts);
    const namespace = environment.servingNamespace;
    const home = new ChartResource({ chart: namespaceChart({ name: namespace }) }, this.child);
    const afterNamespace: ChildOptions = { parent: this, dependsOn: [...home.objects] };
    for (const { model, placement, source, workload, host } of environment.models) {
      const chart = modelChart({
        model,
        placement,
        source,
        workload,
        host,
        namespace,
        platform: environment.flavour,
        monitoringNamespace: monitoringNamespace(environment),
      });
      const wait = `${rolloutSeconds(model)}s`;
      const timeouts: CustomTimeouts = { create: wait, update: wait };
      new ChartResource({ chart, timeouts }, afterNamespace);
    }
    this.registerOutputs({});
  }
}
