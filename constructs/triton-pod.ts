import type { Model } from '../models/model';
import { isLanguageModel } from '../models/spec/backend';
import { POD_DISK_GIB, repositoryDiskGib, repositoryVolumeGib } from '../models/startup';
import { imageReference } from '../models/versions';
import type { Manifest } from './after-mapping';
import { placePods, SAFE_TO_EVICT } from './gpu-pods';
import type { Destination } from './inference-server';
import { identityDestinations, isSynced, sourceDestinations } from './model-source';
import { type MountedVolumes, mountedSource } from './mounted-source';
import { serverName } from './naming';
import { claimVolume, settleWorkload } from './rendered-workload';
import { podSecurityContext } from './security';
import { addLoadKey, WATCH_RESOURCES } from './sync/model-watch';
import { members, serverImage } from './triton-command';
import { GRPC_TLS_MOUNT, keySecretOf, LOAD_KEY_VARIABLE, optionDestinations, watchOf } from './triton-options';
import type { TritonServerProps } from './triton-server-props';

/** The container that serves. */
export const CONTAINER = 'triton';

/** The memory file system that Triton's Python processes and NCCL exchange tensors through, GiB. */
const SHARED_MEMORY_GIB = { languageModel: 1, other: 0.25 } as const;

/** What cdk8s-plus cannot say of a server's workload. */
export function completeWorkload(
  manifest: Manifest,
  props: TritonServerProps,
  selector: Readonly<Record<string, string>>,
): void {
  const { platform, placement, replicas, scc } = props;
  settleWorkload(manifest, replicas);
  const { spec } = manifest.spec.template;
  spec.securityContext = podSecurityContext(platform);
  if (scc?.runAsUser !== undefined) spec.securityContext.runAsUser = scc.runAsUser;
  placePods(spec, { placement, selector });
  completePod(spec, props);
}

/** What a server's pods connect to, beside DNS. */
export function serverDestinations(props: TritonServerProps): Destination[] {
  const { source, platform, identity, egress = [] } = props;
  const all = [
    ...sourceDestinations(source, platform),
    ...(identity === undefined ? [] : identityDestinations(identity)),
    ...optionDestinations(props),
    ...egress,
  ];
  const texts = all.map((each) => JSON.stringify(each));
  return all.filter((_, index) => texts.indexOf(texts[index] as string) === index);
}

/** The volumes of a source that nothing is fetched from. */
export function mountedVolumes(props: TritonServerProps): MountedVolumes | undefined {
  const { model, source } = props;
  return isSynced(source)
    ? undefined
    : mountedSource(source, { model, name: serverName(model.name), image: imageOf(props) });
}

/** The Secret with the certificate of the gRPC port, where there is one. */
export function grpcSecretName({ grpcTls, model }: TritonServerProps): string | undefined {
  return grpcTls?.kind === 'secret' ? grpcTls.secretName : grpcTls && `${serverName(model.name)}-grpc-tls`;
}

/** OpenShift documentation, "Securing service traffic using service serving certificate secrets". */
export function serviceAnnotations(props: TritonServerProps): Record<string, string> {
  const secretName = grpcSecretName(props);
  return {
    ...props.serviceAnnotations,
    ...(props.grpcTls?.kind === 'openshift-service-ca' &&
      secretName !== undefined && { 'service.beta.openshift.io/serving-cert-secret-name': secretName }),
  };
}

/** Of the container that serves. */
export function imageOf({ image, model }: TritonServerProps): string {
  return image ?? imageReference(serverImage(model));
}

/** What containers take that run beside the one that serves: the watch, or what the platform adds. */
export function besides(
  { control }: TritonServerProps,
  mounted: MountedVolumes | undefined,
): { readonly cpus: number; readonly memoryGib: number; readonly diskGib: number } {
  if (watchOf(control) !== undefined) return WATCH_RESOURCES;
  return mounted?.sidecar ?? { cpus: 0, memoryGib: 0, diskGib: 0 };
}

/** CPU cores and memory of the container that serves: what those beside it leave of the pod's. */
export function containerResources(
  props: TritonServerProps,
  mounted: MountedVolumes | undefined,
): { readonly cpus: number; readonly memoryGib: number } {
  const { resources, placement } = props;
  const { cpus, memoryGib } = besides(props, mounted);
  return {
    cpus: resources?.cpus ?? Math.round((placement.cpus - cpus) * 1000) / 1000,
    memoryGib: resources?.memoryGib ?? placement.memoryGib - memoryGib,
  };
}

/** Gives a pod the key of its load API, once all of its containers are there. */
export function completeKey(spec: Manifest, { control }: TritonServerProps): void {
  if (control?.kind === 'explicit' && keySecretOf(control) === undefined) addLoadKey(spec, [CONTAINER, 'model-watch']);
}

