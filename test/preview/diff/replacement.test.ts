import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import forceNew from '../../../preview/diff/google-force-new.json';
import { forcesReplacement } from '../../../preview/diff/replacement';
import { environmentFolder, environmentText, ROOT, SHIPPED, shippedConfig } from '../../support/environment-file';

const CLUSTER = 'gcp:container/cluster:Cluster';
const POOL = 'gcp:container/nodePool:NodePool';
const SUBNET = 'gcp:compute/subnetwork:Subnetwork';
const BUCKET = 'gcp:storage/bucket:Bucket';

type Case = readonly [path: string, before: unknown, after: unknown];

const GPU = { type: 'nvidia-l4', count: 1, gpuDriverInstallationConfig: { gpuDriverVersion: 'DEFAULT' } };

/** `a.b.0.c`: places in lists are numbers. */
function steps(path: string): (string | number)[] {
  return path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function forces(type: string, [path, before, after]: Case): boolean {
  return forcesReplacement(type, steps(path), before, after);
}

describe('a node pool', () => {
  // The provider's schema says ForceNew of each.
  it.each<Case>([
    ['name', 'a', 'b'],
    // Pulumi makes up another.
    ['name', 'a', undefined],
    ['location', 'us-central1', 'us-east4'],
    ['maxPodsPerNode', 110, 64],
    ['nodeConfig.spot', false, true],
    ['nodeConfig.spot', undefined, true],
    ['nodeConfig.serviceAccount', 'a@x', 'b@x'],
    ['nodeConfig.oauthScopes', ['a'], ['a', 'b']],
    ['nodeConfig.metadata.disable-legacy-endpoints', 'true', undefined],
    ['nodeConfig.minCpuPlatform', 'Intel Ice Lake', 'AMD Milan'],
    ['nodeConfig.bootDiskKmsKey', undefined, 'projects/p/locations/l/keyRings/r/cryptoKeys/k'],
    ['nodeConfig.localSsdCount', 0, 1],
    ['nodeConfig.ephemeralStorageLocalSsdConfig', undefined, { localSsdCount: 2 }],
    ['nodeConfig.guestAccelerators', [GPU], [{ ...GPU, count: 2 }]],
    ['nodeConfig.guestAccelerators.0.type', 'nvidia-l4', 'nvidia-tesla-a100'],
    ['nodeConfig.guestAccelerators.1', undefined, GPU],
    ['nodeConfig.guestAccelerators.0.gpuDriverInstallationConfig.gpuDriverVersion', 'DEFAULT', 'LATEST'],
    ['nodeConfig.guestAccelerators.0.gpuSharingConfig', undefined, { gpuSharingStrategy: 'TIME_SHARING' }],
    ['nodeConfig.shieldedInstanceConfig.enableSecureBoot', true, false],
    // On unless said otherwise.
    ['nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring', undefined, false],
    ['nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring', false, undefined],
    ['nodeConfig.reservationAffinity', undefined, { consumeReservationType: 'ANY_RESERVATION' }],
    ['nodeConfig.flexStart', undefined, true],
    ['nodeConfig.maxRunDuration', '3600s', '7200s'],
    ['nodeConfig.secondaryBootDisks', undefined, [{ diskImage: 'i', mode: 'CONTAINER_IMAGE_CACHE' }]],
    ['nodeConfig.advancedMachineFeatures.threadsPerCore', 1, 2],
    ['nodeConfig', { machineType: 'g2-standard-4', spot: true }, { machineType: 'g2-standard-4' }],
    ['placementPolicy', undefined, { type: 'COMPACT' }],
    ['queuedProvisioning.enabled', false, true],
    ['networkConfig.podRange', 'pods', 'other'],
    ['networkConfig.createPodRange', undefined, true],
  ])('comes anew: %s', (...change) => {
    expect(forces(POOL, change)).toBe(true);
  });

  it.each<Case>([
    ['autoscaling.totalMaxNodeCount', 4, 8],
    ['management.autoUpgrade', true, false],
    ['nodeLocations', ['us-central1-a'], ['us-central1-b']],
    ['upgradeSettings.maxSurge', 0, 1],
    ['version', '1.33.5-gke.1', '1.34.1-gke.1'],
    ['networkConfig.enablePrivateNodes', true, false],
    ['nodeConfig.machineType', 'g2-standard-4', 'g2-standard-8'],
    ['nodeConfig.diskSizeGb', 100, 200],
    ['nodeConfig.diskType', 'pd-balanced', 'pd-ssd'],
    ['nodeConfig.imageType', 'COS_CONTAINERD', 'UBUNTU_CONTAINERD'],
    ['nodeConfig.labels.a', 'b', 'c'],
    ['nodeConfig.taints', [], [{ key: 'a', value: 'b', effect: 'NO_SCHEDULE' }]],
    ['nodeConfig.tags', ['a'], ['b']],
    ['nodeConfig.resourceLabels.team', undefined, 'ml'],
    ['nodeConfig.gvnic.enabled', false, true],
    ['nodeConfig.gcfsConfig', undefined, { enabled: true }],
    ['nodeConfig.kubeletConfig.cpuManagerPolicy', undefined, 'static'],
    ['nodeConfig.workloadMetadataConfig.mode', 'GCE_METADATA', 'GKE_METADATA'],
    ['nodeConfig.confidentialNodes.enabled', false, true],
    // What is left out is what the provider takes it for.
    ['nodeConfig.spot', undefined, false],
    ['nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring', undefined, true],
    ['nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring', true, undefined],
    ['nodeConfig.shieldedInstanceConfig', undefined, { enableSecureBoot: false }],
    ['nodeConfig.enableConfidentialStorage', undefined, false],
    ['nodeConfig.localSsdCount', 1, undefined],
    ['nodeConfig.guestAccelerators', [GPU], undefined],
    // A set.
    ['nodeConfig.oauthScopes', ['a', 'b'], ['b', 'a']],
    ['nodeConfig', { machineType: 'g2-standard-4' }, { machineType: 'g2-standard-8' }],
  ])('stays: %s', (...change) => {
    expect(forces(POOL, change)).toBe(false);
  });
});

describe('a cluster', () => {
  it.each<Case>([
    ['name', 'triton-dev', 'triton'],
    ['location', 'us-central1', 'us-central1-a'],
    ['network', 'a', 'b'],
    ['subnetwork', 'a', 'b'],
    ['networkingMode', 'ROUTES', 'VPC_NATIVE'],
    ['datapathProvider', 'LEGACY_DATAPATH', 'ADVANCED_DATAPATH'],
    ['ipAllocationPolicy.clusterSecondaryRangeName', 'pods', 'more-pods'],
    ['initialNodeCount', 1, 2],
    ['enableAutopilot', undefined, true],
    ['confidentialNodes', undefined, { enabled: true }],
    ['privateClusterConfig.masterIpv4CidrBlock', '172.16.0.0/28', '172.16.0.16/28'],
    ['masterAuth.clientCertificateConfig.issueClientCertificate', false, true],
    ['enableL4IlbSubsetting', true, false],
    ['enableFqdnNetworkPolicy', true, undefined],
    ['enableK8sBetaApis.enabledApis', ['a/v1beta1/b', 'c/v1beta1/d'], ['a/v1beta1/b']],
  ])('comes anew: %s', (...change) => {
    expect(forces(CLUSTER, change)).toBe(true);
  });

  it.each<Case>([
    ['releaseChannel.channel', 'REGULAR', 'STABLE'],
    ['deletionProtection', true, false],
    ['addonsConfig.dnsCacheConfig.enabled', true, false],
    ['databaseEncryption.state', 'DECRYPTED', 'ENCRYPTED'],
    ['privateClusterConfig.enablePrivateNodes', true, false],
    ['enableIntranodeVisibility', true, false],
    ['enableShieldedNodes', true, false],
    ['workloadIdentityConfig.workloadPool', undefined, 'p.svc.id.goog'],
    ['resourceLabels.team', undefined, 'ml'],
    ['enableL4IlbSubsetting', false, true],
    ['enableK8sBetaApis.enabledApis', ['a/v1beta1/b'], ['a/v1beta1/b', 'c/v1beta1/d']],
  ])('stays: %s', (...change) => {
    expect(forces(CLUSTER, change)).toBe(false);
  });
});

describe("Google's other resources", () => {
  it.each<readonly [string, ...Case, boolean]>([
    // A range can grow around itself.
    [SUBNET, 'ipCidrRange', '10.0.0.0/20', '10.0.0.0/16', false],
    [SUBNET, 'ipCidrRange', '10.0.0.0/16', '10.0.0.0/20', true],
    [SUBNET, 'ipCidrRange', '10.0.0.0/20', '10.1.0.0/16', true],
    [SUBNET, 'secondaryIpRanges', [{ rangeName: 'pods', ipCidrRange: '10.1.0.0/16' }], [], false],
    [SUBNET, 'privateIpGoogleAccess', false, true, false],
    [BUCKET, 'location', 'US', 'EU', true],
    [BUCKET, 'storageClass', 'STANDARD', 'NEARLINE', false],
    [BUCKET, 'retentionPolicy.isLocked', true, false, true],
    [BUCKET, 'retentionPolicy.isLocked', false, true, false],
    [BUCKET, 'hierarchicalNamespace', undefined, { enabled: true }, true],
    ['gcp:compute/network:Network', 'autoCreateSubnetworks', undefined, false, true],
    ['gcp:compute/network:Network', 'autoCreateSubnetworks', undefined, true, false],
    ['gcp:compute/network:Network', 'routingMode', 'REGIONAL', 'GLOBAL', false],
    ['gcp:compute/router:Router', 'network', 'a', 'b', true],
    ['gcp:compute/routerNat:RouterNat', 'router', 'a', 'b', true],
    ['gcp:compute/routerNat:RouterNat', 'natIpAllocateOption', 'AUTO_ONLY', 'MANUAL_ONLY', false],
    ['gcp:storage/bucketIAMMember:BucketIAMMember', 'role', 'a', 'b', true],
    ['gcp:projects/iAMMember:IAMMember', 'condition', undefined, { title: 't', expression: 'true' }, true],
    ['gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember', 'member', 'a', 'b', true],
    ['gcp:projects/service:Service', 'disableOnDestroy', false, true, false],
    ['gcp:serviceaccount/account:Account', 'accountId', 'a', 'b', true],
    ['gcp:serviceaccount/account:Account', 'displayName', 'a', 'b', false],
    ['gcp:unknown/thing:Thing', 'name', 'a', 'b', false],
  ])('%s %s %j to %j: %s', (type, path, before, after, expected) => {
    expect(forces(type, [path, before, after])).toBe(expected);
  });
});

describe('an object in the cluster', () => {
  it.each<readonly [string, ...Case, boolean]>([
    ['core/v1:ConfigMap', 'data.config', 'a', 'b', true],
    ['core/v1:ConfigMap', 'metadata.labels.a', 'b', 'c', false],
    ['core/v1:ConfigMap', 'metadata', { name: 'a', namespace: 'n' }, { name: 'a', namespace: 'm' }, true],
    ['core/v1:ConfigMap', 'metadata', { name: 'a', labels: {} }, { name: 'a', labels: { b: 'c' } }, false],
    ['core/v1:Secret', 'stringData.key', 'a', 'b', true],
    ['core/v1:Secret', 'type', 'Opaque', 'kubernetes.io/tls', true],
    ['apps/v1:Deployment', 'spec.selector.matchLabels.app', 'a', 'b', true],
    ['apps/v1:Deployment', 'spec.template.spec.containers.0.image', 'a', 'b', false],
    ['apps/v1:StatefulSet', 'spec.volumeClaimTemplates.0.spec.resources.requests.storage', '1Gi', '2Gi', true],
    ['apps/v1:StatefulSet', 'spec.serviceName', 'a', 'b', true],
    ['apps/v1:StatefulSet', 'spec.podManagementPolicy', 'OrderedReady', 'Parallel', true],
    ['apps/v1:StatefulSet', 'spec.replicas', 1, 2, false],
    ['apps/v1:StatefulSet', 'spec.persistentVolumeClaimRetentionPolicy.whenDeleted', 'Retain', 'Delete', false],
    ['core/v1:Service', 'spec.clusterIP', undefined, 'None', true],
    ['core/v1:Service', 'spec.type', 'ClusterIP', 'LoadBalancer', false],
    ['core/v1:PersistentVolumeClaim', 'spec.storageClassName', 'a', 'b', true],
    ['core/v1:PersistentVolumeClaim', 'spec.resources.requests.storage', '1Gi', '2Gi', false],
    ['batch/v1:Job', 'spec.template.spec.containers.0.image', 'a', 'b', true],
    ['rbac.authorization.k8s.io/v1:RoleBinding', 'roleRef.name', 'a', 'b', true],
    ['rbac.authorization.k8s.io/v1:RoleBinding', 'subjects', [], [{ kind: 'ServiceAccount', name: 'a' }], false],
    ['storage.k8s.io/v1:StorageClass', 'parameters.type', 'pd-balanced', 'pd-ssd', true],
    // The provider names v1beta1 alone: the selector can be changed since policy/v1.
    ['policy/v1:PodDisruptionBudget', 'spec.maxUnavailable', 1, 2, false],
    ['autoscaling/v2:HorizontalPodAutoscaler', 'spec.maxReplicas', 1, 2, false],
    ['helm.sh/v3:Release', 'version', '1', '2', false],
    ['helm.sh/v3:Release', 'values.name', 'a', 'b', false],
    ['helm.sh/v3:Release', 'namespace', 'a', 'b', true],
  ])('%s %s %j to %j: %s', (type, path, before, after, expected) => {
    expect(forces(`kubernetes:${type}`, [path, before, after])).toBe(expected);
  });
});

describe('options', () => {
  it('leave alone what the engine is told to ignore', () => {
    const options = { ignoreChanges: ['nodeConfig', 'metadata["a.b"]'] };
    expect(forcesReplacement(POOL, ['nodeConfig', 'spot'], false, true, options)).toBe(false);
    expect(forcesReplacement(POOL, ['name'], 'a', 'b', options)).toBe(true);
    // What is ignored is a part of what changes.
    const part = { ignoreChanges: ['nodeConfig.labels'] };
    expect(forcesReplacement(POOL, ['nodeConfig', 'spot'], false, true, part)).toBe(true);
  });

  it('replace what the provider would change in place', () => {
    const options = { replaceOnChanges: ['nodeConfig.taints[*].effect', 'data["server.crt"]'] };
    expect(forcesReplacement(POOL, ['nodeConfig', 'taints', 1, 'effect'], 'a', 'b', options)).toBe(true);
    expect(forcesReplacement(POOL, ['nodeConfig', 'taints', 1, 'key'], 'a', 'b', options)).toBe(false);
    expect(forcesReplacement(POOL, ['nodeConfig', 'taints'], [], [{ effect: 'a' }], options)).toBe(true);
    expect(forcesReplacement('any:other:Thing', ['data', 'server.crt'], 'a', 'b', options)).toBe(true);
    expect(forcesReplacement('any:other:Thing', ['data'], {}, {}, { replaceOnChanges: ['*'] })).toBe(true);
  });
});

describe('the knowledge of Google resources', () => {
  it('has every type that the program registers', async () => {
    const access = {
      kind: 'iap',
      host: 'a.example.com',
      clientId: 'a',
      clientSecretName: 'a',
      members: ['user:a@b.c'],
    };
    const config = { ...shippedConfig('dev'), kubeflow: { kind: 'pipelines', access } };
    const { resources } = await buildPlan(environmentFolder('try', environmentText(config)), 'try');
    const goldens = SHIPPED.map((name) =>
      readFileSync(join(ROOT, 'test', 'preview', '__goldens__', name, 'resources.yaml'), 'utf8'),
    ).join('\n');
    const types = new Set([
      ...(goldens.match(/gcp:[a-zA-Z]+\/[a-zA-Z]+:[a-zA-Z]+/g) ?? []),
      // No environment that is shipped asks who somebody is.
      ...resources.map(({ type }) => type).filter((type) => type.startsWith('gcp:')),
    ]);
    expect(types.size).toBeGreaterThan(10);
    expect(Object.keys(forceNew.types).sort()).toEqual([...types].sort());
  });

  it.each(Object.entries(forceNew.types))('names arguments that @pulumi/gcp has: %s', (type, { fields, blocks }) => {
    const unknown = [...fields, ...blocks].filter((path) => !isArgument(type, path));
    expect(unknown).toEqual([]);
  });
});

const GCP = join(createRequire(import.meta.url).resolve('@pulumi/gcp/package.json'), '..');
const INPUTS = readFileSync(join(GCP, 'types', 'input.d.ts'), 'utf8');

/** Whether the SDK's declarations have an argument under a path, a list where the path has a member of one. */
function isArgument(type: string, path: string): boolean {
  const [, module = '', name = ''] = type.split(':');
  // The SDK writes some files' names in small letters.
  const file = `${module.replace('/iAM', '/iam').replace('iamMember', 'iammember')}.d.ts`;
  let members = membersOf(readFileSync(join(GCP, file), 'utf8'), `${name}Args`);
  const keys = path.split('.');
  return keys.every((key, at) => {
    if (key === '*') return true;
    const declared = members.get(key);
    if (declared === undefined) return false;
    const [, namespace = '', inner = ''] = /inputs\.(\w+)\.(\w+)/.exec(declared) ?? [];
    members = inner === '' ? new Map() : membersOf(namespaceOf(namespace), inner);
    const list = declared.includes('[]');
    return inner === '' || at === keys.length - 1 || list === (keys[at + 1] === '*');
  });
}

function namespaceOf(name: string): string {
  const start = INPUTS.indexOf(`export declare namespace ${name} {`);
  return INPUTS.slice(start, INPUTS.indexOf('\n}\n', start));
}

/** Members of an interface with their types. */
function membersOf(text: string, name: string): Map<string, string> {
  const [, indent = '', body = ''] =
    new RegExp(`^( *)(?:export )?interface ${name} \\{\\n([^]*?)^\\1\\}`, 'm').exec(text) ?? [];
  const member = new RegExp(`^${indent}    (\\w+)\\??: ([^;]*(?:;[^;]*)??);$`, 'gm');
  return new Map([...body.matchAll(member)].map(([, key = '', declared = '']) => [key, declared]));
}
