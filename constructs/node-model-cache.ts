import { Chart, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model } from '../models/model';
import type { GpuPool } from '../models/placement';
import { InputError } from '../models/problem';
import { SCRATCH_GIB } from '../models/startup';
import { afterMapping } from './after-mapping';
import { egressRules } from './egress-rules';
import { type NodeCacheSource, type SyncedSource, sourceDestinations } from './model-source';
import { modelNames } from './mounted-source';
import { STACK_LABELS, slug } from './naming';
import { completeCachePods, type NodeToleration } from './node-cache-pods';
import { nodeCacheProblems } from './node-cache-problems';
import { NodeCacheVolume } from './node-cache-volume';
import { applyPatches, type Patches } from './patch';
import type { Platform } from './platform';
import { ModelSync } from './sync/model-sync';
import { SYNC_METRICS } from './sync/sync-metrics';

export interface NodeModelCacheProps {
  /** The models that each node holds. */
  readonly models: readonly Model[];
  /** Where they are fetched from. Access to the store is granted to the cache's own ServiceAccount. */
  readonly source: SyncedSource;
  readonly platform: Platform;
  /** Of its objects. Required where it holds several models. @default `cache-` and the model's name */
  readonly name?: string;
  /** The pools that servers are placed on: their nodes are found by the labels and taints that servers' pods go by. */
  readonly pools?: readonly GpuPool[];
  /** Labels of the nodes; with `pools`, of those of their nodes that are meant. Required without `pools`. @default none */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** Taints of the nodes that `pools` says nothing of. @default none */
  readonly tolerations?: readonly NodeToleration[];
  /** Who mounts it, where that is not in the chart's own namespace. */
  readonly servers?: {
    /** The namespace of the servers, which is there already. @default the chart's */
    readonly namespace: string;
  };
  /** How often each node looks for what was published or promoted, seconds. @default 300 */
  readonly refreshSeconds?: number;
  /**
   * The folder of each node: this cache's alone. On GKE it has to be below one that Container-Optimized OS keeps and lets
   * be written: `/var`, `/home`, `/mnt/stateful_partition`, or a disk that is mounted below `/mnt/disks` (Container-Optimized
   * OS documentation, "Disks and file system overview"). Of these `/var` and `/home` are mounted without `exec`: a
   * repository with libraries of its own (`.so`) wants a disk below `/mnt/disks`.
   *
   * @default `/var/lib/triton-stack/models/` and the chart's namespace and the name
   */
  readonly hostPath?: string;
  /**
   * What the folder may hold, GiB. The last release stays beside the one that is served, and goes before a third is fetched.
   * Where less than 10 % of the disk are free, the kubelet evicts pods, and not this one first (Kubernetes documentation,
   * "Node-pressure Eviction").
   *
   * @default what is free on the node's disk
   */
  readonly limitGib?: number;
  /** The namespace that scrapes the metrics of the sync. @default nobody reaches its pods */
  readonly monitoringNamespace?: string;
  /** @default none */
  readonly patch?: Patches;
}

const REFRESH_SECONDS = 300;

/**
 * Models on the disks of the nodes themselves, fetched before the servers' pods come: a pod on a node that has them starts
 * without a fetch. A DaemonSet, of which each pod runs the sync again and again; it is ready once its node has all models.
 *
 * `source` is what the servers take, in the namespace of `servers`. On a node without the cache, and until a new node has
 * fetched, they wait.
 *
 * The DaemonSet's namespace needs the Pod Security level `baseline`: an init container runs as root, with `CHOWN` alone, to
 * give the node's folder to the servers' user (the kubelet makes it as root, and heeds no `fsGroup` there:
 * kubernetes/kubernetes #138411). Servers stay under `restricted`, in a namespace of their own: Pod Security looks at a
 * pod's own volumes, and theirs is a claim. Any pod of that namespace can mount the claim, and as the same user write to it:
 * models are as safe there as the namespace is.
 *
 * What lies on a node's disk counts as no pod's `ephemeral-storage`: `limitGib` alone limits it. It stays there when the
 * cache goes. So do the PersistentVolumes where a namespace is deleted alone: a cache that comes back under the same name
 * wants them deleted first.
 *
 * Nodes under SELinux refuse pods a folder of the host's, whose label nobody changes (Kubernetes API, HostPathVolumeSource:
 * no "ownership management or SELinux relabeling"): on OpenShift take a `ModelRepository` on a shared volume.
 *
 * @throws InputError where the nodes, the folder, the source and the platform do not go together
 */
