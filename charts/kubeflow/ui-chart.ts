import { ApiObject, App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { STACK_LABELS } from '../../constructs/naming';
import { KUBEFLOW_NAMESPACE, type PipelinesSettings, type UiAccess } from './settings';

/** The Service of the UI (kubeflow/pipelines, ml-pipeline-ui-service.yaml). */
const UI = { name: 'ml-pipeline-ui', port: 80, containerPort: 3000 } as const;

/** Deployments of several pods, of which a drain leaves one: by the label that selects their pods. */
const REPLICATED = {
  'ml-pipeline-ui': { app: 'ml-pipeline-ui' },
  'metadata-envoy': { component: 'metadata-envoy' },
  'workflow-controller': { app: 'workflow-controller' },
} as const;

/**
 * How people reach the UI, and what a drain leaves of it.
 *
 * What has one pod has no budget: a budget on one pod would keep its node from ever being drained.
 */
export function kubeflowUiChart({ access }: Pick<PipelinesSettings, 'access'>): Chart {
  const chart = new Chart(new App(), 'kubeflow-ui');
  for (const [name, matchLabels] of Object.entries(REPLICATED)) {
    new k8s.KubePodDisruptionBudget(chart, `${name}-budget`, {
      metadata: metadata(name),
      spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: { ...matchLabels } } },
    });
  }
  if (access.kind === 'iap') addGateway(chart, access);
  if (access.kind === 'route') addRoute(chart, access);
  return chart;
}

const metadata = (name: string = UI.name) => ({ name, namespace: KUBEFLOW_NAMESPACE, labels: { ...STACK_LABELS } });

/** The target of GKE's policies. */
const TARGET = { group: '', kind: 'Service', name: UI.name } as const;

function addGateway(chart: Chart, access: Extract<UiAccess, { kind: 'iap' }>): void {
  new ApiObject(chart, 'gateway', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: metadata(),
    spec: {
      gatewayClassName: 'gke-l7-global-external-managed',
      addresses: [{ type: 'NamedAddress', value: access.addressName }],
      listeners: [
        {
          name: 'https',
          protocol: 'HTTPS',
          port: 443,
          hostname: access.host,
          tls: {
            mode: 'Terminate',
            options: { 'networking.gke.io/pre-shared-certs': access.certificateName },
          },
          allowedRoutes: { namespaces: { from: 'Same' } },
        },
      ],
    },
  });
  new ApiObject(chart, 'http-route', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: metadata(),
    spec: {
      parentRefs: [{ name: UI.name }],
      hostnames: [access.host],
      rules: [{ backendRefs: [{ name: UI.name, port: UI.port }] }],
    },
  });
  // Google's front end asks who it is, and whether IAM lets them in (gke-gateway-api, gcpbackendpolicies).
  new ApiObject(chart, 'iap', {
    apiVersion: 'networking.gke.io/v1',
    kind: 'GCPBackendPolicy',
    metadata: metadata(),
    spec: {
      default: {
        iap: {
          enabled: true,
          clientID: access.clientId,
          oauth2ClientSecret: { name: access.clientSecretName },
        },
        // Logs of running steps are streamed.
        timeoutSec: 3600,
      },
      targetRef: { ...TARGET },
    },
  });
  new ApiObject(chart, 'health', {
    apiVersion: 'networking.gke.io/v1',
    kind: 'HealthCheckPolicy',
    metadata: metadata(),
    spec: {
      default: {
        config: {
          type: 'HTTP',
          httpHealthCheck: { port: UI.containerPort, requestPath: '/apis/v1beta1/healthz' },
        },
      },
      targetRef: { ...TARGET },
    },
  });
}

function addRoute(chart: Chart, { host, allowFrom }: Extract<UiAccess, { kind: 'route' }>): void {
  new ApiObject(chart, 'route', {
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    metadata: {
      ...metadata(),
      annotations: {
        'haproxy.router.openshift.io/ip_allowlist': allowFrom.join(' '),
        'haproxy.router.openshift.io/timeout': '1h',
      },
    },
    spec: {
      ...(host !== undefined && { host }),
      port: { targetPort: 'http' },
      tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' },
      to: { kind: 'Service', name: UI.name, weight: 100 },
      wildcardPolicy: 'None',
    },
  });
}
