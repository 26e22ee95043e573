import { setImmediate } from 'node:timers/promises';
import type { CustomTimeouts } from '@pulumi/pulumi';
import { admissionChart } from '../charts/admission-chart';
import { modelChart } from '../charts/model-chart';
import { namespaceChart } from '../charts/namespace-chart';
import { rolloutSeconds } from '../models/startup';
import { ChartResource } from './chart-resource';
import { type ChildOptions, Component, type ComponentOptions } from './component';
import { type Environment, monitoringNamespace, type ServedModel } from './environment/environment';

/** Models whose objects are registered at a time. */
const BATCH = 20;

/**
 * The namespace of the servers, what is refused in it, and a chart for each model.
 *
 * The namespace waits for all that servers need (definitions of custom resources, GPU nodes, permissions), and their
 * objects wait for the namespace: one dependency each, however many models there are.
 */
export class Serving extends Component {
  private readonly environment: Environment;
  private readonly afterNamespace: ChildOptions;

  private constructor(environment: Environment, opts: ComponentOptions) {
    super('serving:Serving', 'serving', opts);
    this.environment = environment;
    const { servingNamespace, policies } = environment;
    const namespace = new ChartResource({ chart: namespaceChart({ name: servingNamespace }) }, this.child);
    // Servers keep these rules by construction, and need not wait for them.
    new ChartResource({ chart: admissionChart({ namespace: servingNamespace, policies }) }, this.child);
    this.afterNamespace = { parent: this, dependsOn: [...namespace.objects] };
  }

  /**
   * Registers namespace and models.
   *
   * In batches: were all of them on their way at once, a thousand models would take half as long again, for memory.
   */
  static async deploy(environment: Environment, opts: ComponentOptions): Promise<Serving> {
    const serving = new Serving(environment, opts);
    for (const [index, served] of environment.models.entries()) {
      if (index % BATCH === 0) await setImmediate();
      serving.serve(served);
    }
    serving.registerOutputs({});
    return serving;
  }

  private serve({ model, placement, source, workload, watch, host }: ServedModel): void {
    const { environment } = this;
    const chart = modelChart({
      model,
      placement,
      source,
      workload,
      watch,
      host,
      namespace: environment.servingNamespace,
      platform: environment.flavour,
      monitoringNamespace: monitoringNamespace(environment),
    });
    const wait = `${rolloutSeconds(model)}s`;
    const timeouts: CustomTimeouts = { create: wait, update: wait };
    new ChartResource({ chart, timeouts }, this.afterNamespace);
  }
}
