import type { KubernetesObject } from '../../preview/plan';

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

/**
 * What the pods of these objects cannot start without, as `Secret/name`: what containers take variables from, what is
 * mounted, accounts, priority classes. What is optional is left out.
 */
export function podReferences(objects: readonly KubernetesObject[]): string[] {
  const found = new Set<string>();
  const add = (kind: string, reference: Fields, name = reference?.name) => {
    if (name !== undefined && reference?.optional !== true) found.add(`${kind}/${name}`);
  };
  for (const object of objects as readonly Fields[]) {
    const spec = object.spec?.template?.spec;
    if (spec === undefined) continue;
    if (spec.serviceAccountName !== undefined) found.add(`ServiceAccount/${spec.serviceAccountName}`);
    if (spec.priorityClassName !== undefined) found.add(`PriorityClass/${spec.priorityClassName}`);
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      for (const { secretRef, configMapRef } of container.envFrom ?? []) {
        add('Secret', secretRef);
        add('ConfigMap', configMapRef);
      }
      for (const { valueFrom } of container.env ?? []) {
        add('Secret', valueFrom?.secretKeyRef);
        add('ConfigMap', valueFrom?.configMapKeyRef);
      }
    }
    for (const volume of spec.volumes ?? []) {
      add('Secret', volume.secret, volume.secret?.secretName);
      add('ConfigMap', volume.configMap);
      add('PersistentVolumeClaim', volume.persistentVolumeClaim, volume.persistentVolumeClaim?.claimName);
    }
  }
  return [...found].sort();
}

/** Keys of ConfigMaps and Secrets that variables need, as `ConfigMap/name/key`. */
export function keyReferences(objects: readonly KubernetesObject[]): string[] {
  const found = new Set<string>();
  for (const object of objects as readonly Fields[]) {
    const spec = object.spec?.template?.spec;
    for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
      for (const { valueFrom } of container.env ?? []) {
        const { secretKeyRef: secret, configMapKeyRef: config } = valueFrom ?? {};
        if (secret !== undefined && secret.optional !== true) found.add(`Secret/${secret.name}/${secret.key}`);
        if (config !== undefined && config.optional !== true) found.add(`ConfigMap/${config.name}/${config.key}`);
      }
    }
  }
  return [...found].sort();
}
