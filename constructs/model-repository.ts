import { ApiObject, Chart } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model } from '../models/model';
import { InputError } from '../models/problem';
import { releaseFolder } from '../models/release-manifest';
import { repositoryDiskGib, repositoryVolumeGib } from '../models/startup';
import { sum } from '../models/sum';
import { clusterScoped } from './after-mapping';
import { egressRules } from './egress-rules';
import { type RepositorySource, type SyncedSource, sourceDestinations } from './model-source';
import { modelNames } from './mounted-source';
import { contentHash, STACK_LABELS, slug } from './naming';
import { applyPatches, type Patches } from './patch';
import type { Platform } from './platform';
import { RepositoryFill } from './repository-fill';
import { repositoryProblems } from './repository-problems';

/** What a repository lies on. */
export type RepositoryStorage =
  | {
      /**
       * A ReadWriteMany volume (Filestore, CephFS, ...), filled by a Job of ours. Hard links have to work on it: a refresh
       * fetches what has changed, and links the rest.
       */
      readonly kind: 'shared';
      /** A class whose volumes many nodes write: no cluster's default is one. */
      readonly storageClass: string;
      /** Size of the volume, GiB. @default two releases of all models; services such as Filestore sell no less than their own least */
      readonly gib?: number;
      /** Looks for a new release now and then, and puts it in the place of the old one. @default nobody looks */
      readonly refresh?: {
        /** Minute, hour, day, month and day of the week, in UTC: `0 3 * * *`. */
        readonly schedule: string;
      };
    }
  | {
      /**
       * A disk in each zone that many nodes read at once, filled from `gs://` by GKE's Volume Populator, and never
       * changed: another `uri` is another volume. GKE 1.33 or newer; the cluster needs the ComputeClass
       * `gcs-to-hdml-compute-class`, with nodes for the transfer's Job, and a namespace that denies egress by default has
       * to let that Job's pods out (GKE documentation, "Automate data transfer from Cloud Storage to a Hyperdisk ML volume").
       *
       * Object stores keep no empty folders: an ensemble's version folder needs a file in it, `.keep` say.
       */
      readonly kind: 'hyperdisk-ml';
      /** The zones that the servers' nodes are in: pods go nowhere else. */
      readonly zones: readonly string[];
      /** Throughput that all its readers share, MiB a second; it is paid for. @default what Compute Engine gives a disk of the size */
      readonly throughputMibps?: number;
    };

export interface ModelRepositoryProps {
  /** The models that it holds: its size follows from them. */
  readonly models: readonly Model[];
  /** Where it is filled from. Hyperdisk ML takes a `release` of it, or the folder that holds the models' folders. */
  readonly source: SyncedSource;
  readonly storage: RepositoryStorage;
  readonly platform: Platform;
  /** Of its objects. Required where it holds several models. @default `models-` and the model's name */
  readonly name?: string;
  /** @default none */
  readonly patch?: Patches;
}

/** Hyperdisk ML begins at 4 GiB (Compute Engine documentation, "About Hyperdisk ML"), and the transfer wants more. */
const SMALLEST_DISK_GIB = 5;

/**
 * A model repository that all replicas of its servers read from one volume: fetched once, not once a pod.
 *
 * `source` is what the servers take. Access to the store is granted to its own ServiceAccount, which is named as it is.
 *
 * @throws InputError where storage, source and platform do not go together
 */
