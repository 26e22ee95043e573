import { ApiObject, App, Chart } from 'cdk8s';
import { STACK_LABELS } from '../constructs/naming';
import { type AdmissionPolicy, admissionPolicies } from '../policies/admission';
import { celList } from '../policies/cel';
import type { PolicySettings } from '../policies/settings';

export interface AdmissionChartProps {
  /** The namespace whose objects are looked at. */
  readonly namespace: string;
  readonly policies: PolicySettings;
}

const API_VERSION = 'admissionregistration.k8s.io/v1';

/**
 * The rules of `policies/` that the API server itself holds in a namespace, whoever asks.
 *
 * ValidatingAdmissionPolicy is stable since Kubernetes 1.30.
 */
export function admissionChart({ namespace, policies }: AdmissionChartProps): Chart {
  const chart = new Chart(new App(), `admission-${namespace}`);
  for (const policy of admissionPolicies(policies)) addPolicy(chart, namespace, policy);
  return chart;
}

function addPolicy(chart: Chart, namespace: string, policy: AdmissionPolicy): void {
  const { actions, targets, annotations, variables, checks } = policy;
  const labels = { ...STACK_LABELS };
  const name = `triton-stack-${namespace}-${policy.name}`;
  new ApiObject(chart, policy.name, {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name, labels },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: targets.map(({ group, version, resources }) => ({
          apiGroups: [group],
          apiVersions: [version],
          operations: ['CREATE', 'UPDATE'],
          resources: [...resources],
        })),
      },
      matchConditions: [{ name: 'is-new', expression: isNew(annotations) }],
      variables: Object.entries(variables).map(([key, expression]) => ({ name: key, expression })),
      validations: checks.map(({ expression, message }) => ({
        expression,
        messageExpression: message,
        reason: 'Invalid',
      })),
    },
  });
  new ApiObject(chart, `${policy.name}-binding`, {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name, labels },
    spec: {
      policyName: name,
      validationActions: [...actions],
      matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
    },
  });
}

/** What is there already is left alone until somebody changes what rules look at: controllers set labels, finalizers, ... */
function isNew(annotations: readonly string[]): string {
  const own = (object: string) => `dyn(${object}).metadata.?annotations[?a].orValue('')`;
  const changed =
    annotations.length === 0 ? [] : [`${celList(annotations)}.exists(a, ${own('object')} != ${own('oldObject')})`];
  return ['oldObject == null', 'dyn(object).spec != dyn(oldObject).spec', ...changed].join(' || ');
}
