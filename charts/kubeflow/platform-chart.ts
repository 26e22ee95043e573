import { ApiObject, App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { dump } from 'js-yaml';
import { STACK_LABELS } from '../../constructs/naming';
import { KUBEFLOW_NAMESPACE, NAMES } from './settings';

/** The OAuth client that upstream's configuration of oauth2-proxy is (common/oauth2-proxy/base). */
export const CLIENT_ID = 'kubeflow-oidc-authservice';

/** What the platform's parts know each other by, and its owner. */
export interface PlatformSecrets {
  /** Of the owner, as bcrypt makes it. */
  readonly passwordHash: string;
  /** Of dex's only client, oauth2-proxy: {@link CLIENT_ID}. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** 32 characters that cookies are encrypted with. */
  readonly cookieSecret: string;
}

/** Who may sign in: the owner alone, in place of upstream's user@example.com with a password that everyone knows. */
export function platformLoginChart(owner: string, secrets: PlatformSecrets): Chart {
  const chart = new Chart(new App(), 'kubeflow-login');
  const metadata = (name: string, namespace: string) => ({ name, namespace, labels: { ...STACK_LABELS } });
  const { clientId, clientSecret, cookieSecret, passwordHash } = secrets;
  new k8s.KubeConfigMap(chart, 'dex', { metadata: metadata('dex', 'auth'), data: { 'config.yaml': dexConfig(owner) } });
  new k8s.KubeSecret(chart, 'password', {
    metadata: metadata('dex-passwords', 'auth'),
    stringData: { DEX_USER_PASSWORD: passwordHash },
  });
  new k8s.KubeSecret(chart, 'client', {
    metadata: metadata('dex-oidc-client', 'auth'),
    stringData: { OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret },
  });
  new k8s.KubeSecret(chart, 'proxy', {
    metadata: metadata('oauth2-proxy', 'oauth2-proxy'),
    stringData: { 'client-id': clientId, 'client-secret': clientSecret, 'cookie-secret': cookieSecret },
  });
  return chart;
}

/** Upstream's (common/dex/overlays/oauth2-proxy/config-map.yaml), for another owner, and without debug logs. */
function dexConfig(owner: string): string {
  return dump({
    issuer: 'http://dex.auth.svc.cluster.local:5556/dex',
    storage: { type: 'kubernetes', config: { inCluster: true } },
    web: { http: '0.0.0.0:5556' },
    logger: { level: 'info', format: 'text' },
    oauth2: { skipApprovalScreen: true },
    enablePasswordDB: true,
    staticPasswords: [{ email: owner, hashFromEnv: 'DEX_USER_PASSWORD', username: 'owner', userID: 'owner' }],
    staticClients: [
      {
        idEnv: 'OIDC_CLIENT_ID',
        redirectURIs: ['/oauth2/callback'],
        name: 'Kubeflow',
        secretEnv: 'OIDC_CLIENT_SECRET',
      },
    ],
  });
}

/** Passwords of the platform's database and of its store of artifacts. */
export function platformStoreChart(
  keys: Readonly<Record<'username' | 'password' | 'accessKey' | 'secretKey', string>>,
): Chart {
  const chart = new Chart(new App(), 'kubeflow-credentials');
  const secret = (name: string, stringData: Record<string, string>) =>
    new k8s.KubeSecret(chart, name, {
      metadata: { name, namespace: KUBEFLOW_NAMESPACE, labels: { ...STACK_LABELS } },
      stringData,
    });
  secret(NAMES.databaseSecret, { username: keys.username, password: keys.password });
  secret(NAMES.storeSecret, { accesskey: keys.accessKey, secretkey: keys.secretKey });
  return chart;
}

/** The owner's namespace, and the GPUs that it may hold: Kubeflow makes both from a Profile. */
export function ownerProfileChart(owner: string, gpuQuota: number): Chart {
  const chart = new Chart(new App(), 'kubeflow-owner');
  new ApiObject(chart, 'profile', {
    apiVersion: 'kubeflow.org/v1',
    kind: 'Profile',
    metadata: { name: profileName(owner), labels: { ...STACK_LABELS } },
    spec: {
      owner: { kind: 'User', name: owner },
      resourceQuotaSpec: { hard: { 'requests.nvidia.com/gpu': String(gpuQuota) } },
    },
  });
  return chart;
}

/** `kubeflow-a-b-example-com` for `a.b@example.com`: the namespace is named so. */
function profileName(owner: string): string {
  return `kubeflow-${owner.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 63).replace(/-+$/, '');
}
