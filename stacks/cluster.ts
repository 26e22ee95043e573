import { Cluster as GkeCluster } from '@pulumi/gcp/container/cluster.js';
import { CryptoKeyIAMMember } from '@pulumi/gcp/kms/cryptoKeyIAMMember.js';
import { ServiceIdentity } from '@pulumi/gcp/projects/serviceIdentity.js';
import { type Input, type Output, output } from '@pulumi/pulumi';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';
import { type Network, RANGES } from './network';

export interface ClusterArgs {
  readonly environment: GkeEnvironment;
  readonly network: Network;
  readonly nodeServiceAccount: Input<string>;
}

/**
 * A private, hardened, regional GKE cluster without nodes of its own: pools follow.
 *
 * Its control plane has a DNS endpoint alone, guarded by IAM, and no addresses (Google's recommendation, and CIS GKE
 * benchmark 2.0, 5.6.4). A VPC Service Controls perimeter restricts it further where one is in use.
 */
export class Cluster extends Component {
  readonly cluster: GkeCluster;
  /** For kubectl and the Kubernetes provider. It holds no credentials: the exec plugin gets a token for the caller. */
  readonly kubeconfig: Output<string>;

  constructor({ environment, network, nodeServiceAccount }: ClusterArgs, opts: ComponentOptions) {
    super('gke:Cluster', 'cluster', opts);
    const { name, platform } = environment;
    const key = platform.databaseEncryptionKey;
    const access = key === undefined ? [] : [this.keyAccess(environment, key)];
    this.cluster = new GkeCluster(
      'gke',
      {
        name: `triton-${name}`,
        location: platform.region,
        deletionProtection: platform.deletionProtection,

        // The API makes no cluster without a pool: this one is removed at once. It is never the default account's.
        removeDefaultNodePool: true,
        initialNodeCount: 1,
        nodeConfig: { serviceAccount: nodeServiceAccount, shieldedInstanceConfig: { enableSecureBoot: true } },

        network: network.vpc.id,
        subnetwork: network.subnet.id,
        networkingMode: 'VPC_NATIVE',
        ipAllocationPolicy: {
          clusterSecondaryRangeName: RANGES.pods,
          servicesSecondaryRangeName: RANGES.services,
        },
        datapathProvider: 'ADVANCED_DATAPATH',
        privateClusterConfig: { enablePrivateNodes: true },
        controlPlaneEndpointsConfig: {
          dnsEndpointConfig: { allowExternalTraffic: true },
          ipEndpointsConfig: { enabled: false },
        },
        masterAuth: { clientCertificateConfig: { issueClientCertificate: false } },
        enableShieldedNodes: true,
        enableIntranodeVisibility: true,
        workloadIdentityConfig: { workloadPool: `${platform.project}.svc.id.goog` },
        binaryAuthorization: { evaluationMode: 'PROJECT_SINGLETON_POLICY_ENFORCE' },
        databaseEncryption: key === undefined ? { state: 'DECRYPTED' } : { state: 'ENCRYPTED', keyName: key },
        securityPostureConfig: { mode: 'BASIC', vulnerabilityMode: 'VULNERABILITY_DISABLED' },
        nodePoolDefaults: {
          nodeConfigDefaults: { insecureKubeletReadonlyPortEnabled: 'FALSE' },
        },

        releaseChannel: { channel: platform.releaseChannel },
        // Saturdays and Sundays, 02:00 to 08:00 UTC: node upgrades take replicas away one by one.
        maintenancePolicy: {
          recurringWindow: {
            startTime: '2026-01-03T02:00:00Z',
            endTime: '2026-01-03T08:00:00Z',
            recurrence: 'FREQ=WEEKLY;BYDAY=SA,SU',
          },
        },

        // Idle GPU nodes go sooner.
        clusterAutoscaling: { autoscalingProfile: 'OPTIMIZE_UTILIZATION' },
        podAutoscaling: { hpaProfile: 'PERFORMANCE' },
        gatewayApiConfig: { channel: 'CHANNEL_STANDARD' },
        addonsConfig: {
          gcsFuseCsiDriverConfig: { enabled: true },
          gcePersistentDiskCsiDriverConfig: { enabled: true },
          dnsCacheConfig: { enabled: true },
        },
        costManagementConfig: { enabled: true },
        loggingConfig: { enableComponents: ['SYSTEM_COMPONENTS', 'WORKLOADS'] },
        // The stack's own Prometheus scrapes the servers, for the autoscaler: Google's collector would do it twice.
        monitoringConfig: { enableComponents: ['SYSTEM_COMPONENTS'], managedPrometheus: { enabled: false } },
        resourceLabels: { ...environment.labels, environment: name, 'managed-by': 'triton-stack' },
      },
      // Fields of the pool that is gone, and counts that the autoscaler moves.
      { ...this.childAfter(...access), ignoreChanges: ['initialNodeCount', 'nodeConfig', 'nodePools'] },
    );
    const endpoint = this.cluster.controlPlaneEndpointsConfig.apply((config) => config.dnsEndpointConfig?.endpoint);
    this.kubeconfig = output([this.cluster.name, endpoint]).apply(([cluster, host]) => kubeconfig(cluster, host));
    this.registerOutputs({ name: this.cluster.name });
  }

  /** GKE's own account has to be let at the key before it makes the cluster; in a new project it is made first. */
  private keyAccess({ platform }: GkeEnvironment, key: string): CryptoKeyIAMMember {
    const agent = new ServiceIdentity(
      'gke-agent',
      { project: platform.project, service: 'container.googleapis.com' },
      this.child,
    );
    return new CryptoKeyIAMMember(
      'secrets-key',
      {
        cryptoKeyId: key,
        role: 'roles/cloudkms.cryptoKeyEncrypterDecrypter',
        member: `serviceAccount:service-${platform.projectNumber}@container-engine-robot.iam.gserviceaccount.com`,
      },
      this.childAfter(agent),
    );
  }
}

/** A kubeconfig as `gcloud container clusters get-credentials --dns-endpoint` writes it: a public certificate, no CA. */
function kubeconfig(cluster: string | undefined, host: string | undefined): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': cluster,
    clusters: [{ name: cluster, cluster: { server: `https://${host}` } }],
    contexts: [{ name: cluster, context: { cluster, user: cluster } }],
    users: [
      {
        name: cluster,
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1beta1',
            command: 'gke-gcloud-auth-plugin',
            installHint: 'gcloud components install gke-gcloud-auth-plugin',
            provideClusterInfo: true,
            interactiveMode: 'Never',
          },
        },
      },
    ],
  });
}
