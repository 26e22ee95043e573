import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { STACK_LABELS } from '../../constructs/naming';
import { KUBEFLOW_NAMESPACE, NAMES } from './settings';

export interface CredentialsChartProps {
  readonly database: { readonly username: string; readonly password: string };
  /** @default none: an identity, or a Secret that somebody else makes */
  readonly store?: { readonly accessKey: string; readonly secretKey: string };
  /** What the UI signs with. */
  readonly signingKey: string;
}

/** The Secrets that Kubeflow Pipelines reads, under the names that upstream gives them. */
export function kubeflowCredentialsChart({ database, store, signingKey }: CredentialsChartProps): Chart {
  const chart = new Chart(new App(), 'kubeflow-credentials');
  const secret = (name: string, stringData: Record<string, string>) =>
    new k8s.KubeSecret(chart, name, {
      metadata: { name, namespace: KUBEFLOW_NAMESPACE, labels: { ...STACK_LABELS } },
      type: 'Opaque',
      stringData,
    });
  secret(NAMES.databaseSecret, { ...database });
  if (store !== undefined) secret(NAMES.storeSecret, { accesskey: store.accessKey, secretkey: store.secretKey });
  secret(NAMES.signingSecret, { key: signingKey });
  return chart;
}
