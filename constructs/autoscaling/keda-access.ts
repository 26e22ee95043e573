import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import type { InferenceServer } from '../inference-server';
import type { PrometheusAuth, PrometheusEndpoint } from './metric-source';

/** What a Prometheus trigger says of where it asks and who it is. */
export interface TriggerAccess {
  readonly metadata: Readonly<Record<string, string>>;
  readonly authenticationRef?: { readonly name: string };
}

/** Where OpenShift's Thanos answers about one namespace (OpenShift documentation, "Understanding the Prometheus trigger"). */
const OPENSHIFT_ENDPOINT: PrometheusEndpoint = {
  url: 'https://thanos-querier.openshift-monitoring.svc.cluster.local:9092',
  auth: { kind: 'openshift' },
};

/** The Prometheus that KEDA asks, or undefined where nothing says which. */
export function endpointOf(
  { platform }: InferenceServer,
  given: PrometheusEndpoint | undefined,
): PrometheusEndpoint | undefined {
  return given ?? (platform === 'openshift' ? OPENSHIFT_ENDPOINT : undefined);
}

/** What triggers need to ask an endpoint, and the objects behind it. */
export function endpointAccess(
  scope: Construct,
  server: InferenceServer,
  { url, auth }: PrometheusEndpoint,
  namespace: string | undefined,
): TriggerAccess {
  const serverAddress = url.replace(/\/$/, '');
  switch (auth?.kind) {
    case undefined:
      return { metadata: { serverAddress } };
    case 'workload-identity':
      return { metadata: { serverAddress }, authenticationRef: googleIdentity(scope, server) };
    case 'bearer':
      return bearer({ serverAddress }, triggerAuthentication(scope, 'authentication', server, secretToken(auth)));
    case 'openshift':
      return bearer({ serverAddress, namespace: String(namespace) }, openshiftToken(scope, server, auth));
  }
}

/** What triggers need to ask Cloud Monitoring (Google Cloud documentation, "Query using PromQL", HTTP API). */
export function cloudMonitoringAccess(scope: Construct, server: InferenceServer, project: string): TriggerAccess {
  return {
    metadata: {
      serverAddress: `https://monitoring.googleapis.com/v1/projects/${project}/location/global/prometheus`,
    },
    authenticationRef: googleIdentity(scope, server),
  };
}

function bearer(metadata: Record<string, string>, authenticationRef: { readonly name: string }): TriggerAccess {
  return { metadata: { ...metadata, authModes: 'bearer' }, authenticationRef };
}

function secretToken({ secretName: name, tokenKey = 'token', caKey }: PrometheusAuth & { readonly kind: 'bearer' }) {
  const ca = caKey === undefined ? [] : [{ parameter: 'ca', name, key: caKey }];
  return { secretTargetRef: [{ parameter: 'bearerToken', name, key: tokenKey }, ...ca] };
}

/** The name of the ServiceAccount that reads metrics, and of what belongs to it. */
function readerName({ name }: InferenceServer): string {
  return `${name}-metrics`;
}

/**
 * A ServiceAccount that may read what Thanos knows of its namespace, and KEDA's right to a token of it (OpenShift
 * documentation, "Configuring the custom metrics autoscaler to use OpenShift monitoring"; KEDA documentation, "Bound
 * service account token").
 */
function openshiftToken(
  scope: Construct,
  server: InferenceServer,
  {
    operator = { namespace: 'openshift-keda', name: 'keda-operator' },
  }: PrometheusAuth & { readonly kind: 'openshift' },
): { readonly name: string } {
  const name = readerName(server);
  new k8s.KubeServiceAccount(scope, 'reader', {
    metadata: metadataOf(server, name),
    automountServiceAccountToken: false,
  });
  role(
    scope,
    'reading',
    server,
    name,
    [
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
      { apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
    ],
    { kind: 'ServiceAccount', name },
  );
  role(
    scope,
    'token',
    server,
    `${name}-token`,
    [{ apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [name], verbs: ['create'] }],
    { kind: 'ServiceAccount', ...operator },
  );
  return triggerAuthentication(scope, 'authentication', server, {
    boundServiceAccountToken: [{ parameter: 'bearerToken', serviceAccountName: name }],
    // OpenShift puts the authority of its own services into every namespace.
    configMapTargetRef: [{ parameter: 'ca', name: 'openshift-service-ca.crt', key: 'service-ca.crt' }],
  });
}

function role(
  scope: Construct,
  id: string,
  server: InferenceServer,
  name: string,
  rules: k8s.PolicyRule[],
  subject: k8s.Subject,
): void {
  new k8s.KubeRole(scope, id, { metadata: metadataOf(server, name), rules });
  new k8s.KubeRoleBinding(scope, `${id}-binding`, {
    metadata: metadataOf(server, name),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [subject],
  });
}

/** KEDA's own workload identity, once however many triggers use it. */
function googleIdentity(scope: Construct, server: InferenceServer): { readonly name: string } {
  const name = `${server.name}-google`;
  if (scope.node.tryFindChild('google') !== undefined) return { name };
  return triggerAuthentication(scope, 'google', server, { podIdentity: { provider: 'gcp' } }, name);
}

function triggerAuthentication(
  scope: Construct,
  id: string,
  server: InferenceServer,
  spec: object,
  name: string = readerName(server),
): { readonly name: string } {
  new ApiObject(scope, id, {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'TriggerAuthentication',
    metadata: metadataOf(server, name),
    spec,
  });
  return { name };
}

function metadataOf({ labels }: InferenceServer, name: string): k8s.ObjectMeta {
  return { name, labels: { ...labels } };
}
