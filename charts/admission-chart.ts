import { ApiObject, App, Chart } from 'cdk8s';
import { STACK_LABELS } from '../constructs/naming';

export interface AdmissionChartProps {
  /** The namespace whose pods are looked at. */
  readonly namespace: string;
  /** GPUs of the largest node that the environment has. */
  readonly gpusPerNode: number;
}

/** All containers of a pod, of whatever kind. */
const ALL = [
  'object.spec.containers',
  'object.spec.?initContainers.orValue([])',
  'object.spec.?ephemeralContainers.orValue([])',
].join(' + ');

/** GPUs of the container `c`. */
const GPUS = `quantity(c.?resources.?limits['nvidia.com/gpu'].orValue('0')).asInteger()`;

/**
 * What the API server itself refuses in a namespace, whoever asks: pods with images that a registry may change under a
 * running service, and pods for which there is no node. Pods alone are looked at: what makes them is told in its events.
 *
 * ValidatingAdmissionPolicy is stable since Kubernetes 1.30.
 */
export function admissionChart({ namespace, gpusPerNode }: AdmissionChartProps): Chart {
  const chart = new Chart(new App(), `admission-${namespace}`);
  addPolicy(chart, namespace, {
    name: 'images',
    variables: {
      // A digest, or a tag that does not move by design. A colon in front of a slash is a registry's port.
      moving: `(${ALL}).map(c, c.image).filter(i, !i.contains('@') && (i.endsWith(':latest') || !i.matches(':[^/]+$')))`,
    },
    expression: 'variables.moving.size() == 0',
    message: `'images named by no tag, or by latest, can change under a running service: ' + variables.moving.join(', ') + '. Name a version or a digest'`,
  });
  addPolicy(chart, namespace, {
    name: 'gpus',
    // As the scheduler counts: what runs at a time, or the init container that asks for the most.
    variables: {
      inits: 'object.spec.?initContainers.orValue([])',
      together: `(object.spec.containers + variables.inits.filter(c, c.?restartPolicy.orValue('') == 'Always')).map(c, ${GPUS}).sum()`,
      largest: `([0] + variables.inits.map(c, ${GPUS})).max()`,
      gpus: 'variables.together > variables.largest ? variables.together : variables.largest',
    },
    expression: `variables.gpus <= ${gpusPerNode}`,
    message: `'no node has ' + string(variables.gpus) + ' GPUs: the largest has ${gpusPerNode}. Split the model over pods, or add a pool of larger nodes'`,
  });
  return chart;
}

interface Policy {
  readonly name: string;
  /** CEL, by the names that the other expressions use. */
  readonly variables: Readonly<Record<string, string>>;
  /** CEL that holds for what is let in. */
  readonly expression: string;
  /** CEL for what is said to what is not. */
  readonly message: string;
}

function addPolicy(chart: Chart, namespace: string, policy: Policy): void {
  const labels = { ...STACK_LABELS };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const name = `triton-stack-${namespace}-${policy.name}`;
  new ApiObject(chart, policy.name, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name, labels },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['pods', 'pods/ephemeralcontainers'],
          },
        ],
      },
      variables: Object.entries(policy.variables).map(([key, expression]) => ({ name: key, expression })),
      validations: [{ expression: policy.expression, messageExpression: policy.message, reason: 'Invalid' }],
    },
  });
  new ApiObject(chart, `${policy.name}-binding`, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name, labels },
    spec: {
      policyName: name,
      validationActions: ['Deny'],
      matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
    },
  });
}
