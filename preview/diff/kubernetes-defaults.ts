import { type KubernetesObject, SECRET, UNKNOWN, WRITTEN_SECRET } from '../plan';
import { canonicalQuantity } from './quantity';

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

/**
 * An object as the API server would tell it back: what is left out has its default, and quantities have one form. Two
 * objects that mean the same are the same then.
 *
 * Defaults: k8s.io/kubernetes, pkg/apis/{core/v1,apps/v1,autoscaling/v2,networking/v1,batch/v1,rbac/v1}/defaults.go at
 * v1.34.4. Those of other APIs are not known here.
 */
export function normalisedObject(object: KubernetesObject): KubernetesObject {
  const copy = structuredClone(object) as Fields;
  const [group, version] = copy.apiVersion.includes('/') ? copy.apiVersion.split('/') : ['', copy.apiVersion];
  if (group.includes('.') && !group.endsWith('.k8s.io')) return copy;
  KINDS[`${group === '' ? version : group}/${copy.kind}`]?.(copy);
  return copy;
}

const KINDS: Readonly<Record<string, (object: Fields) => void>> = {
  'v1/Pod': ({ spec }) => pod(spec),
  'v1/Service': ({ spec }) => service(spec),
  'v1/PersistentVolumeClaim': ({ spec }) => claim(spec),
  'v1/PersistentVolume': ({ spec }) => {
    fill(spec, { volumeMode: 'Filesystem', persistentVolumeReclaimPolicy: 'Retain' });
    quantities(spec, 'capacity');
    volume(spec);
  },
  'v1/ResourceQuota': ({ spec }) => quantities(spec, 'hard'),
  'v1/LimitRange': ({ spec }) => {
    for (const limit of spec?.limits ?? []) {
      quantities(limit, 'default', 'defaultRequest', 'max', 'min', 'maxLimitRequestRatio');
    }
  },
  'v1/Secret': (secret) => {
    fill(secret, { type: 'Opaque' });
    if (secret.stringData === undefined) return;
    secret.data = { ...secret.data, ...Object.fromEntries(Object.entries(secret.stringData).map(encoded)) };
    delete secret.stringData;
  },
  'v1/Namespace': (namespace) => {
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name,
    };
  },
  'apps/Deployment': ({ spec }) => {
    unsaid(spec, { minReadySeconds: 0, paused: false });
    fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {} });
    fill(spec.strategy, { type: 'RollingUpdate' });
    if (spec.strategy.type === 'RollingUpdate') {
      fill(spec.strategy, { rollingUpdate: {} });
      fill(spec.strategy.rollingUpdate, { maxSurge: '25%', maxUnavailable: '25%' });
    }
    template(spec);
  },
  'apps/StatefulSet': ({ spec }) => {
    unsaid(spec, { minReadySeconds: 0 });
    fill(spec, {
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: {},
      persistentVolumeClaimRetentionPolicy: {},
    });
    fill(spec.updateStrategy, { type: 'RollingUpdate' });
    if (spec.updateStrategy.type === 'RollingUpdate') {
      fill(spec.updateStrategy, { rollingUpdate: {} });
      fill(spec.updateStrategy.rollingUpdate, { partition: 0 });
    }
    fill(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
    template(spec);
    for (const each of spec.volumeClaimTemplates ?? []) {
      fill(each, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
      // Of a claim to be the server tells that it is pending.
      delete each.status;
      claim(each.spec);
    }
  },
  'apps/DaemonSet': ({ spec }) => {
    unsaid(spec, { minReadySeconds: 0 });
    fill(spec, { revisionHistoryLimit: 10, updateStrategy: {} });
    fill(spec.updateStrategy, { type: 'RollingUpdate' });
    if (spec.updateStrategy.type === 'RollingUpdate') {
      fill(spec.updateStrategy, { rollingUpdate: {} });
      fill(spec.updateStrategy.rollingUpdate, { maxSurge: 0, maxUnavailable: 1 });
    }
    template(spec);
  },
  'batch/Job': ({ spec }) => job(spec),
  'batch/CronJob': ({ spec }) => {
    fill(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    fill(spec.jobTemplate, { metadata: {} });
    job(spec.jobTemplate?.spec);
  },
  'autoscaling/HorizontalPodAutoscaler': ({ spec }) => {
    fill(spec, { minReplicas: 1 });
    for (const metric of spec.metrics ?? []) metricTarget(metric);
    if (spec.behavior !== undefined) {
      fill(spec.behavior, { scaleUp: {}, scaleDown: {} });
      fill(spec.behavior.scaleUp, {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [
          { type: 'Pods', value: 4, periodSeconds: 15 },
          { type: 'Percent', value: 100, periodSeconds: 15 },
        ],
      });
      fill(spec.behavior.scaleDown, {
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      });
    }
  },
  'networking.k8s.io/NetworkPolicy': ({ spec }) => {
    fill(spec, { podSelector: {} });
    fill(spec, { policyTypes: spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress'] });
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) fill(port, { protocol: 'TCP' });
    }
  },
  'rbac.authorization.k8s.io/RoleBinding': binding,
  'rbac.authorization.k8s.io/ClusterRoleBinding': binding,
  'scheduling.k8s.io/PriorityClass': (priority) => fill(priority, { preemptionPolicy: 'PreemptLowerPriority' }),
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': ({ spec }) => {
    fill(spec, { failurePolicy: 'Fail' });
    matched(spec.matchConstraints);
    for (const validation of spec.validations ?? []) {
      if (validation.messageExpression === undefined) continue;
      fill(validation, { reason: 'Invalid' });
    }
  },
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': ({ spec }) => matched(spec.matchResources),
};

/** As the server keeps it; what stands in place of a secret stays readable. */
function encoded([key, value]: [string, unknown]): [string, unknown] {
  const shown = value === SECRET || value === UNKNOWN || value === WRITTEN_SECRET;
  return [key, shown ? value : Buffer.from(String(value)).toString('base64')];
}

function matched(resources: Fields): void {
  if (resources === undefined) return;
  fill(resources, { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} });
  for (const rule of resources.resourceRules ?? []) fill(rule, { scope: '*' });
}

