import { Duration } from 'cdk8s';
import * as kplus from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import { NIM_API, NIM_CACHE_PATH, NIM_STARTUP_SECONDS, nimParallelism } from '../models/nim';
import type { Manifest } from './after-mapping';
import { placePods, SAFE_TO_EVICT } from './gpu-pods';
import { NGC_API_KEY } from './ngc-secret';
import type { NimServerProps } from './nim-server';
import { claimVolume, settleWorkload } from './rendered-workload';
import { podSecurityContext } from './security';

/** The Secrets of a NIM's pods, by name. */
export interface NimSecrets {
  readonly secretName: string;
  readonly secretKey?: string;
  readonly pullSecretName: string;
}

/** Variables that follow from props, or that the volumes stand for. */
export const NIM_OWN_VARIABLES: readonly string[] = [
  NGC_API_KEY,
  'NGC_CLI_API_KEY',
  'NIM_CACHE_PATH',
  'NIM_SERVER_PORT',
  'NIM_JSONL_LOGGING',
  'NIM_TENSOR_PARALLEL_SIZE',
  'NIM_MODEL_PROFILE',
  'OUTLINES_CACHE_DIR',
  'HOME',
  'USER',
];

/** What a NIM reads from its environment: the names are those of NVIDIA/nim-deploy, helm/nim-llm/templates/deployment.yaml. */
export function nimEnvironment(
  scope: Construct,
  { nim, environment = {} }: NimServerProps,
  { secretName, secretKey = NGC_API_KEY }: NimSecrets,
): Record<string, kplus.EnvValue> {
  const secret = kplus.Secret.fromSecretName(scope, 'ngc-key', secretName);
  const key = kplus.EnvValue.fromSecretValue({ secret, key: secretKey });
  const texts = {
    NIM_CACHE_PATH,
    NIM_SERVER_PORT: String(NIM_API.port),
    NIM_JSONL_LOGGING: '1',
    ...nimParallelism(nim),
    OUTLINES_CACHE_DIR: `${SCRATCH_MOUNT}/outlines`,
    // A user that OpenShift assigns has neither a home to write to nor a name.
    HOME: SCRATCH_MOUNT,
    USER: 'nim',
    ...environment,
  };
  return {
    [NGC_API_KEY]: key,
    // What NGC's own tools call it; of the two it is looked at first (NIM LLM documentation, "Model download").
    NGC_CLI_API_KEY: key,
    ...Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, kplus.EnvValue.fromValue(value)])),
  };
}

const PERIOD_SECONDS = 10;

/** A NIM's three probes. A first start downloads the model: only the startup probe waits that out. */
export function nimProbes(): { startup: kplus.Probe; readiness: kplus.Probe; liveness: kplus.Probe } {
  const probe = (path: string, periodSeconds: number, failureThreshold: number) =>
    kplus.Probe.fromHttpGet(path, {
      port: NIM_API.port,
      periodSeconds: Duration.seconds(periodSeconds),
      timeoutSeconds: Duration.seconds(5),
      failureThreshold,
    });
  return {
    startup: probe(NIM_API.ready, PERIOD_SECONDS, Math.ceil(NIM_STARTUP_SECONDS / PERIOD_SECONDS)),
    readiness: probe(NIM_API.ready, 5, 3),
    liveness: probe(NIM_API.live, PERIOD_SECONDS, 6),
  };
}

/**
 * The image's own user, whom what it holds belongs to (NVIDIA/nim-deploy, helm/nim-llm/values.yaml, podSecurityContext). On
 * OpenShift any user does that has group 0 and the volumes below, as OpenShift AI runs NIMs.
 */
const NIM_USER = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 } as const;

const SCRATCH_MOUNT = '/tmp';

/** What NVIDIA's documentation gives a NIM (`--shm-size=16GB`, "Get started"), GiB, where the pod has memory for it. */
const SHARED_MEMORY_GIB = 16;

/** What cdk8s-plus cannot say of a NIM's StatefulSet. */
export function completeNimWorkload(
  manifest: Manifest,
  { nim, placement, platform, replicas, storageClass, retention }: NimServerProps,
  selector: Readonly<Record<string, string>>,
  { pullSecretName }: NimSecrets,
): void {
  settleWorkload(manifest, replicas);
  const { metadata, spec } = manifest.spec.template;
  metadata.annotations = {
    ...metadata.annotations,
    // The local disk holds only what can be had again; without this it would keep nodes from scaling down.
    [SAFE_TO_EVICT]: 'workspace,scratch,shared-memory',
    ...(platform === 'openshift' && { 'openshift.io/required-scc': 'restricted-v2' }),
  };
  spec.securityContext = { ...podSecurityContext(platform), ...(platform !== 'openshift' && NIM_USER) };
  spec.imagePullSecrets = [{ name: pullSecretName }];
  placePods(spec, { placement, selector });
  const [server] = spec.containers;
  const memoryGib = Math.min(SHARED_MEMORY_GIB, Math.floor(placement.memoryGib / 2));
  server.volumeMounts = [
    { name: 'cache', mountPath: NIM_CACHE_PATH },
    // Where a NIM lays out the chosen profile. Of the image it is user 1000's alone; OpenShift AI's runtime mounts a
    // volume there too (opendatahub-io/odh-model-controller, the NIM ServingRuntime).
    { name: 'workspace', mountPath: '/opt/nim/workspace' },
    { name: 'scratch', mountPath: SCRATCH_MOUNT },
    { name: 'shared-memory', mountPath: '/dev/shm' },
  ];
  // The container's ephemeral storage bounds the first two.
  spec.volumes = [
    { name: 'workspace', emptyDir: {} },
    { name: 'scratch', emptyDir: {} },
    { name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: `${memoryGib}Gi` } },
  ];
  claimVolume(manifest, {
    name: 'cache',
    gib: nim.cacheGib,
    storageClass,
    retention: { whenDeleted: 'Delete', whenScaled: 'Retain', ...retention },
  });
}
