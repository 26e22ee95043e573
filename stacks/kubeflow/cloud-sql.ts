import { GlobalAddress } from '@pulumi/gcp/compute/globalAddress.js';
import { IAMMember } from '@pulumi/gcp/projects/iammember.js';
import { Connection } from '@pulumi/gcp/servicenetworking/connection.js';
import { DatabaseInstance } from '@pulumi/gcp/sql/databaseInstance.js';
import { User } from '@pulumi/gcp/sql/user.js';
import type { Output, Resource } from '@pulumi/pulumi';
import { ACCOUNTS, KUBEFLOW_NAMESPACE } from '../../charts/kubeflow/settings';
import { Component, type ComponentOptions } from '../component';
import type { GkeEnvironment } from '../environment/environment';
import type { CloudSqlDatabase } from '../environment/kubeflow';
import type { Network } from '../network';
import { generatedPassword } from './credentials';

export interface CloudSqlArgs {
  readonly environment: GkeEnvironment;
  readonly database: CloudSqlDatabase;
  readonly network: Network;
  /** What the identities of pods come with. */
  readonly cluster: Resource;
}

/** The user of Kubeflow Pipelines, which makes its databases itself. */
export const CLOUD_SQL_USER = 'kubeflow';

/**
 * A MySQL of Cloud SQL with a private address alone, reached through Google's proxy, which speaks TLS and asks IAM.
 *
 * MySQL 8.0 and not 8.4: Kubeflow's metadata store speaks `mysql_native_password` alone (kubeflow/pipelines,
 * mysql-deployment.yaml), which accounts of 8.0 have at Google (Google Cloud documentation, "Cloud SQL for MySQL features",
 * MySQL 8.0 authentication) and those of 8.4 do not.
 */
export class CloudSql extends Component {
  readonly password: Output<string>;
  /** What the proxy waits for. */
  readonly ready: readonly Resource[];

  constructor({ environment, database, network, cluster }: CloudSqlArgs, opts: ComponentOptions) {
    super('kubeflow:CloudSql', 'kubeflow-database', opts);
    const { platform } = environment;
    const protect = platform.deletionProtection;
    const range = new GlobalAddress(
      'google-services',
      {
        name: `triton-${environment.name}-services`,
        purpose: 'VPC_PEERING',
        addressType: 'INTERNAL',
        prefixLength: 20,
        network: network.vpc.id,
      },
      this.child,
    );
    const peering = new Connection(
      'google-services',
      {
        network: network.vpc.id,
        service: 'servicenetworking.googleapis.com',
        reservedPeeringRanges: [range.name],
        // Google frees the range some days after the instance went: the peering goes with the network.
        deletionPolicy: 'ABANDON',
      },
      this.child,
    );
    const instance = new DatabaseInstance(
      'kubeflow',
      {
        name: database.instanceName,
        region: platform.region,
        databaseVersion: 'MYSQL_8_0',
        deletionProtection: platform.deletionProtection,
        settings: {
          edition: 'ENTERPRISE',
          tier: database.tier,
          availabilityType: database.highAvailability ? 'REGIONAL' : 'ZONAL',
          diskType: 'PD_SSD',
          diskSize: database.diskGb,
          diskAutoresize: true,
          deletionProtectionEnabled: platform.deletionProtection,
          ipConfiguration: {
            ipv4Enabled: false,
            privateNetwork: network.vpc.id,
            sslMode: 'ENCRYPTED_ONLY',
          },
          backupConfiguration: {
            enabled: true,
            // What a failover and a restore to any moment go by.
            binaryLogEnabled: true,
            startTime: '03:00',
            transactionLogRetentionDays: 7,
            backupRetentionSettings: { retainedBackups: 30 },
          },
          // Saturday, 03:00 UTC: as the cluster.
          maintenanceWindow: { day: 6, hour: 3, updateTrack: 'stable' },
          databaseFlags: [{ name: 'local_infile', value: 'off' }],
          userLabels: { ...environment.labels, environment: environment.name, 'managed-by': 'triton-stack' },
        },
      },
      // A disk that has grown by itself is not to be made small again.
      { ...this.childAfter(peering), protect, ignoreChanges: ['settings.diskSize'] },
    );
    this.password = generatedPassword('kubeflow-database', this.child);
    const user = new User(
      'kubeflow',
      // Any host: its proxies have addresses of pods.
      { name: CLOUD_SQL_USER, instance: instance.name, host: '%', password: this.password },
      this.child,
    );
    const pool = `principal://iam.googleapis.com/projects/${platform.projectNumber}/locations/global/workloadIdentityPools/${platform.project}.svc.id.goog`;
    const client = new IAMMember(
      'cloud-sql-proxy',
      {
        project: platform.project,
        role: 'roles/cloudsql.client',
        member: `${pool}/subject/ns/${KUBEFLOW_NAMESPACE}/sa/${ACCOUNTS.database}`,
      },
      this.childAfter(cluster),
    );
    this.ready = [user, client];
    this.registerOutputs({ instance: instance.connectionName });
  }
}