function binding({ roleRef, subjects }: Fields): void {
  fill(roleRef, { apiGroup: 'rbac.authorization.k8s.io' });
  for (const subject of subjects ?? []) {
    if (subject.kind !== 'ServiceAccount') fill(subject, { apiGroup: 'rbac.authorization.k8s.io' });
  }
}

function service(spec: Fields): void {
  fill(spec, { type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster' });
  if (spec.type !== 'ClusterIP') fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (spec.type === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
  for (const port of spec.ports ?? []) {
    fill(port, { protocol: 'TCP' });
    fill(port, { targetPort: port.port });
  }
}

function claim(spec: Fields): void {
  fill(spec, { volumeMode: 'Filesystem' });
  // The older of the two fields mirrors the newer (pkg/registry/core/persistentvolumeclaim, NormalizeDataSources).
  if (spec?.dataSourceRef?.namespace === undefined) {
    const source = spec?.dataSourceRef ?? spec?.dataSource;
    if (source !== undefined) fill(spec, { dataSource: source, dataSourceRef: source });
  }
  quantities(spec?.resources, 'requests', 'limits');
}

function job(spec: Fields): void {
  if (spec === undefined) return;
  fill(spec, {
    completionMode: 'NonIndexed',
    backoffLimit: 6,
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: 'TerminatingOrFailed',
  });
  if (spec.completions === undefined && spec.parallelism === undefined) fill(spec, { completions: 1 });
  fill(spec, { parallelism: 1 });
  template(spec);
}

function metricTarget(metric: Fields): void {
  for (const source of ['resource', 'containerResource', 'pods', 'object', 'external']) {
    const target = metric[source]?.target;
    if (target === undefined) continue;
    for (const key of ['value', 'averageValue']) {
      if (key in target) target[key] = canonicalQuantity(target[key]);
    }
  }
}

function template(spec: Fields): void {
  if (spec.template?.spec !== undefined) pod(spec.template.spec);
}

function pod(spec: Fields): void {
  fill(spec, {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
  });
  unsaid(spec, { hostNetwork: false, hostPID: false, hostIPC: false });
  if (spec.serviceAccountName !== undefined) fill(spec, { serviceAccount: spec.serviceAccountName });
  for (const each of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) container(each);
  for (const each of spec.volumes ?? []) volume(each);
  for (const each of spec.topologySpreadConstraints ?? []) {
    fill(each, { nodeAffinityPolicy: 'Honor', nodeTaintsPolicy: 'Ignore' });
  }
}

function container(spec: Fields): void {
  fill(spec, {
    imagePullPolicy: /:latest$|^[^:@]*$/.test(spec.image?.split('/').at(-1) ?? '') ? 'Always' : 'IfNotPresent',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    resources: {},
  });
  unsaid(spec, { stdin: false, stdinOnce: false, tty: false });
  for (const mount of spec.volumeMounts ?? []) unsaid(mount, { readOnly: false });
  for (const port of spec.ports ?? []) fill(port, { protocol: 'TCP' });
  for (const probe of [spec.livenessProbe, spec.readinessProbe, spec.startupProbe]) {
    if (probe === undefined) continue;
    fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
    unsaid(probe, { initialDelaySeconds: 0 });
    handler(probe);
  }
  for (const hook of Object.values(spec.lifecycle ?? {})) handler(hook);
  for (const variable of spec.env ?? []) {
    const { fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
    if (fieldRef !== undefined) fill(fieldRef, { apiVersion: 'v1' });
    if (resourceFieldRef !== undefined) {
      resourceFieldRef.divisor = canonicalQuantity(resourceFieldRef.divisor ?? '0');
    }
    // An empty value is left out.
    if (variable.value === '' && variable.valueFrom === undefined) delete variable.value;
  }
  quantities(spec.resources, 'requests', 'limits');
  const { limits } = spec.resources;
  if (limits !== undefined) spec.resources.requests = { ...limits, ...spec.resources.requests };
}

function handler(of: Fields): void {
  if (of.httpGet !== undefined) fill(of.httpGet, { scheme: 'HTTP', path: '/' });
  if (of.grpc !== undefined) fill(of.grpc, { service: '' });
}

/** 0644: what files of these volumes are where nothing else is said. */
const DEFAULT_MODE = 420;

function volume(spec: Fields): void {
  for (const kind of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    if (spec[kind] !== undefined) fill(spec[kind], { defaultMode: DEFAULT_MODE });
  }
  for (const { serviceAccountToken, downwardAPI } of spec.projected?.sources ?? []) {
    if (serviceAccountToken !== undefined) fill(serviceAccountToken, { expirationSeconds: 3600 });
    for (const { fieldRef } of downwardAPI?.items ?? [])
      if (fieldRef !== undefined) fill(fieldRef, { apiVersion: 'v1' });
  }
  for (const kind of ['persistentVolumeClaim', 'csi', 'nfs']) {
    if (spec[kind] !== undefined) unsaid(spec[kind], { readOnly: false });
  }
  if (spec.hostPath !== undefined) fill(spec.hostPath, { type: '' });
  const { emptyDir } = spec;
  if (emptyDir?.sizeLimit !== undefined) emptyDir.sizeLimit = canonicalQuantity(emptyDir.sizeLimit);
  if (spec.ephemeral?.volumeClaimTemplate?.spec !== undefined) claim(spec.ephemeral.volumeClaimTemplate.spec);
}

function quantities(of: Fields, ...keys: readonly string[]): void {
  for (const key of keys) {
    if (of?.[key] === undefined) continue;
    of[key] = Object.fromEntries(Object.entries(of[key]).map(([name, value]) => [name, canonicalQuantity(value)]));
  }
}

/** Sets what is left out. */
function fill(of: Fields, defaults: Readonly<Record<string, unknown>>): void {
  if (of === undefined) return;
  for (const [key, value] of Object.entries(defaults)) of[key] ??= value;
}

/** Takes away what is the same as not being said: the server tells back none of these. */
function unsaid(of: Fields, nothings: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(nothings)) if (of[key] === value) delete of[key];
}
