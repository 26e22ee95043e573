import { Cron, Duration, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model } from '../models/model';
import { SCRATCH_GIB } from '../models/startup';
import { afterMapping, type Manifest } from './after-mapping';
import type { SyncedSource } from './model-source';
import { contentHash } from './naming';
import type { Platform } from './platform';
import { dropPathLabel } from './rendered-workload';
import { podSecurityContext } from './security';
import { ModelSync } from './sync/model-sync';

export interface RepositoryFillProps {
  /** Of the Jobs and of the claim that they write to. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The labels that select its pods. */
  readonly selector: Readonly<Record<string, string>>;
  readonly account: kplus.IServiceAccount;
  readonly source: SyncedSource;
  /** What it holds. */
  readonly models: readonly Model[];
  readonly platform: Platform;
  /** When to look for a new release. @default never */
  readonly refresh?: { readonly schedule: string };
}

/** A store that is down for ten minutes fails no Job: pauses between the pods double from 10 seconds. */
const RETRIES = 6;
/** What a schedule may be late, where the controller was down. */
const LATE = Duration.hours(1);

/**
 * The Job that fills a shared repository, and the CronJob that refreshes it: the sync that servers have as an init
 * container, in pods without a GPU.
 */
export class RepositoryFill extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: RepositoryFillProps,
  ) {
    super(scope, id);
    const { name, labels, account, source, models: served, refresh } = props;
    const sync = new ModelSync(this, 'sync', { name, labels, source, models: served, keepLast: true });
    const claim = kplus.PersistentVolumeClaim.fromClaimName(this, 'claim', name);
    const models = kplus.Volume.fromPersistentVolumeClaim(this, 'models', claim, { name: 'models' });
    const sizeLimit = Size.gibibytes(SCRATCH_GIB);
    const scratch = kplus.Volume.fromEmptyDir(this, 'scratch', 'scratch', { sizeLimit });
    const common = {
      metadata: { name, labels: { ...labels } },
      podMetadata: { labels: { ...labels } },
      serviceAccount: account,
      automountServiceAccountToken: false,
      backoffLimit: RETRIES,
    };
    const job = new kplus.Job(this, 'job', common);
    job.addContainer(sync.container(models, scratch));
    afterMapping(job, (manifest) => {
      this.complete(manifest.spec, sync);
    });
    if (refresh === undefined) return;
    const cron = new kplus.CronJob(this, 'refresh', {
      ...common,
      schedule: cronOf(refresh.schedule),
      timeZone: 'Etc/UTC',
      concurrencyPolicy: kplus.ConcurrencyPolicy.FORBID,
      startingDeadline: LATE,
      successfulJobsRetained: 1,
      failedJobsRetained: 1,
    });
    cron.addContainer(sync.container(models, scratch));
    afterMapping(cron, (manifest) => {
      this.complete(manifest.spec.jobTemplate.spec, sync);
    });
  }

  /**
   * Names the Job by what it does: a Job can't be changed, one that has not changed must not run again, and another is
   * another run. The last thing done to the manifest.
   */
  nameJob(): void {
    const job = this.node.findChild('job');
    afterMapping(job, (manifest) => {
      manifest.metadata.name = `${this.props.name}-${contentHash(manifest.spec)}`;
    });
  }

  /** What cdk8s-plus cannot say of a Job. */
  private complete(job: Manifest, sync: ModelSync): void {
    const { metadata, spec } = job.template;
    dropPathLabel(job.template);
    // Two pods at once would write to the same folders: a new one waits until the old one has ended.
    job.podReplacementPolicy = 'Failed';
    metadata.annotations = {
      // What was fetched so far would be fetched again.
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
    };
    spec.securityContext = podSecurityContext(this.props.platform);
    spec.affinity = { nodeAffinity: AWAY_FROM_GPUS, podAntiAffinity: alone(this.props.selector) };
    sync.completePod(spec);
  }
}

/** Where nodes with GPUs have no taint: by the labels of GKE and of NVIDIA's GPU feature discovery. */
const AWAY_FROM_GPUS = {
  preferredDuringSchedulingIgnoredDuringExecution: [
    {
      weight: 100,
      preference: {
        matchExpressions: ['cloud.google.com/gke-accelerator', 'nvidia.com/gpu.present'].map((key) => ({
          key,
          operator: 'DoesNotExist',
        })),
      },
    },
  ],
} as const;

/**
 * One pod at a time, of the Job, of the next Job and of the CronJob alike: all nodes have the same value of this label, so
 * that a pod stays pending while another that is selected runs anywhere.
 */
function alone(selector: Readonly<Record<string, string>>): Manifest {
  const term = { labelSelector: { matchLabels: { ...selector } }, topologyKey: 'kubernetes.io/os' };
  return { requiredDuringSchedulingIgnoredDuringExecution: [term] };
}

function cronOf(schedule: string): Cron {
  const [minute, hour, day, month, weekDay] = schedule.trim().split(/\s+/) as [string, string, string, string, string];
  return Cron.schedule({ minute, hour, day, month, weekDay });
}
