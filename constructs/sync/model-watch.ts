import { basename, dirname } from 'node:path/posix';
import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { imageReference, versions } from '../../models/versions';
import type { Manifest } from '../after-mapping';
import { contentHash } from '../naming';
import { pullPolicy } from '../security';
import { TRITON_PORTS } from '../triton-command';
import { LOAD_KEY_FILE, LOAD_KEY_HEADER, LOOK_SECONDS, type ModelWatchOptions } from '../triton-options';
import { SYNC_CONTAINER } from './model-sync';
import { WATCH_SCRIPT } from './watch-script';

const SCRIPT_MOUNT = '/opt/model-watch';

/** What the sidecar takes of the pod's part of the node, for as long as the pod runs. */
export const WATCH_RESOURCES = { cpus: 0.5, memoryGib: 0.5, diskGib: 1 } as const;

export interface ModelWatchProps extends ModelWatchOptions {
  /** Prefix of the ConfigMap's name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The models that the server has loaded. */
  readonly models: readonly string[];
  /** Seconds that a load may take. */
  readonly loadSeconds: number;
  /** Where the key of the load API lies, where that is a Secret. @default the pod's own */
  readonly secret?: { readonly secretName: string; readonly key: string };
}

/**
 * A sidecar that has new releases of a synced source loaded: the sync once more, beside the running server, then the
 * load API for the models that changed, then back to the last release where the server refuses one.
 *
 * An init container that goes on running: Kubernetes 1.29 or newer.
 */
export class ModelWatch extends Construct {
  private readonly scriptName: string;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ModelWatchProps,
  ) {
    super(scope, id);
    const data = { 'watch.sh': WATCH_SCRIPT };
    this.scriptName = `${props.name}-watch-${contentHash(data)}`;
    new kplus.ConfigMap(this, 'script', {
      metadata: { name: this.scriptName, labels: { ...props.labels } },
      data,
      immutable: true,
    });
  }

  /**
   * Adds the sidecar to a pod that has the sync's init container, whose image, store and volumes it shares.
   *
   * @param pod - the pod's `spec`, changed in place
   */
  addTo(pod: Manifest): void {
    const sync = pod.initContainers.find(({ name }: Manifest) => name === SYNC_CONTAINER);
    const { models, everySeconds = LOOK_SECONDS, loadSeconds } = this.props;
    const environment = watchEnvironment({ models, everySeconds, loadSeconds, syncScript: sync.command[1] });
    pod.initContainers.push({
      ...sync,
      name: 'model-watch',
      restartPolicy: 'Always',
      resources: { requests: WATCH_QUANTITIES, limits: WATCH_QUANTITIES },
      command: ['/bin/sh', `${SCRIPT_MOUNT}/watch.sh`],
      env: [...sync.env, ...Object.entries(environment).map(([name, value]) => ({ name, value }))],
      volumeMounts: [...sync.volumeMounts, { name: 'model-watch', mountPath: SCRIPT_MOUNT, readOnly: true }],
    });
    pod.volumes.push({ name: 'model-watch', configMap: { name: this.scriptName } });
    const { secret } = this.props;
    if (secret === undefined) return;
    const items = [{ key: secret.key, path: basename(LOAD_KEY_FILE) }];
    pod.volumes.push({ name: LOAD_KEY_VOLUME, secret: { secretName: secret.secretName, items } });
    pod.initContainers.at(-1).volumeMounts.push({ name: LOAD_KEY_VOLUME, mountPath: LOAD_KEY_FOLDER, readOnly: true });
  }
}

const WATCH_QUANTITIES = {
  cpu: `${WATCH_RESOURCES.cpus * 1000}m`,
  memory: `${WATCH_RESOURCES.memoryGib * 1024}Mi`,
  'ephemeral-storage': `${WATCH_RESOURCES.diskGib}Gi`,
} as const;

/** What the sidecar's script reads from the environment, beside what the sync reads. */
export function watchEnvironment(props: {
  readonly models: readonly string[];
  readonly everySeconds: number;
  readonly loadSeconds: number;
  readonly syncScript: string;
}): Record<string, string> {
  return {
    WATCH_SYNC: props.syncScript,
    WATCH_SECONDS: String(props.everySeconds),
    WATCH_LOAD_SECONDS: String(Math.ceil(props.loadSeconds)),
    WATCH_MODELS: props.models.join(' '),
    WATCH_SERVER: `http://127.0.0.1:${TRITON_PORTS.http}`,
    LOAD_KEY_HEADER,
    LOAD_KEY_FILE,
  };
}

/** The volume with the key of a pod's own, and the init container that makes it. */
export const LOAD_KEY_VOLUME = 'load-key';
const LOAD_KEY_FOLDER = dirname(LOAD_KEY_FILE);

/**
 * Gives a pod a key for its load API: random, in memory, made anew at each start, and known to its containers alone.
 *
 * @param pod - the pod's `spec`, changed in place
 * @param containers - names of the containers that read it
 */
export function addLoadKey(pod: Manifest, containers: readonly string[]): void {
  const mount = { name: LOAD_KEY_VOLUME, mountPath: LOAD_KEY_FOLDER };
  pod.volumes.push({ name: LOAD_KEY_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } });
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    if (containers.includes(container.name)) container.volumeMounts.push({ ...mount, readOnly: true });
  }
  const small = { cpu: '100m', memory: '32Mi', 'ephemeral-storage': '64Mi' };
  pod.initContainers = [
    {
      name: 'load-key',
      image: imageReference(versions.images.rclone),
      imagePullPolicy: pullPolicy(imageReference(versions.images.rclone)),
      command: ['/bin/sh', '-c', `umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \\n' > ${LOAD_KEY_FILE}`],
      resources: { requests: small, limits: small },
      securityContext: { ...pod.containers[0].securityContext },
      volumeMounts: [mount],
    },
    ...(pod.initContainers ?? []),
  ];
}
