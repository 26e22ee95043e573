import type { Model } from '../models/model';
import { allModels } from '../models/spec/backend';
import { fetchSeconds, repositoryDiskGib, repositoryVolumeGib } from '../models/startup';
import type { Manifest } from './after-mapping';
import { GCS_FUSE_VOLUMES, gcsFuseVolume } from './gcs-fuse';
import { repositoryVolume } from './hugging-face-repository';
import type { HuggingFaceSource, ImageSource, MountedSource, NodeCacheSource, RepositorySource } from './model-source';
import { pullPolicy } from './security';
import { MODELS_MOUNT, REPOSITORY_FOLDER } from './sync/model-sync';

/** Whose pods a source is mounted into. */
export interface MountContext {
  readonly model: Model;
  /** Of the server. */
  readonly name: string;
  /** Of the server's container. */
  readonly image: string;
}

/** What a source that is mounted puts into a server's pods. */
export interface MountedVolumes {
  readonly volumes: readonly Manifest[];
  /** The server container's mounts of them. */
  readonly mounts: readonly Manifest[];
  /** Containers that have to end before the server starts, under its security context. */
  readonly initContainers: readonly Manifest[];
  /** Of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Of the server's container. */
  readonly environment: readonly Manifest[];
  /** GiB of the node's disk that the server's container fills with models. */
  readonly localDiskGib: number;
  /**
   * One of the volumes that a StatefulSet may keep on a claim of each pod's own: its `emptyDir` goes, and `localDiskGib`
   * with it.
   */
  readonly cacheVolume?: { readonly name: string; readonly gib: number };
  /** Seconds by which a start is longer that finds nothing in the cache: the server itself fetches. */
  readonly fetchSeconds: number;
  /** Local volumes that the platform adds to the pod. */
  readonly localVolumes: readonly string[];
  /** What containers that the platform adds to the pod request beside the server's. */
  readonly sidecar: { readonly cpus: number; readonly memoryGib: number; readonly diskGib: number };
}

const REPOSITORY_MOUNT = `${MODELS_MOUNT}/${REPOSITORY_FOLDER}`;
const VOLUME = 'models';

/** Of an init container that only looks. */
const SMALL = { cpu: '100m', memory: '32Mi', 'ephemeral-storage': '64Mi' } as const;

const NOTHING_ELSE = {
  initContainers: [],
  annotations: {},
  environment: [],
  localDiskGib: 0,
  fetchSeconds: 0,
  localVolumes: [],
  sidecar: { cpus: 0, memoryGib: 0, diskGib: 0 },
} as const;

/** The volumes of a source that is mounted as it is, and what goes with them. */
export function mountedSource(source: MountedSource, context: MountContext): MountedVolumes {
  switch (source.kind) {
    case 'claim':
      return { ...NOTHING_ELSE, volumes: [claim(source.claimName)], mounts: [repositoryMount(source.subPath)] };
    case 'model-repository':
      return source.storage === 'shared'
        ? sharedRepository(source, context, 'the Job of the ModelRepository')
        : populatedRepository(source, context);
    case 'node-cache':
      return sharedRepository(source, context, "this node's pod of the NodeModelCache");
    case 'gcs-fuse': {
      const { csi, annotations, sidecar } = gcsFuseVolume(source, context.model);
      const volumes = [{ name: VOLUME, csi }];
      const mounts = [repositoryMount()];
      return { ...NOTHING_ELSE, volumes, mounts, annotations, localVolumes: GCS_FUSE_VOLUMES, sidecar };
    }
    case 'image':
      return { ...NOTHING_ELSE, volumes: [image(source)], mounts: [repositoryMount(source.subPath)] };
    case 'hugging-face':
      return huggingFace(source, context);
  }
}

/**
 * Adds a mounted source to a pod whose first container is the server.
 *
 * @param pod - the pod's `spec`, changed in place
 */
export function addMountedSource(pod: Manifest, mounted: MountedVolumes): void {
  const [server] = pod.containers;
  pod.volumes.push(...mounted.volumes);
  server.volumeMounts.push(...mounted.mounts);
  server.env.push(...mounted.environment);
  const before = mounted.initContainers.map((each) => ({ ...each, securityContext: { ...server.securityContext } }));
  if (before.length > 0) pod.initContainers = [...before, ...(pod.initContainers ?? [])];
}

function claim(claimName: string): Manifest {
  return { name: VOLUME, persistentVolumeClaim: { claimName, readOnly: true } };
}

function image({ reference }: ImageSource): Manifest {
  return { name: VOLUME, image: { reference, pullPolicy: pullPolicy(reference) } };
}

function repositoryMount(subPath?: string): Manifest {
  return {
    name: VOLUME,
    mountPath: REPOSITORY_MOUNT,
    readOnly: true,
    ...(subPath !== undefined && { subPath }),
  };
}

