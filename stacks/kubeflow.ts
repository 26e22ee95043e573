import { Directory } from '@pulumi/kubernetes/kustomize/v2/directory.js';
import { kubeflowAccessChart } from '../charts/kubeflow-access-chart';
import { versions } from '../models/versions';
import { ChartResource } from './chart-resource';
import { Component, type ComponentOptions } from './component';

/** The namespace that upstream's definitions bring. */
const NAMESPACE = 'kubeflow';

/** Seconds that kustomize may take to clone: its default of 27 is too short for this repository. */
const CLONE_SECONDS = 300;

/** Kubeflow Pipelines on its own, from upstream's manifests at one commit: definitions first, then what uses them. */
export class KubeflowPipelines extends Component {
  constructor(opts: ComponentOptions) {
    super('kubeflow:Pipelines', 'kubeflow', opts);
    const definitions = new Directory(
      'cluster-scoped-resources',
      { directory: upstream('cluster-scoped-resources') },
      this.child,
    );
    const access = new ChartResource({ chart: kubeflowAccessChart(NAMESPACE) }, this.childAfter(definitions));
    new Directory(
      'pipelines',
      { directory: upstream('env/platform-agnostic') },
      this.childAfter(definitions, ...access.objects),
    );
    this.registerOutputs({});
  }
}

function upstream(folder: string): string {
  const { repository, commit } = versions.upstream.kubeflowPipelines;
  return `https://github.com/${repository}//manifests/kustomize/${folder}?ref=${commit}&timeout=${CLONE_SECONDS}s`;
}