export class ModelRepository extends Construct {
  /** Of its objects; claims and Jobs may have a hash behind it. */
  readonly name: string;
  /** What a server in the same namespace mounts. */
  readonly source: RepositorySource;
  /** Size of the volume, GiB. */
  readonly gib: number;
  /** Of all of its objects, and of the pods that fill it. */
  readonly labels: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: ModelRepositoryProps) {
    super(scope, id);
    const { models, source, storage, platform } = props;
    const problems = repositoryProblems(props);
    if (problems.length > 0) throw new InputError(`model repository ${props.name ?? id}`, problems);
    this.name = props.name ?? `models-${slug((models[0] as Model).name)}`;
    const selector = { 'app.kubernetes.io/name': 'model-repository', 'app.kubernetes.io/instance': this.name };
    this.labels = { ...selector, 'app.kubernetes.io/component': 'model-repository', ...STACK_LABELS };
    const account = new kplus.ServiceAccount(this, 'account', {
      metadata: { name: this.name, labels: { ...this.labels } },
      automountToken: false,
    });
    const names = [...new Set(models.flatMap(modelNames))];
    if (storage.kind === 'shared') {
      this.gib = storage.gib ?? sum(models.map(repositoryVolumeGib));
      this.source = { kind: 'model-repository', claimName: this.name, storage: storage.kind, models: names };
      this.claim('ReadWriteMany', storage.storageClass);
      this.networkPolicy(selector, props);
      const { name, labels } = this;
      const { refresh } = storage;
      const fill = new RepositoryFill(this, 'fill', {
        name,
        labels,
        selector,
        account,
        source,
        models,
        platform,
        refresh,
      });
      applyPatches(this, props.patch);
      fill.nameJob();
    } else {
      this.gib = Math.max(SMALLEST_DISK_GIB, sum(models.map((model) => repositoryDiskGib(model))));
      const claimName = `${this.name}-${contentHash({ source, storage, gib: this.gib })}`;
      this.source = { kind: 'model-repository', claimName, storage: storage.kind, models: names };
      this.populated(source, storage);
      applyPatches(this, props.patch);
    }
  }

  private claim(
    accessMode: 'ReadWriteMany' | 'ReadOnlyMany',
    storageClassName: string,
    dataSourceRef?: k8s.TypedObjectReference,
  ): ApiObject {
    return new k8s.KubePersistentVolumeClaim(this, 'claim', {
      metadata: { name: this.source.claimName, labels: { ...this.labels } },
      spec: {
        accessModes: [accessMode],
        storageClassName,
        resources: { requests: { storage: k8s.Quantity.fromString(`${this.gib}Gi`) } },
        ...(dataSourceRef !== undefined && { dataSourceRef }),
      },
    });
  }

  /** The pods that fill it may reach the store, and nobody may reach them. */
  private networkPolicy(selector: Readonly<Record<string, string>>, { source, platform }: ModelRepositoryProps): void {
    new k8s.KubeNetworkPolicy(this, 'network-policy', {
      metadata: { name: this.name, labels: { ...this.labels } },
      spec: {
        podSelector: { matchLabels: { ...selector } },
        policyTypes: ['Ingress', 'Egress'],
        egress: egressRules({ platform, selector, egress: sourceDestinations(source, platform) }),
      },
    });
  }

  /**
   * A claim that GKE fills before it is bound (GKE documentation, "Automate data transfer from Cloud Storage to a Hyperdisk
   * ML volume"; CRD reference, GCPDataSource). The class is the claim's own: zones and throughput stand in it, and a class
   * can't be changed.
   */
  private populated(source: SyncedSource, storage: RepositoryStorage & { kind: 'hyperdisk-ml' }): void {
    const { claimName } = this.source;
    const labels = { ...this.labels };
    const dataSource = new ApiObject(this, 'data', {
      apiVersion: 'datalayer.gke.io/v1',
      kind: 'GCPDataSource',
      metadata: { name: claimName, labels },
      // The slash says that it is a folder.
      spec: { cloudStorage: { serviceAccountName: this.name, uri: releaseAddress(source) } },
    });
    const throughput = storage.throughputMibps;
    const zones = [{ matchLabelExpressions: [{ key: 'topology.gke.io/zone', values: [...storage.zones] }] }];
    const { namespace } = Chart.of(this);
    const className = namespace === undefined ? claimName : `${namespace}-${claimName}`;
    const storageClass = new k8s.KubeStorageClass(this, 'class', {
      metadata: { name: className, labels },
      provisioner: 'pd.csi.storage.gke.io',
      parameters: {
        type: 'hyperdisk-ml',
        ...(storage.zones.length > 1 && { 'enable-multi-zone-provisioning': 'true' }),
        ...(throughput !== undefined && { 'provisioned-throughput-on-create': `${throughput}Mi` }),
      },
      allowedTopologies: zones,
      allowVolumeExpansion: false,
      reclaimPolicy: 'Delete',
      // All zones are filled, and no GPU waits for that: pods are pending until the claim is bound.
      volumeBindingMode: 'Immediate',
    });
    clusterScoped(storageClass);
    const from = { apiGroup: 'datalayer.gke.io', kind: 'GCPDataSource', name: claimName };
    const claim = this.claim('ReadOnlyMany', className, from);
    // A claim whose source goes first is never deleted (the same page, "Create a GCPDataSource custom resource").
    claim.addDependency(dataSource);
  }
}

/** The folder that holds the models' folders. */
function releaseAddress({ uri, release }: SyncedSource): string {
  const root = uri.replace(/\/*$/, '');
  return release === undefined ? `${root}/` : `${root}/${releaseFolder(release)}/`;
}