/**
 * Annotates a pod that has all of its volumes.
 *
 * Local disk holds only what can be fetched again, and would keep nodes from scaling down. By volume: the annotation for
 * the whole pod also skips the autoscaler's check of the disruption budget (kubernetes/autoscaler,
 * cluster-autoscaler/FAQ.md and simulator/drainability/rules/rules.go).
 *
 * @param template - the rendered pod template, changed in place
 */
export function completeAnnotations(
  { metadata, spec }: Manifest,
  { platform, podAnnotations, scc }: TritonServerProps,
  mounted: MountedVolumes | undefined,
): void {
  const local = spec.volumes.filter(({ emptyDir }: Manifest) => emptyDir !== undefined);
  metadata.annotations = {
    ...metadata.annotations,
    ...mounted?.annotations,
    ...podAnnotations,
    'kubectl.kubernetes.io/default-container': CONTAINER,
    [SAFE_TO_EVICT]: [...local.map(({ name }: Manifest) => name), ...(mounted?.localVolumes ?? [])].join(','),
    ...(platform === 'openshift' && { 'openshift.io/required-scc': scc?.name ?? 'restricted-v2' }),
  };
}

/** What the props say of a pod that cdk8s-plus does not. */
function completePod(spec: Manifest, props: TritonServerProps): void {
  const [server] = spec.containers;
  Object.assign(server.resources.limits, props.extendedResources);
  if (props.priorityClassName !== undefined) spec.priorityClassName = props.priorityClassName;
  if (props.zoneSpread === 'required') spec.topologySpreadConstraints[0].whenUnsatisfiable = 'DoNotSchedule';
  server.env.push(...environmentOf(props));
  const secretName = grpcSecretName(props);
  if (secretName === undefined) return;
  spec.volumes.push({ name: 'grpc-tls', secret: { secretName } });
  server.volumeMounts.push({ name: 'grpc-tls', mountPath: GRPC_TLS_MOUNT, readOnly: true });
}

function environmentOf({ environment = {}, control }: TritonServerProps): Manifest[] {
  const own = Object.entries(environment).map(([name, value]) =>
    typeof value === 'string' ? { name, value } : secretVariable(name, value.secretName, value.key),
  );
  const secret = keySecretOf(control);
  return secret === undefined ? own : [...own, secretVariable(LOAD_KEY_VARIABLE, secret.secretName, secret.key)];
}

function secretVariable(name: string, secretName: string, key: string): Manifest {
  return { name, valueFrom: { secretKeyRef: { name: secretName, key } } };
}

/** What a StatefulSet keeps on a claim of each pod's own: the volume's name, and how large it has to be. */
export function keptVolume(
  { model, source }: TritonServerProps,
  mounted: MountedVolumes | undefined,
): { readonly name: string; readonly gib: number } | undefined {
  return isSynced(source) ? { name: 'models', gib: repositoryVolumeGib(model) } : mounted?.cacheVolume;
}

/** Releases that lie beside each other in a pod: a watch fetches the next beside the one that is served. */
export function releasesOf({ control }: TritonServerProps): 1 | 2 {
  return watchOf(control) === undefined ? 1 : 2;
}

/** Disk of the node that the container which serves may fill, GiB. */
export function podDiskGib(props: TritonServerProps, mounted: MountedVolumes | undefined): number {
  const { model, source, workload } = props;
  const kept = workload?.kind === 'statefulset' && keptVolume(props, mounted) !== undefined;
  const repository = isSynced(source) && !kept ? repositoryDiskGib(model, releasesOf(props)) : 0;
  return POD_DISK_GIB + repository + (kept ? 0 : (mounted?.localDiskGib ?? 0));
}

/** Turns the local volume of a StatefulSet's pods that holds what was fetched into a claim of each pod's own. */
export function keepVolume(manifest: Manifest, props: TritonServerProps, mounted: MountedVolumes | undefined): void {
  const kept = keptVolume(props, mounted);
  if (props.workload?.kind !== 'statefulset' || kept === undefined) return;
  const { storageClass, volumeGib = kept.gib, retention } = props.workload;
  const { spec } = manifest.spec.template;
  spec.volumes = spec.volumes.filter(({ name }: Manifest) => name !== kept.name);
  claimVolume(manifest, {
    name: kept.name,
    gib: volumeGib,
    storageClass,
    retention: { whenDeleted: 'Delete', whenScaled: 'Delete', ...retention },
  });
}

/** GiB of shared memory where nothing is said. */
export function sharedMemoryGib(model: Model): number {
  const some = members(model).some(({ backend }) => isLanguageModel(backend));
  return some ? SHARED_MEMORY_GIB.languageModel : SHARED_MEMORY_GIB.other;
}