/** A mount of each model's own folder, and of nothing beside them. */
function modelMounts(model: Model): Manifest[] {
  return modelNames(model).map((name) => ({
    name: VOLUME,
    mountPath: `${REPOSITORY_MOUNT}/${name}`,
    subPath: name,
    readOnly: true,
  }));
}

/** The model and, of an ensemble, those that it is made of. */
export function modelNames(model: Model): string[] {
  return allModels(model).map(({ name }) => name);
}

/**
 * The volume's root, in which a refresh replaces the repository: a mount of that folder alone would go on showing the
 * one that was replaced.
 *
 * @param filler - who puts it there
 */
function sharedRepository(
  { claimName }: RepositorySource | NodeCacheSource,
  { model, image }: MountContext,
  filler: string,
): MountedVolumes {
  const mount = { name: VOLUME, mountPath: MODELS_MOUNT, readOnly: true };
  return {
    ...NOTHING_ELSE,
    volumes: [claim(claimName)],
    mounts: [mount],
    initContainers: [waitForModels({ model, image, mount, filler })],
  };
}

/**
 * Waits until the volume is filled. A server without it would end, again and again, or come up with nothing and
 * hold the GPU until its startup probe gives up. It runs the server's own image, which is pulled in the meantime.
 */
function waitForModels({
  model,
  image,
  mount,
  filler,
}: {
  readonly model: Model;
  readonly image: string;
  readonly mount: Manifest;
  readonly filler: string;
}): Manifest {
  const wait = `trap 'exit 143' TERM
for model; do
  until [ -d "${REPOSITORY_MOUNT}/$model" ]; do
    echo "waiting for $model: ${filler} has not put it there yet"
    sleep 10 & wait $!
  done
done`;
  return {
    name: 'wait-for-models',
    image,
    imagePullPolicy: pullPolicy(image),
    command: ['/bin/sh', '-c', wait, 'wait-for-models', ...modelNames(model)],
    resources: { requests: SMALL, limits: SMALL },
    volumeMounts: [mount],
  };
}

/**
 * What GKE has copied to the volume's root, where the file system keeps `lost+found`: a server that loads everything takes
 * that for a model, and ends. Pods wait for the claim itself, which is bound when all is there.
 */
function populatedRepository({ claimName }: RepositorySource, { model }: MountContext): MountedVolumes {
  return { ...NOTHING_ELSE, volumes: [claim(claimName)], mounts: modelMounts(model) };
}

const CACHE_VOLUME = 'hugging-face';
const CACHE_MOUNT = `${MODELS_MOUNT}/hugging-face`;

/**
 * A ConfigMap is mounted with links beside the files, of which `..data` would be a model: so each model's folder alone,
 * which the kubelet finds through them.
 */
function huggingFace(source: HuggingFaceSource, { model, name, image }: MountContext): MountedVolumes {
  const { tokenSecret, cacheGib } = source;
  const fetched = asPublished(model);
  const gib = cacheGib ?? repositoryDiskGib(fetched);
  const cache = { name: CACHE_VOLUME, mountPath: CACHE_MOUNT };
  return {
    ...NOTHING_ELSE,
    initContainers: [dropOtherRevisions(image, cache, source.revision)],
    volumes: [
      { name: VOLUME, configMap: repositoryVolume({ name, model, source }) },
      { name: CACHE_VOLUME, emptyDir: { sizeLimit: `${gib}Gi` } },
    ],
    mounts: [...modelMounts(model), cache],
    environment: [
      { name: 'HF_HOME', value: `${CACHE_MOUNT}/${source.revision}` },
      // Older releases of hf-xet keep up to 10 GB of what they fetched a second time (huggingface_hub, environment_variables.md).
      { name: 'HF_XET_CHUNK_CACHE_SIZE_BYTES', value: '0' },
      ...(tokenSecret === undefined ? [] : [{ name: 'HF_TOKEN', valueFrom: { secretKeyRef: { ...tokenSecret } } }]),
    ],
    localDiskGib: gib,
    cacheVolume: { name: CACHE_VOLUME, gib: cacheGib ?? repositoryVolumeGib(fetched) },
    fetchSeconds: fetchSeconds(fetched),
  };
}

/** A volume that outlives its pods would fill with every revision that was ever served. */
function dropOtherRevisions(image: string, cache: Manifest, revision: string): Manifest {
  return {
    name: 'drop-other-revisions',
    image,
    imagePullPolicy: pullPolicy(image),
    command: [
      'find',
      CACHE_MOUNT,
      '-mindepth',
      '1',
      '-maxdepth',
      '1',
      '!',
      '-name',
      revision,
      '-exec',
      'rm',
      '-rf',
      '{}',
      '+',
    ],
    resources: { requests: SMALL, limits: SMALL },
    volumeMounts: [cache],
  };
}

/** The model with the weights that the Hub has: fp8 may be made of 16 bits as they are loaded. */
function asPublished(model: Model): Model {
  const { backend } = model;
  if (backend.kind !== 'vllm' || backend.precision !== 'fp8') return model;
  return { ...model, backend: { ...backend, precision: 'bf16' } };
}
