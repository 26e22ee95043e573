import { Bucket } from '@pulumi/gcp/storage/bucket.js';
import { BucketIAMMember } from '@pulumi/gcp/storage/bucketIAMMember.js';
import type { Resource } from '@pulumi/pulumi';
import { ACCOUNTS, KUBEFLOW_NAMESPACE } from '../charts/kubeflow/settings';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';

const ROLES = ['models', 'artifacts', 'data'] as const;
export type BucketRole = (typeof ROLES)[number];

/** Buckets for models, pipeline artifacts and data, and who may do what in them: identities of pods, no keys. */
export class Buckets extends Component {
  readonly buckets: Readonly<Record<BucketRole, Bucket>>;
  private readonly cluster: Resource;

  /** @param cluster - what the identities of pods come with: permissions wait for it, buckets do not */
  constructor(environment: GkeEnvironment, cluster: Resource, opts: ComponentOptions) {
    super('storage:Buckets', 'buckets', opts);
    this.cluster = cluster;
    const { buckets, platform } = environment;
    this.buckets = Object.fromEntries(ROLES.map((role) => [role, this.bucket(role, environment)])) as unknown as Record<
      BucketRole,
      Bucket
    >;

    const pool = `principal://iam.googleapis.com/projects/${platform.projectNumber}/locations/global/workloadIdentityPools/${platform.project}.svc.id.goog`;
    const servers = pool
      .replace('principal://', 'principalSet://')
      .concat(`/namespace/${environment.servingNamespace}`);
    // One member for all servers of the namespace: a bucket's policy holds 1,500 principals at most.
    this.grant('models-servers', 'models', 'roles/storage.objectViewer', servers);
    if (environment.kubeflow.kind === 'pipelines') {
      const account = (name: string) => `${pool}/subject/ns/${KUBEFLOW_NAMESPACE}/sa/${name}`;
      const runner = account(ACCOUNTS.runner);
      const publisher = account(ACCOUNTS.publisher);
      // Whoever writes a model repository runs code in the servers: one account for that, and no pipeline's own.
      this.grant('models-publisher', 'models', 'roles/storage.objectUser', publisher);
      this.grant('models-pipelines', 'models', 'roles/storage.objectViewer', runner);
      this.grant('artifacts-pipelines', 'artifacts', 'roles/storage.objectUser', runner);
      this.grant('data-pipelines', 'data', 'roles/storage.objectViewer', runner);
      // A run that publishes is a run like others beside.
      this.grant('artifacts-publisher', 'artifacts', 'roles/storage.objectUser', publisher);
      this.grant('data-publisher', 'data', 'roles/storage.objectViewer', publisher);
      this.grant('artifacts-ui', 'artifacts', 'roles/storage.objectViewer', account(ACCOUNTS.ui));
    }
    this.registerOutputs({ models: buckets.models });
  }

  private bucket(role: BucketRole, { buckets, labels, name, platform }: GkeEnvironment): Bucket {
    return new Bucket(
      role,
      {
        name: buckets[role],
        location: buckets.location,
        storageClass: 'STANDARD',
        uniformBucketLevelAccess: true,
        publicAccessPrevention: 'enforced',
        versioning: { enabled: true },
        // Versions keep what is replaced or deleted; soft delete would keep, and bill, it a second time.
        softDeletePolicy: { retentionDurationSeconds: 0 },
        lifecycleRules: [
          { action: { type: 'Delete' }, condition: { daysSinceNoncurrentTime: buckets.keepDays } },
          { action: { type: 'AbortIncompleteMultipartUpload' }, condition: { age: 7 } },
        ],
        // Environments that come and go take their objects along.
        forceDestroy: !platform.deletionProtection,
        labels: { ...labels, environment: name, role, 'managed-by': 'triton-stack' },
      },
      { ...this.child, protect: platform.deletionProtection },
    );
  }

  private grant(name: string, role: BucketRole, iamRole: string, member: string): void {
    new BucketIAMMember(
      name,
      { bucket: this.buckets[role].name, role: iamRole, member },
      this.childAfter(this.cluster),
    );
  }
}
