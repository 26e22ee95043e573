import { Directory } from '@pulumi/kubernetes/kustomize/v2/directory.js';
import { type Input, type Resource, secret } from '@pulumi/pulumi';
import { kubeflowAccessChart } from '../../charts/kubeflow/access-chart';
import { cloudSqlProxyChart } from '../../charts/kubeflow/cloud-sql-proxy-chart';
import { kubeflowConfigChart } from '../../charts/kubeflow/config-chart';
import { kubeflowCredentialsChart } from '../../charts/kubeflow/credentials-chart';
import { kubeflowLimitsChart } from '../../charts/kubeflow/limits-chart';
import { KUBEFLOW_NAMESPACE, type PipelinesSettings } from '../../charts/kubeflow/settings';
import { kubeflowUiChart } from '../../charts/kubeflow/ui-chart';
import { namespaceChart } from '../../charts/namespace-chart';
import { ChartResource } from '../chart-resource';
import { type ChildOptions, Component, type ComponentOptions } from '../component';
import { Tokens } from '../tokens';
import { generatedPassword } from './credentials';
import type { Overlay } from './overlay/kustomization';
import { kubeflowOverlays } from './overlay/overlays';
import { writeOverlay } from './overlay/write-overlay';

export interface KubeflowPipelinesArgs {
  readonly settings: PipelinesSettings;
  /** Of Cloud SQL, where the database is there. @default generated, for a MySQL of its own */
  readonly database?: {
    readonly username: string;
    readonly password: Input<string>;
    readonly ready: readonly Resource[];
  };
}

/**
 * Kubeflow Pipelines on its own, from upstream's manifests with our changes to them (`overlay/`), in stages:
 *
 * 1. its namespace, and the definitions of its custom resources;
 * 2. what steps may take, who reaches what, settings and generated passwords;
 * 3. the database and the store of artifacts, ready;
 * 4. Argo's controller, the metadata store, the API server and, when that is ready, what calls it;
 * 5. the way to the UI.
 */
export class KubeflowPipelines extends Component {
  constructor({ settings, database }: KubeflowPipelinesArgs, opts: ComponentOptions) {
    super('kubeflow:Pipelines', 'kubeflow', opts);
    const overlays = kubeflowOverlays(settings);
    const definitions = this.directory(overlays.definitions, this.child);
    // The last steps of a pipeline load a release into the servers, and try it.
    const namespace = new ChartResource(
      { chart: namespaceChart({ name: KUBEFLOW_NAMESPACE, callsServers: true }) },
      this.child,
    );

    const inNamespace = this.childAfter(...namespace.objects);
    const ground = [
      new ChartResource({ chart: kubeflowLimitsChart(settings) }, inNamespace),
      // Nobody reaches anything before it says so.
      new ChartResource({ chart: kubeflowAccessChart(settings) }, inNamespace),
      new ChartResource({ chart: kubeflowConfigChart(settings) }, inNamespace),
      this.credentials(settings, database, inNamespace),
    ].flatMap(({ objects }) => objects);

    const onGround = this.childAfter(...ground);
    const stores: Resource[] = [];
    if (overlays.database !== undefined) stores.push(this.directory(overlays.database, onGround));
    if (settings.database.kind === 'cloud-sql') {
      const proxy = new ChartResource(
        { chart: cloudSqlProxyChart(settings.database.instance) },
        this.childAfter(...ground, ...(database?.ready ?? [])),
      );
      stores.push(...proxy.objects);
    }
    if (overlays.store !== undefined) stores.push(this.directory(overlays.store, onGround));

    const pipelines = this.directory(overlays.pipelines, this.childAfter(definitions, ...ground, ...stores));
    new ChartResource({ chart: kubeflowUiChart(settings) }, this.childAfter(pipelines));
    this.registerOutputs({});
  }

  private credentials(
    { artifacts }: PipelinesSettings,
    database: KubeflowPipelinesArgs['database'],
    options: ChildOptions,
  ): ChartResource {
    const tokens = new Tokens();
    const password = (name: string) => tokens.of(name, generatedPassword(name, this.child));
    const chart = kubeflowCredentialsChart({
      database: {
        username: tokens.of('kubeflow-database-user', secret(database?.username ?? 'root')),
        password:
          database === undefined ? password('kubeflow-mysql') : tokens.of('kubeflow-database', database.password),
      },
      ...(artifacts.kind === 'seaweedfs' && {
        store: { accessKey: password('kubeflow-store-access'), secretKey: password('kubeflow-store-secret') },
      }),
      signingKey: password('kubeflow-ui-signing'),
    });
    return new ChartResource({ chart, tokens }, options);
  }

  private directory(overlay: Overlay, options: ChildOptions): Directory {
    return new Directory(`kubeflow-${overlay.name}`, { directory: writeOverlay(overlay) }, options);
  }
}
