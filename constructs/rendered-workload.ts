import type { Manifest } from './after-mapping';
import type { Workload } from './workload';

/**
 * Takes out of a rendered workload what cdk8s-plus puts there by itself: a number of replicas, which would fight an
 * autoscaler, and a hash of the construct's path, which would roll every pod when the construct moves in the tree.
 *
 * @param replicas - a fixed number, or undefined where an autoscaler has it
 */
export function settleWorkload({ spec }: Manifest, replicas: number | undefined): void {
  if (replicas === undefined) delete spec.replicas;
  else spec.replicas = replicas;
  dropPathLabel(spec.template);
}

/** Takes the hash of the construct's path out of a pod template. */
export function dropPathLabel({ metadata }: Manifest): void {
  delete metadata.labels['cdk8s.io/metadata.addr'];
}

/** A volume of each pod's own. */
export interface KeptVolume {
  readonly name: string;
  readonly gib: number;
  readonly storageClass: string | undefined;
  readonly retention: Required<NonNullable<Extract<Workload, { kind: 'statefulset' }>['retention']>>;
}

/** Gives each pod of a rendered StatefulSet a volume that outlives it. */
export function claimVolume({ spec }: Manifest, { name, gib, storageClass, retention }: KeptVolume): void {
  spec.volumeClaimTemplates = [
    {
      metadata: { name },
      spec: {
        accessModes: ['ReadWriteOnce'],
        ...(storageClass !== undefined && { storageClassName: storageClass }),
        resources: { requests: { storage: `${gib}Gi` } },
      },
    },
  ];
  spec.persistentVolumeClaimRetentionPolicy = retention;
}