export class NodeModelCache extends Construct {
  /** Of its objects; volumes and claims have a hash behind it. */
  readonly name: string;
  /** What a server in the servers' namespace mounts. */
  readonly source: NodeCacheSource;
  /** The folder of each node. */
  readonly hostPath: string;
  /** The labels that select its pods. */
  readonly selector: Readonly<Record<string, string>>;
  /** Of all of its objects, and of its pods. */
  readonly labels: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: NodeModelCacheProps) {
    super(scope, id);
    const { models, source, servers, limitGib } = props;
    const chart = Chart.of(this);
    const problems = nodeCacheProblems(props, chart.namespace);
    if (problems.length > 0) throw new InputError(`node model cache ${props.name ?? id}`, problems);
    const namespace = chart.namespace as string;
    this.name = props.name ?? `cache-${slug((models[0] as Model).name)}`;
    this.hostPath = props.hostPath ?? `/var/lib/triton-stack/models/${namespace}/${this.name}`;
    this.selector = { 'app.kubernetes.io/name': 'model-cache', 'app.kubernetes.io/instance': this.name };
    this.labels = { ...this.selector, 'app.kubernetes.io/component': 'model-cache', ...STACK_LABELS };
    const { name, labels, hostPath } = this;
    const account = new kplus.ServiceAccount(this, 'account', {
      metadata: { name, labels: { ...labels } },
      automountToken: false,
    });
    const common = { labels, hostPath, cacheNamespace: namespace };
    const written = new NodeCacheVolume(this, 'written', {
      ...common,
      name: `${name}-write`,
      namespace,
      accessMode: 'ReadWriteMany',
    });
    const read = new NodeCacheVolume(this, 'read', {
      ...common,
      name: `${name}-read`,
      namespace: servers?.namespace ?? namespace,
      accessMode: 'ReadOnlyMany',
    });
    this.source = { kind: 'node-cache', claimName: read.claimName, models: [...new Set(models.flatMap(modelNames))] };
    this.networkPolicy(props);
    const sync = new ModelSync(this, 'sync', {
      name,
      labels,
      source,
      models,
      keepLast: true,
      ...(limitGib !== undefined && { limitGib }),
    });
    this.daemonSet(props, sync, account, written.claimName);
    applyPatches(this, props.patch);
  }

  /** Its pods may reach the store, and whoever scrapes may reach their metrics. */
  private networkPolicy({ source, platform, monitoringNamespace }: NodeModelCacheProps): void {
    const { name, labels, selector } = this;
    const port = { protocol: 'TCP', port: k8s.IntOrString.fromNumber(SYNC_METRICS.port) };
    const matchLabels = { 'kubernetes.io/metadata.name': monitoringNamespace as string };
    new k8s.KubeNetworkPolicy(this, 'network-policy', {
      metadata: { name, labels: { ...labels } },
      spec: {
        podSelector: { matchLabels: { ...selector } },
        policyTypes: ['Ingress', 'Egress'],
        ...(monitoringNamespace !== undefined && {
          ingress: [{ from: [{ namespaceSelector: { matchLabels } }], ports: [port] }],
        }),
        egress: egressRules({ platform, selector, egress: sourceDestinations(source, platform) }),
      },
    });
  }

  private daemonSet(
    props: NodeModelCacheProps,
    sync: ModelSync,
    serviceAccount: kplus.IServiceAccount,
    claimName: string,
  ): void {
    const { name, labels, selector, source } = this;
    const claim = kplus.PersistentVolumeClaim.fromClaimName(this, 'claim', claimName);
    const models = kplus.Volume.fromPersistentVolumeClaim(this, 'models', claim, { name: 'models' });
    const sizeLimit = Size.gibibytes(SCRATCH_GIB);
    const scratch = kplus.Volume.fromEmptyDir(this, 'scratch', 'scratch', { sizeLimit });
    const daemons = new kplus.DaemonSet(this, 'daemons', {
      metadata: { name, labels: { ...labels } },
      podMetadata: { labels: { ...labels } },
      select: false,
      serviceAccount,
      automountServiceAccountToken: false,
    });
    daemons.select(kplus.LabelSelector.of({ labels: { ...selector } }));
    daemons.addContainer(sync.container(models, scratch));
    afterMapping(daemons, ({ spec }) => {
      spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } };
      completeCachePods(spec.template, {
        ...props,
        refreshSeconds: props.refreshSeconds ?? REFRESH_SECONDS,
        models: source.models ?? [],
      });
      sync.completePod(spec.template.spec);
    });
  }
}
