import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { clusterScoped } from './after-mapping';
import { contentHash } from './naming';

export interface NodeCacheVolumeProps {
  /** Prefix of the claim's name, and of the volume's. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The namespace of the cache, which the volume's name begins with. */
  readonly cacheNamespace: string;
  /** The namespace of the claim. */
  readonly namespace: string;
  readonly accessMode: 'ReadWriteMany' | 'ReadOnlyMany';
  /** The folder of each node. */
  readonly hostPath: string;
}

/** Something has to stand there. No host path heeds it, and a claim's can't be changed without a class that lets it grow. */
const SIZE = k8s.Quantity.fromString('1Gi');

/**
 * A claim, and the volume that is kept for it, that show each node its own folder: a host path that names no node
 * (kubernetes/kubernetes #123743).
 */
export class NodeCacheVolume extends Construct {
  /** Named by its content: neither a claim's volume nor a volume's path can be changed. */
  readonly claimName: string;

  constructor(scope: Construct, id: string, props: NodeCacheVolumeProps) {
    super(scope, id);
    const { namespace, accessMode, hostPath } = props;
    const labels = { ...props.labels };
    this.claimName = `${props.name}-${contentHash({ namespace, hostPath })}`;
    const volumeName = `${props.cacheNamespace}-${this.claimName}`;
    const accessModes = [accessMode];
    const volume = new k8s.KubePersistentVolume(this, 'volume', {
      metadata: { name: volumeName, labels },
      spec: {
        accessModes,
        capacity: { storage: SIZE },
        // For no other claim: whoever had it would have the folder of every node.
        claimRef: { namespace, name: this.claimName },
        // A server may come before the cache: there is a folder then, and it waits.
        hostPath: { path: hostPath, type: 'DirectoryOrCreate' },
        persistentVolumeReclaimPolicy: 'Retain',
      },
    });
    clusterScoped(volume);
    new k8s.KubePersistentVolumeClaim(this, 'claim', {
      metadata: { name: this.claimName, namespace, labels },
      // No class: the cluster's default one would make a volume.
      spec: { accessModes, storageClassName: '', volumeName, resources: { requests: { storage: SIZE } } },
    });
  }
}
